import { truncateSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { parseHyperparameters } from '../../trainer/hyperparameters.ts'
import { type Channel, readChannel } from '../../trainer/io/channel.ts'
import type { ChannelConfig } from '../../trainer/io/config.ts'
import { type JobFolder, makeJob } from './job-folder.ts'

const jobs: JobFolder[] = []
afterEach(() => {
  for (const made of jobs.splice(0)) made.remove()
})

interface Options {
  readonly hp?: Record<string, string>
  readonly header?: ChannelConfig['header']
  readonly after?: Channel
}

function read(files: string | Record<string, string | Uint8Array>, options: Options = {}): Channel {
  const made = makeJob({}, { train: typeof files === 'string' ? { 'a.csv': files } : files })
  jobs.push(made)
  const hp = parseHyperparameters({ objective: 'reg:squarederror', num_round: '1', ...options.hp })
  return readChannel(
    `${made.base}/input/data`,
    { name: 'train', header: options.header ?? 'detect' },
    hp,
    options.after?.layout,
  )
}

const values = ({ data }: Channel): number[] => Array.from(data.values)
const labels = ({ data }: Channel): number[] => Array.from(data.labels)

describe('reading a channel', () => {
  it('takes the first column as label when there is no header row', () => {
    const channel = read('1,2,3\n4,5,6')
    expect(labels(channel)).toEqual([1, 4])
    expect(values(channel)).toEqual([2, 3, 5, 6])
    expect(channel.layout.featureNames).toEqual([])
  })

  it('finds a header row by its words and orders the features by it', () => {
    const channel = read('a,y,w,b\n1,2,0.5,3\n', { hp: { label_column: 'y', weight_column: 'w' } })
    expect(channel.layout.featureNames).toEqual(['a', 'b'])
    expect([labels(channel), values(channel), channel.data.weights]).toEqual([
      [2],
      [1, 3],
      Float32Array.of(0.5),
    ])
  })

  it('believes the content type about a header row of numbers', () => {
    expect(read('1,2\n3,4\n', { header: 'present' }).layout.featureNames).toEqual(['2'])
    expect(labels(read('1,2\n3,4\n', { header: 'absent' }))).toEqual([1, 3])
  })

  it('reads the four spellings of a missing value, line ends of both kinds, blanks and empty lines', () => {
    const channel = read('1,,nan,NaN,NA, 7 \r\n\r\n\n2,1,1,1,1,1')
    expect(values(channel)).toEqual([NaN, NaN, NaN, NaN, 7, 1, 1, 1, 1, 1])
  })

  it('reads quoted cells', () => {
    const channel = read('"y","a ""x"", b"\n"1","2"\n')
    expect(channel.layout.featureNames).toEqual(['a "x", b'])
    expect(values(channel)).toEqual([2])
  })

  it('concatenates files in name order, gzip or not, and skips hidden ones', () => {
    const channel = read({
      'b.csv': '3,3\n',
      'a.csv.gz': gzipSync('1,1\n2,2'),
      'c/d.csv': '4,4\n',
      _SUCCESS: '',
      '.part.crc': 'x',
    })
    expect(labels(channel)).toEqual([1, 2, 3, 4])
    expect(channel.files).toBe(3)
  })

  it('reads numbers across the pieces that a large file is decoded in', () => {
    const rows = 400_000
    const text = Array.from({ length: rows }, (_, i) => `${i % 1000},${i}.25`).join('\n')
    expect(text.length).toBeGreaterThan(1 << 22)
    const channel = read(text)
    expect(channel.data.rows).toBe(rows)
    expect(channel.data.values.every((v, i) => v === i + 0.25)).toBe(true)
  })

  it('takes a label in words for a label, not for a header row, when it is one of the classes', () => {
    const hp = { objective: 'binary:logistic', classes: '["good","bad"]' }
    expect(labels(read('bad,1\ngood,2\n', { hp }))).toEqual([1, 0])
  })
})

describe('refusing a channel', () => {
  const binary = { objective: 'binary:logistic' }
  const multi = { objective: 'multi:softprob', num_class: '3' }
  const refused: [string, string, RegExp, Options?][] = [
    ['an infinite value', '1,2\n1,inf', /^train\/a\.csv:2:2: "inf" is infinite; leave the cell empty/],
    [
      'an infinite value under a header',
      'y,t\n1,-Infinity',
      /^train\/a\.csv:2:2 \(t\): "-Infinity" is infinite/,
    ],
    ['more than float32 holds', '1,3e38', /a\.csv:1:2: "3e38" is beyond/],
    ['a word among numbers', '1,2\n\n3,x4', /^train\/a\.csv:3:2: "x4" is not a number/],
    ['hexadecimal', '1,2\n1,0x10', /"0x10" is not a number/],
    [
      'a first line of numbers and words',
      '1,abc,3',
      /:1:2: "abc" is not a number, and the line is no header row/,
    ],
    ['a short line', '1,2,3\n4,5', /^train\/a\.csv:2: 2 columns where train\/a\.csv has 3$/],
    ['one column', '1\n2', /no feature columns beside the label/],
    ['semicolons', 'y;a;b\n1;2;3', /no feature columns beside the label; is the file separated by commas/],
    ['no rows', 'y,a\n', /channel train has no rows/],
    ['a missing label', ',1', /a\.csv:1:1: the label is missing/],
    ['an infinite label', 'inf,1', /a\.csv:1:1: label "inf" is infinite$/],
    ['a label of 2', '2,1', /:1:1: label "2" is neither 0 nor 1/, { hp: binary }],
    ['a label beyond num_class', '3,1', /label "3" is not an integer from 0 to 2/, { hp: multi }],
    ['a fraction as class', '0.5,1', /label "0\.5" is not an integer/, { hp: multi }],
    [
      'a word as label',
      'y,a\ngood,1',
      /:2:1 \(y\): label "good" is not a number; for words .* classes/,
      { hp: binary },
    ],
    [
      'an unknown class',
      'y,a\nugly,1',
      /label "ugly" is not one of the classes good, bad/,
      { hp: { ...binary, classes: '["good","bad"]' } },
    ],
    ['a negative weight', '1,-1,2', /:1:2: weight -1 is negative/, { hp: { csv_weights: '1' } }],
    ['a missing weight', '1,,2', /:1:2: the weight is missing/, { hp: { csv_weights: '1' } }],
    ['weights of 0 only', '1,0,2', /all weights are 0/, { hp: { csv_weights: '1' } }],
    ['csv_weights under a header', 'y,w,a\n1,1,1', /use weight_column/, { hp: { csv_weights: '1' } }],
    [
      'label_column without a header',
      '1,2',
      /label_column needs a header row/,
      { hp: { label_column: 'y' } },
    ],
    [
      'an absent label_column',
      'y,a\n1,2',
      /label_column names "z", which the header row/,
      { hp: { label_column: 'z' } },
    ],
    ['one column for both', 'y,a\n1,2', /both name "y"/, { hp: { label_column: 'y', weight_column: 'y' } }],
    ['a name twice', 'y,a,a\n1,2,3', /:1:3: column name "a" is also the name of column 2/],
    ['no name', 'y,,a\n1,2,3', /:1:2: the column has no name/],
    ['a name that XGBoost refuses', 'y,a[1]\n1,2', /:1:2: column name "a\[1\]" must not contain/],
    ['an open quote', 'y,a\n1,"2\n3"', /:2:2: the quoted cell does not end on its line/],
    ['text after a quote', 'y,a\n1,"2"3', /:2:2: text after a closing quote/],
  ]
  it.each(refused)('refuses %s', (_, text, message, options) => {
    expect(() => read(text, options)).toThrow(message)
  })

  it('refuses bytes that are not UTF-8 and gzip that is cut off', () => {
    expect(() => read({ 'a.csv': Uint8Array.of(0x79, 0x2c, 0xff, 0x0a) })).toThrow(
      /train\/a\.csv: not UTF-8 text/,
    )
    const whole = gzipSync('1,2\n'.repeat(100))
    expect(() => read({ 'a.csv.gz': whole.subarray(0, 20) })).toThrow(
      /a\.csv\.gz: cannot be unpacked as gzip/,
    )
  })

  it('refuses a file that is too large to read', () => {
    const made = makeJob({}, { train: { 'a.csv': '' } })
    jobs.push(made)
    truncateSync(`${made.base}/input/data/train/a.csv`, 2 ** 31)
    const hp = parseHyperparameters({ num_round: '1' })
    const config = { name: 'train', header: 'detect' } as const
    expect(() => readChannel(`${made.base}/input/data`, config, hp, undefined)).toThrow(
      'train/a.csv: larger than 2 GiB; split it into several files',
    )
  })

  it('holds later files and channels to the first one’s columns', () => {
    const first = read('y,a,b\n1,2,3')
    const next = (text: string) => () => read(text, { after: first })
    expect(values(read('y,a,b\n4,5,6', { after: first }))).toEqual([5, 6])
    expect(next('y,b,a\n1,2,3')).toThrow(/train\/a\.csv:1:2: column "b" where train\/a\.csv:1 has "a"/)
    expect(next('y,a\n1,2')).toThrow(/:1:3: the header row ends where train\/a\.csv:1 has "b"/)
    expect(next('y,a,b,c\n1,2,3,4')).toThrow(/:1:4: column "c" where train\/a\.csv:1 ends/)
    expect(next('1,2,3')).toThrow(/no header row, but train\/a\.csv:1 has one/)
  })
})
