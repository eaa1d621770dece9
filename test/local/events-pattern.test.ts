import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesPattern, validatePattern } from '../../local/events/pattern.ts'

interface Vector {
  readonly pattern: unknown
  readonly event: unknown
  readonly matches: boolean
}
const { cases } = JSON.parse(
  readFileSync(new URL('../vectors/event-patterns.json', import.meta.url), 'utf8'),
) as {
  cases: Vector[]
}

describe('agreement with event-ruler', () => {
  it('has all vectors', () => expect(cases).toHaveLength(47))
  it.each(cases)('$pattern → $matches', ({ pattern, event, matches }) => {
    expect(matchesPattern(pattern, event)).toBe(matches)
  })
})

describe('arrays', () => {
  const event = {
    rows: [
      { k: 'a', v: 1, tags: ['x', 'y'] },
      { k: 'b', v: 2, tags: ['z'] },
    ],
    other: ['p', 'q'],
  }
  it.each([
    [{ rows: { k: ['b'], tags: ['z'] } }, true],
    [{ rows: { k: ['b'], tags: ['x'] } }, false],
    [{ rows: { k: ['a'], v: [{ numeric: ['<', 2] }], tags: ['y'] } }, true],
    [{ rows: { k: ['a'], none: [{ exists: false }] }, other: ['q'] }, true],
    [{ other: ['p'], rows: { k: ['c'] } }, false],
    [{ 'rows.k': ['a'] }, true],
    [{ empty: [{ exists: false }] }, true],
  ])('%j → %s', (pattern, expected) => {
    expect(matchesPattern(pattern, { ...event, empty: [] })).toBe(expected)
  })
  it('stays quick when many independent arrays match and the last condition fails', () => {
    const wide = Object.fromEntries(
      'abcdefgh'.split('').map(key => [key, Array.from({ length: 500 }, (_, at) => at)]),
    )
    const pattern = Object.fromEntries('abcdefgh'.split('').map(key => [key, [{ numeric: ['>=', 0] }]]))
    expect(matchesPattern({ ...pattern, z: ['never'] }, { ...wide, z: 'x' })).toBe(false)
  })
})

describe('operators', () => {
  it.each([
    [{ a: [{ wildcard: 'x*y*z' }] }, 'x1y2y3z', true],
    [{ a: [{ wildcard: 'x*x' }] }, 'x', false],
    [{ a: [{ wildcard: 'lit\\*\\\\' }] }, 'lit*\\', true],
    [{ a: [{ cidr: '2001:db8::/32' }] }, '2001:db8::1', true],
    [{ a: [{ cidr: '10.0.0.0/8' }] }, 'ten', false],
    [{ a: [{ prefix: '1' }] }, 12, false],
    [{ a: [{ numeric: ['=', 3e2] }] }, 300.0, true],
    [{ a: [{ numeric: ['>', 0, '<', 5] }] }, 5, false],
    [{ a: [{ 'anything-but': { prefix: ['x', 'y'] } }] }, 'yes', false],
    [{ a: [{ 'anything-but': [1, 2] }] }, 3, true],
    [{ a: [{ 'anything-but': 'x' }] }, true, true],
    [{ $or: ['not an operator'] }, 1, false],
  ])('%j on %j → %s', (pattern, a, expected) => {
    expect(matchesPattern(pattern, { a })).toBe(expected)
  })
})

describe('validatePattern', () => {
  it.each([
    ['text', 'top of the pattern'],
    [{}, 'Empty objects'],
    [{ detail: { status: 'X' } }, '"detail.status"'],
    [{ detail: { status: [] } }, '"detail.status"'],
    [{ a: [['nested']] }, '"a"'],
    [{ a: [{ prefix: 1 }] }, 'prefix'],
    [{ a: [{ prefix: 'x', suffix: 'y' }] }, 'Only one key'],
    [{ a: [{ like: 'x' }] }, 'Unrecognized match type like'],
    [{ a: [{ wildcard: 'a**b' }] }, 'Consecutive'],
    [{ a: [{ wildcard: 'a\\b' }] }, 'escape'],
    [{ a: [{ wildcard: 'a\\' }] }, 'escape'],
    [{ a: [{ numeric: ['>', 'x'] }] }, 'number'],
    [{ a: [{ numeric: ['~', 1] }] }, 'numeric range operator'],
    [{ a: [{ numeric: ['<', 1, '>', 0] }] }, 'lower bound'],
    [{ a: [{ numeric: ['>', 5, '<', 1] }] }, 'Bottom'],
    [{ a: [{ numeric: ['=', 6e9] }] }, '5.0e9'],
    [{ a: [{ cidr: '10.0.0.0/33' }] }, 'CIDR'],
    [{ a: [{ exists: 'yes' }] }, 'exists'],
    [{ a: [{ 'anything-but': [] }] }, 'anything-but'],
    [{ a: [{ 'anything-but': ['x', 1] }] }, 'anything-but'],
    [{ a: [{ 'anything-but': { prefix: '' } }] }, 'anything-but'],
    [{ a: [{ 'anything-but': { numeric: 'x' } }] }, 'Unsupported'],
  ])('%j is refused', (pattern, words) => {
    expect(() => validatePattern(pattern)).toThrow(
      expect.objectContaining({
        code: 'InvalidEventPatternException',
        message: expect.stringContaining(words),
      }),
    )
  })
  it('refuses a pattern whose $or multiplies out beyond 1000', () => {
    const or = (key: string) => Array.from({ length: 11 }, (_, at) => ({ [key]: [at] }))
    const pattern = { a: { $or: or('x') }, b: { $or: or('y') }, c: { $or: or('z') } }
    expect(() => validatePattern(pattern)).toThrow('too complex')
  })
})

describe('any JSON', () => {
  const { event } = cases[0] as Vector
  it('never throws on an arbitrary event', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...cases), (value, { pattern }) => {
        for (const each of [value, { detail: value }, { ...(event as object), detail: value }])
          expect(typeof matchesPattern(pattern, each)).toBe('boolean')
      }),
    )
  })
  it('survives nesting of any depth', () => {
    const deep = JSON.parse(`{"detail":${'['.repeat(50_000)}"x"${']'.repeat(50_000)}}`)
    expect(matchesPattern({ detail: ['x'] }, deep)).toBe(true)
  })
  it('refuses an arbitrary pattern only with InvalidEventPatternException', () => {
    fc.assert(
      fc.property(fc.jsonValue(), pattern => {
        try {
          matchesPattern(pattern, event)
        } catch (error) {
          expect(error).toMatchObject({ code: 'InvalidEventPatternException' })
        }
      }),
    )
  })
  it('an exact copy of the scalars matches, and one changed scalar does not', () => {
    const scalars = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,5}$/),
      fc.oneof(fc.string(), fc.integer(), fc.boolean()),
      {
        minKeys: 1,
      },
    )
    fc.assert(
      fc.property(scalars, detail => {
        const pattern = Object.fromEntries(Object.entries(detail).map(([key, value]) => [key, [value]]))
        expect(matchesPattern({ detail: pattern }, { detail })).toBe(true)
        const [key = ''] = Object.keys(detail)
        expect(matchesPattern({ detail: pattern }, { detail: { ...detail, [key]: null } })).toBe(false)
      }),
    )
  })
})
