/** Distances, widths, times and tables: what every command prints with. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { didYouMean, distance, nearest } from '../../scripts/cli/nearest.ts'
import { makePaint, wantsColour } from '../../scripts/cli/paint.ts'
import { table } from '../../scripts/cli/table.ts'
import { ago, bytesText, cut, durationText, plain, textWidth } from '../../scripts/cli/text.ts'

describe('the nearest word', () => {
  it.each([
    ['', '', 0],
    ['abc', 'abc', 0],
    ['abc', 'abd', 1],
    ['abc', 'acb', 1],
    ['kitten', 'sitting', 3],
    ['abc', '', 3],
  ])('%s and %s are %i apart', (a, b, apart) => {
    expect(distance(a, b)).toBe(apart)
    expect(distance(b, a)).toBe(apart)
  })

  it('is a distance: nothing is nearer by a detour over an edit of one', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(distance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance(a, b) === 0).toBe(a === b)
        expect(distance(`${a}x`, b)).toBeLessThanOrEqual(distance(a, b) + 1)
      }),
    )
  })

  it('is offered when it is near, and not when it is not', () => {
    const words = ['validate', 'verify', 'doctor', 'coolDownMinutes']
    expect(nearest('valdiate', words)).toBe('validate')
    expect(nearest('DOCTR', words)).toBe('doctor')
    expect(nearest('coolDown', words)).toBe('coolDownMinutes')
    expect(nearest('banana', words)).toBeUndefined()
    expect(nearest('', words)).toBeUndefined()
    expect(didYouMean('verfy', words)).toBe(' Did you mean verify?')
    expect(didYouMean('banana', words)).toBe('')
  })
})

describe('text', () => {
  it('of others cannot steer the terminal', () => {
    expect(plain('a\u001b[2Jb\r\nc\u0007d')).toBe('ab c d')
    expect(plain('\u001b]0;title\u0007x')).toBe('x')
  })

  it('is measured in columns', () => {
    expect(textWidth('abc')).toBe(3)
    expect(textWidth('日本')).toBe(4)
    expect(textWidth('é')).toBe(1)
    expect(textWidth(makePaint(true).bad('abc'))).toBe(3)
  })

  it('is cut to a width, whatever it is', () => {
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(cut('abcd', 4)).toBe('abcd')
    expect(cut('日本語', 4)).toBe('日…')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, width) => {
        expect(textWidth(cut(text, width))).toBeLessThanOrEqual(width)
      }),
    )
  })

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_500, '1.5 kB'],
    [17_960_866, '18 MB'],
    [999_600, '1.0 MB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text)
  })

  it.each([
    [400, '0 s'],
    [59_400, '59 s'],
    [60_000, '1 min'],
    [3_600_000, '1 h'],
    [40 * 3_600_000, '40 h'],
    [3 * 86_400_000, '3 days'],
  ])('%i ms are %s', (ms, text) => {
    expect(durationText(ms)).toBe(text)
  })

  it('tells times from now', () => {
    const now = Date.parse('2026-11-22T12:00:00Z')
    expect(ago('2026-11-22T11:57:00Z', now)).toBe('3 min ago')
    expect(ago('2026-11-22T14:00:00Z', now)).toBe('in 2 h')
    expect(ago('2026-11-22T12:00:00.200Z', now)).toBe('now')
    expect(ago(null, now)).toBe('never')
    expect(ago('soon\u001b[1m', now)).toBe('soon')
  })
})

describe('colours', () => {
  const terminal = { isTTY: true }
  it.each([
    [terminal, {}, true],
    [{}, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { TERM: 'dumb' }, false],
    [{}, { FORCE_COLOR: '1' }, true],
    [{}, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
  ])('of %j with %j: %j', (stream, env, wanted) => {
    expect(wantsColour(stream, env)).toBe(wanted)
  })
})

describe('a table', () => {
  const columns = [
    { title: 'THING', keep: true },
    { title: 'DEVICES', right: true },
    { title: 'REASON' },
  ] as const
  const rows = [
    ['containers-0001', '5', 'the candidate is proven to fail more often than is tolerated'],
    ['x', '1200', ''],
  ]
  const paint = makePaint(false)

  it('stands in columns, numbers to the right, with a dash for what is empty', () => {
    expect(table(columns, rows, { paint, width: Number.POSITIVE_INFINITY }).split('\n')).toEqual([
      'THING            DEVICES  REASON',
      'containers-0001        5  the candidate is proven to fail more often than is tolerated',
      'x                   1200  -',
    ])
  })

  it('fits the terminal: the longest is cut, identifiers last', () => {
    const lines = table(columns, rows, { paint, width: 50 }).split('\n')
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(50)
    expect(lines[1]).toBe('containers-0001        5  the candidate is proven…')
    const narrow = table(columns, rows, { paint, width: 28 })
    expect(Math.max(...narrow.split('\n').map(textWidth))).toBeLessThanOrEqual(28)
  })

  it('is painted without being moved', () => {
    const bright = makePaint(true)
    const painted = table([{ title: 'A', paint: bright.bad }, { title: 'B' }], [['x', 'y']], {
      ...{ paint: bright, width: 80 },
    })
    expect(plain(painted.split('\n')[1] ?? '')).toBe('x  y')
    expect(painted).toContain('\u001b[31mx')
  })
})
