import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JsonLimits, parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'

const LIMITS: JsonLimits = { maxBytes: 1_000, maxDepth: 5 }
const parse = (bytes: string | Uint8Array, limits = LIMITS) =>
  parseUntrustedJson(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, limits)
function refusal(bytes: string | Uint8Array, limits = LIMITS): { code: string; message: string } {
  try {
    parse(bytes, limits)
  } catch (error) {
    if (!(error instanceof UnsafeJsonError)) throw error
    return { code: error.code, message: error.message }
  }
  throw new Error('accepted')
}

describe('parseUntrustedJson', () => {
  it.each([
    ['null', null],
    [' "é\\u0000" ', 'é\0'],
    ['1e308', 1e308],
    ['[[[[[1]]]]]', [[[[[1]]]]]],
    ['{"a":{"b":[]},"c":[{}]}', { a: { b: [] }, c: [{}] }],
    ['"[[[[[[[[{{{{"', '[[[[[[[[{{{{'],
    ['["\\"[[[[[[","\\\\",[]]', ['"[[[[[[', '\\', []]],
    ['[[],[],[],[],[],[],[]]', [[], [], [], [], [], [], []]],
  ])('accepts %s', (text, value) => {
    expect(parse(text)).toEqual(value)
  })

  it.each([
    ['length', 'x'.repeat(1_001), 'TOO_LARGE', /^1001 bytes; at most 1000/],
    ['length in bytes, not characters', `"${'é'.repeat(500)}"`, 'TOO_LARGE', /^1002 bytes/],
    ['a byte that is no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'NOT_UTF8', /UTF-8/],
    ['UTF-8 that is cut off', Uint8Array.of(0x22, 0xe2, 0x82), 'NOT_UTF8', /UTF-8/],
    ['an overlong encoding', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'NOT_UTF8', /UTF-8/],
    ['a surrogate in UTF-8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'NOT_UTF8', /UTF-8/],
    ['six lists', '[[[[[[1]]]]]]', 'TOO_DEEP', /deeper than 5 levels/],
    ['six objects', '{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}', 'TOO_DEEP', /deeper than 5/],
    ['brackets after a string with an escaped quote', '["\\\\",[[[[[1]]]]]]', 'TOO_DEEP', /deeper/],
    ['depth before syntax', '[[[[[[', 'TOO_DEEP', /deeper/],
    ['nothing', '', 'NOT_JSON', /not JSON/],
    ['an open string', '"[[', 'NOT_JSON', /not JSON/],
    ['NaN', '[NaN]', 'NOT_JSON', /not JSON/],
    ['Infinity', '{"a":Infinity}', 'NOT_JSON', /not JSON/],
    ['two values', '1 2', 'NOT_JSON', /not JSON/],
    ['a comma too many', '[1,]', 'NOT_JSON', /not JSON/],
    ['a number above all', '1e999', 'NOT_FINITE', /^\$ is not a finite number/],
    ['a number below all', '{"a":[0,{"b":-1e999}]}', 'NOT_FINITE', /^\$\.a\[1\]\.b is not/],
  ] as const)('refuses %s', (_name, bytes, code, message) => {
    const refused = refusal(bytes)
    expect(refused.code).toBe(code)
    expect(refused.message).toMatch(message)
  })

  it('does not fall over a text that nests without end', () => {
    const deep = '['.repeat(5_000_000)
    expect(refusal(deep, { maxBytes: 1e8, maxDepth: 64 }).code).toBe('TOO_DEEP')
    const objects = '{"a":'.repeat(500_000)
    expect(refusal(objects, { maxBytes: 1e8, maxDepth: 64 }).code).toBe('TOO_DEEP')
  })

  it('leaves the prototype alone', () => {
    const value = parse('{"__proto__":{"polluted":true}}') as object
    expect(Object.hasOwn(value, '__proto__')).toBe(true)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('accepts whatever JSON.stringify makes within the limits', () => {
    void fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
        const text = JSON.stringify(value)
        expect(parse(text, { maxBytes: 1e6, maxDepth: 8 })).toEqual(JSON.parse(text))
      }),
    )
  })

  it('throws nothing but its own error, whatever the bytes', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ':',
      ',',
      '1e999',
      '-',
      'null',
      '"a"',
      ' ',
      '\0',
      'é',
    )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(token, { maxLength: 40 }).map(t => Uint8Array.from(Buffer.from(t.join('')))),
    )
    void fc.assert(
      fc.property(bytes, input => {
        try {
          const value = parse(input)
          expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(Buffer.from(input).toString())))
        } catch (error) {
          expect(error).toBeInstanceOf(UnsafeJsonError)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
