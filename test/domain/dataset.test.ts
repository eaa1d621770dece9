import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDataset } from '../../src/domain/dataset/parse.ts'
import { concatRows, fromCsv, partOf, rowText, splitRows, toCsv } from '../../src/domain/dataset/split.ts'
import { datasetText } from '../../src/domain/dataset/text.ts'
import { InputError } from '../../src/domain/errors.ts'
import { config } from './support.ts'

const binary = config()
const regression = config({
  task: 'regression',
  label: { column: 'y' },
  evaluation: { metric: 'rmse', floor: 1 },
})
function refusal(run: () => unknown): { code: string; field: string | undefined; message: string } {
  try {
    run()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return { code: error.reason, field: error.field, message: error.message }
  }
  throw new Error('accepted')
}
const wide = Array.from({ length: 300 }, (_, i) => `c${i}`).join(',')

describe('parseDataset', () => {
  const same = {
    features: [
      [1, 2],
      [3, Number.NaN],
    ],
    labels: [0, 1],
  }
  it.each([
    ['plain', 'a,b,y\n1,2,no\n3,,yes\n'],
    ['without a last line break', 'a,b,y\n1,2,no\n3,,yes'],
    ['with a byte order mark', '\ufeffa,b,y\n1,2,no\n3,,yes\n'],
    ['with CRLF', 'a,b,y\r\n1,2,no\r\n3,,yes\r\n'],
    ['with quotes', '"a","b","y"\n"1","2","no"\n3,"","yes"\n'],
    ['with spaces and empty lines', 'a , b,y\n\n1, 2 ,no\n\n\n3, ,yes\n\n'],
    ['with other columns in another order', 'note,y,b,a\n"x,""y""\nz",no,2,1\n,yes,,3\n'],
    ['with exponents', 'a,b,y\n1e0,+2.0,no\n3.000,,yes\n'],
  ])('reads a file %s', (_name, text) => {
    expect(parseDataset(text, binary)).toEqual(same)
  })

  it('reads values as labels of a regression', () => {
    expect(parseDataset('a,b,y\n1,2,-0.5\n', regression).labels).toEqual([-0.5])
  })

  it.each([
    ['missing column', 'a,y\n1,no\n', 'MISSING_COLUMN', 'b', /missing column "b"; expected "a", "b", "y"/],
    ['missing columns', 'x\n1\n', 'MISSING_COLUMN', 'a', /"a", "b", "y"; expected/],
    ['case of a column', 'A,b,y\n1,2,no\n', 'MISSING_COLUMN', 'a', /missing column "a"/],
    ['no header', '1,2,no\n3,4,yes\n', 'MISSING_COLUMN', 'a', /missing column/],
    ['unknown column', 'a,b,y,z\n1,2,no,3\n', 'UNKNOWN_COLUMN', 'z', /"z"; name it under `ignore`/],
    ['many unknown columns', 'a,b,y,q,r,s,t,u,v\n1,2,no,3,3,3,3,3,3\n', 'UNKNOWN_COLUMN', 'q', /and 1 more/],
    ['column twice', 'a,b,a,y\n1,2,3,no\n', 'DUPLICATE_COLUMN', 'a', /column "a" appears twice/],
    ['empty file', '', 'EMPTY_FILE', 'file', /header row and at least one row/],
    ['empty lines', '\n\n \n', 'EMPTY_FILE', 'file', /empty/],
    ['header only', 'a,b,y\n', 'NO_ROWS', 'file', /a header and no rows/],
    ['300 columns', `${wide}\n${wide}\n`, 'TOO_MANY_COLUMNS', 'file', /^300 columns; at most 256/],
    ['text', 'a,b,y\n1,2,no\nwarm,2,no\n', 'NOT_A_NUMBER', 'a', /^line 3: "a" is "warm"/],
    ['NaN', 'a,b,y\nNaN,2,no\n', 'NOT_A_NUMBER', 'a', /^line 2: "a" is "NaN"; a finite number is needed/],
    ['Infinity', 'a,b,y\n1,Infinity,no\n', 'NOT_A_NUMBER', 'b', /^line 2: "b" is "Infinity"/],
    ['-inf', 'a,b,y\n1,-inf,no\n', 'NOT_A_NUMBER', 'b', /^line 2: "b" is "-inf"/],
    ['overflow', 'a,b,y\n1,-1e999,no\n', 'NOT_A_NUMBER', 'b', /^line 2: "b" is "-1e999"/],
    ['hexadecimal', 'a,b,y\n0x1F,2,no\n', 'NOT_A_NUMBER', 'a', /^line 2: "a" is "0x1F"/],
    ['decimal comma', 'a,b,y\n"1,5",2,no\n', 'NOT_A_NUMBER', 'a', /^line 2: "a" is "1,5"/],
    ['long text', `a,b,y\n${'x'.repeat(500)},2,no\n`, 'NOT_A_NUMBER', 'a', /^.{0,120}$/],
    ['missing value', 'a,b,y\n1,2,no\n ,2,no\n', 'MISSING_VALUE', 'a', /^line 3: "a" is empty/],
    [
      'below the range',
      'a,b,y\n-0.001,2,no\n',
      'OUT_OF_RANGE',
      'a',
      /^line 2: "a" is -0.001; allowed is 0 to 100/,
    ],
    ['above the range', 'a,b,y\n1,2,no\n100.5,2,no\n', 'OUT_OF_RANGE', 'a', /^line 3: "a" is 100.5/],
    [
      'unknown class',
      'a,b,y\n1,2,NO\n',
      'UNKNOWN_CLASS',
      'y',
      /^line 2: "y" is "NO"; known classes are "no", "yes"/,
    ],
    ['no class', 'a,b,y\n1,2,\n', 'UNKNOWN_CLASS', 'y', /^line 2: "y" is ""/],
    ['short row', 'a,b,y\n1,2,no\n1,2\n', 'RAGGED_ROW', 'file', /^line 3 has 2 cells, the header has 3/],
    ['long row', 'a,b,y\n1,2,no,4\n', 'RAGGED_ROW', 'file', /^line 2 has 4 cells, the header has 3/],
    ['open quote', 'a,b,y\n"1,2,no\n', 'NOT_CSV', 'file', /not a CSV file/],
    ['stray quote', 'a,b,y\n1"x,2,no\n', 'NOT_CSV', 'file', /not a CSV file/],
    ['binary', '\0\u0001\u0002', 'MISSING_COLUMN', 'a', /missing column/],
  ] as const)('refuses %s', (_name, text, code, field, message) => {
    const refused = refusal(() => parseDataset(text, binary))
    expect(refused).toMatchObject({ code, field })
    expect(refused.message).toMatch(message)
  })

  it('refuses a label of a regression that is no number, also an empty one', () => {
    for (const cell of ['', 'high', 'NaN', '1e999']) {
      const refused = refusal(() => parseDataset(`a,b,y\n1,2,3\n1,2,${cell}\n`, regression))
      expect(refused).toMatchObject({ code: 'NOT_A_NUMBER', field: 'y' })
      expect(refused.message).toMatch(/^line 3: "y" is /)
    }
  })

  it('counts lines as an editor does, past empty lines and line breaks in quotes', () => {
    const line = (text: string) => refusal(() => parseDataset(text, binary)).message.split(':')[0]
    expect(line('a,b,y\n\n\n1,2,no\n\nx,2,no\n')).toBe('line 6')
    expect(line('a,b,y,note\n1,2,no,"one\ntwo"\nx,2,no,\n')).toBe('line 4')
    expect(line('a,b,y\r\n1,2,no\r\n\r\nx,2,no\r\n')).toBe('line 4')
  })

  it('never throws anything but a refusal, whatever the text', () => {
    const cell = fc.oneof(fc.constantFrom('a', 'b', 'y', '1', 'no', '', '"', '\r', '\n', 'NaN'), fc.string())
    void fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 5 }), { maxLength: 6 }), rows => {
        const text = rows.map(r => r.join(',')).join('\n')
        try {
          const { features, labels } = parseDataset(text, binary)
          expect(features).toHaveLength(labels.length)
        } catch (error) {
          expect(error).toBeInstanceOf(InputError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('datasetText', () => {
  it('unpacks .gz and nothing else', () => {
    expect(datasetText('x.csv.gz', gzipSync('a,ü\n'))).toBe('a,ü\n')
    expect(datasetText('x.csv', Buffer.from('a,ü\n'))).toBe('a,ü\n')
  })
  it('refuses what is not gzip, cut off, or not UTF-8', () => {
    expect(refusal(() => datasetText('x.gz', Buffer.from('a,b\n')))).toMatchObject({
      code: 'NOT_GZIP',
      field: 'file',
    })
    expect(refusal(() => datasetText('x.gz', gzipSync('a'.repeat(999)).subarray(0, 15))).code).toBe(
      'NOT_GZIP',
    )
    expect(refusal(() => datasetText('x.csv', gzipSync('a')))).toMatchObject({
      code: 'NOT_UTF8',
      field: 'file',
    })
    expect(refusal(() => datasetText('x.gz', gzipSync(Buffer.of(0xff)))).code).toBe('NOT_UTF8')
  })
})

describe('the split', () => {
  const rows = {
    features: Array.from({ length: 20_000 }, (_, i) => [i, i / 7]),
    labels: Array.from({ length: 20_000 }, (_, i) => i % 2),
  }
  it('gives each part its share, within five standard deviations', () => {
    const shares = { validation: 0.2, holdout: 0.1 }
    const parts = splitRows(rows, shares)
    const n = rows.labels.length
    for (const [part, p] of [
      ['validation', 0.2],
      ['holdout', 0.1],
      ['train', 0.7],
    ] as const) {
      expect(Math.abs(parts[part].labels.length - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)))
    }
    expect(parts.train.labels.length + parts.validation.labels.length + parts.holdout.labels.length).toBe(n)
  })

  it('puts a row into the same part wherever it stands, and equal rows together', () => {
    void fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ noNaN: true }), fc.integer({ min: 0, max: 2 })), { maxLength: 40 }),
        pairs => {
          const of = (list: readonly (readonly [number, number])[]) =>
            splitRows(
              { features: list.map(([v]) => [v]), labels: list.map(([, l]) => l) },
              { validation: 0.3, holdout: 0.3 },
            )
          const texts = (part: { features: readonly (readonly number[])[]; labels: readonly number[] }) =>
            part.features.map((f, i) => rowText(f, part.labels[i] as number)).sort()
          const forwards = of([...pairs, ...pairs])
          const backwards = of([...pairs, ...pairs].reverse())
          for (const part of ['train', 'validation', 'holdout'] as const)
            expect(texts(forwards[part])).toEqual(texts(backwards[part]))
          const [train, holdout] = [new Set(texts(forwards.train)), texts(forwards.holdout)]
          expect(holdout.some(text => train.has(text))).toBe(false)
        },
      ),
    )
  })

  it('never moves a held-out row into training when another share changes', () => {
    for (let i = 0; i < 2_000; i++) {
      const text = rowText([i], 0)
      const before = partOf(text, { validation: 0.1, holdout: 0.2 })
      const after = partOf(text, { validation: 0.4, holdout: 0.2 })
      if (before === 'holdout') expect(after).toBe('holdout')
      if (after === 'train') expect(before).toBe('train')
    }
  })

  it('is pinned: these rows stay where they are for as long as there are deployed models', () => {
    const shares = { validation: 0.2, holdout: 0.2 }
    const parts = Array.from({ length: 20 }, (_, i) => partOf(rowText([i, -i / 3], i % 2), shares)[0]).join(
      '',
    )
    expect(parts).toBe('hvtththtttttthttttvt')
    expect(rowText([1.5, Number.NaN, -0, 1e-7], 1)).toBe('1,1.5,,0,1e-7')
  })

  it('reads back what it wrote, to the bit', () => {
    const value = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(Number.NaN))
    void fc.assert(
      fc.property(fc.array(fc.tuple(value, value)), pairs => {
        const set = { features: pairs.map(p => [...p]), labels: pairs.map((_, i) => i) }
        const back = fromCsv(toCsv(set))
        expect(back.labels).toEqual(set.labels)
        // Minus zero is written as 0.
        expect(back.features).toEqual(set.features.map(f => f.map(v => (v === 0 ? 0 : v))))
      }),
    )
    expect(toCsv({ features: [], labels: [] })).toBe('')
    expect(concatRows(fromCsv('1,2\n'), fromCsv('0,3\n'))).toEqual({ features: [[2], [3]], labels: [1, 0] })
  })
})
