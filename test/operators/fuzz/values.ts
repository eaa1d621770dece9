/** Texts and JSON values for parameters and bodies: what fits a schema, what almost fits it, and what means harm. */
import fc from 'fast-check'
import { resolved } from '../documented.ts'

export type Json = Readonly<Record<string, unknown>>
/** Real names by the parameter or field that takes them. */
export type Pools = Readonly<Record<string, readonly string[]>>

const HOSTILE = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '.',
    '..',
    '../../etc/passwd',
    '%',
    '%00',
    '%2F',
    'a/b',
    'a\\b',
    '#',
    '?',
    '&',
    '=',
  ],
  ...[
    "' OR 1=1 --",
    '"; DROP TABLE x; --',
    '{"$gt":""}',
    '{{7*7}}',
    '<script>alert(1)</script>',
    '\r\nX-Evil: 1',
  ],
  ...[
    '\u202egnp',
    'ａ',
    '💥',
    'e\u0301',
    '\u2028',
    '\ufeff',
    '\uffff',
    '__proto__',
    'constructor',
    'toString',
    'null',
  ],
  ...[
    '-1',
    '0',
    '-0',
    '1e3',
    '0x10',
    '1.0',
    ' 1',
    '٣',
    '00000001',
    '999999999999',
    '9007199254740993',
    'NaN',
    'true',
  ],
  ...['a'.repeat(129), 'a'.repeat(501), '💥'.repeat(600), 'a'.repeat(2_049)],
]
export const hostile = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
)

function valid(schema: Json): fc.Arbitrary<unknown> {
  const { type, enum: options, const: only, anyOf, oneOf, pattern } = schema
  if (only !== undefined) return fc.constant(only)
  if (Array.isArray(options)) return fc.constantFrom(...(options as unknown[]))
  const either = (anyOf ?? oneOf) as Json[] | undefined
  if (either !== undefined) return fc.oneof(...either.map(each => valid(resolved(each))))
  const { minimum: min = 0, maximum: max = 1_000_000_000 } = schema as { minimum?: number; maximum?: number }
  if (type === 'integer')
    return fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max: Math.min(max, min + 5) }))
  if (type === 'number') return fc.double({ min, max, noNaN: true })
  if (type === 'boolean') return fc.boolean()
  if (schema['format'] === 'date-time')
    return fc
      .integer({ min: Date.UTC(2020, 0), max: Date.UTC(2027, 0) })
      .map(ms => new Date(ms).toISOString())
  if (type === 'string') {
    const { minLength = 0, maxLength } = schema as { minLength?: number; maxLength?: number }
    if (typeof pattern === 'string')
      return fc.stringMatching(new RegExp(pattern, 'u')).map(text => text.slice(0, maxLength))
    const most = Math.min(maxLength ?? 600, 600)
    const text = fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(most, minLength + 20) })
    return fc.oneof(text, fc.constant('x'.repeat(most)))
  }
  return fc.jsonValue({ maxDepth: 2 })
}

/** Text of one parameter. */
export function parameterText(name: string, schema: Json, pools: Pools): fc.Arbitrary<string> {
  const given = resolved(schema)
  const fitting = valid(given).map(String)
  const pool = pools[name]
  const { maximum, minimum, maxLength } = given as { maximum?: number; minimum?: number; maxLength?: number }
  const edges = [
    ...(maximum === undefined ? [] : [String(maximum + 1)]),
    ...(minimum === undefined ? [] : [String(minimum - 1)]),
    ...(maxLength === undefined ? [] : ['x'.repeat(maxLength + 1)]),
  ]
  return fc.oneof(
    { weight: pool === undefined ? 0 : 8, arbitrary: fc.constantFrom(...(pool ?? [''])) },
    { weight: 4, arbitrary: fitting },
    { weight: edges.length === 0 ? 0 : 1, arbitrary: fc.constantFrom(...edges, '') },
    { weight: 1, arbitrary: hostile },
  )
}

/** A body that fits, with real names where a field takes one. */
export function fitting(schema: Json, pools: Pools, name = ''): fc.Arbitrary<unknown> {
  const given = resolved(schema)
  const {
    properties,
    required = [],
    items,
    anyOf,
  } = given as {
    properties?: Readonly<Record<string, Json>>
    required?: readonly string[]
    items?: Json
    anyOf?: readonly Json[]
  }
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([key, inner]) => [key, fitting(inner, pools, key)])
    return fc.record(Object.fromEntries(fields), { requiredKeys: [...required] as never[] })
  }
  if (items !== undefined) {
    const { minItems = 0, maxItems = 500 } = given as { minItems?: number; maxItems?: number }
    const few = fc.array(fitting(items, pools, name), { minLength: Math.max(1, minItems), maxLength: 4 })
    return fc.oneof(
      { weight: 12, arbitrary: few },
      {
        weight: 1,
        arbitrary: few.map(some => Array.from({ length: maxItems }, (_, i) => some[i % some.length])),
      },
      {
        weight: 1,
        arbitrary: few.map(some => Array.from({ length: maxItems + 1 }, (_, i) => some[i % some.length])),
      },
    )
  }
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(each => fitting(each, pools, name)))
  const pool = pools[name]
  const own = valid(given)
  if (pool === undefined) return own
  const real = fc.constantFrom(...pool).map(text => (given['type'] === 'integer' ? Number(text) : text))
  return fc.oneof({ weight: 4, arbitrary: real }, { weight: 1, arbitrary: own })
}

const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: [deep(levels - 1)] })
const wrong = fc.oneof(
  hostile,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown[]>(null, true, [], {}, 0, -1, 1.5, 1e300, 2 ** 53, 'x'.repeat(100_000), deep(40)),
)
const KEYS = ['x', '', 'constructor', 'a.b', '$', 'x'.repeat(10_000), '\0', '💥']

/** A value with one thing in it that is not as it was. */
export function spoilt(value: unknown): fc.Arbitrary<unknown> {
  return fc
    .record({
      at: fc.nat(),
      by: fc.constantFrom('put', 'drop', 'add'),
      put: wrong,
      key: fc.constantFrom(...KEYS),
    })
    .map(({ at, by, put, key }) => {
      const copy = structuredClone({ root: value }) as Record<string, unknown>
      const places: { of: Record<string, unknown>; key: string }[] = []
      const visit = (of: Record<string, unknown>): void => {
        for (const inner of Object.keys(of).slice(0, 8)) {
          places.push({ of, key: inner })
          const next = of[inner]
          if (next !== null && typeof next === 'object') visit(next as Record<string, unknown>)
        }
      }
      visit(copy)
      const place = places[at % places.length]
      if (place === undefined) return put
      const target = place.of[place.key]
      if (by === 'add' && target !== null && typeof target === 'object' && !Array.isArray(target))
        (target as Record<string, unknown>)[key] = put
      else if (by === 'drop' && place.of !== copy && !Array.isArray(place.of)) delete place.of[place.key]
      else place.of[place.key] = put
      return copy['root']
    })
}

/** Bytes that are no JSON, or JSON that parsers differ about. */
export const rawBodies: readonly (string | Uint8Array)[] = [
  ...[
    '',
    ' ',
    '{',
    '[]',
    'null',
    '"x"',
    '1',
    'undefined',
    '{"a":1,}',
    "{'a':1}",
    '{"reason":"x"}{"reason":"x"}',
  ],
  ...[
    '{"reason":"a","reason":"b"}',
    '{"__proto__":{"reason":"x"}}',
    '\ufeff{"reason":"x"}',
    '{"reason":"\\ud800"}',
  ],
  ...[
    '{"reason":1e999}',
    '{"version":10000000000000000000001}',
    '['.repeat(20_000),
    `{"reason":"${'x'.repeat(300_000)}"}`,
  ],
  ...[`{"reason":"x","${'k'.repeat(250_000)}":1}`, `[${'{},'.repeat(400)}{}]`, `[${'0,'.repeat(100_000)}0]`],
  ...[
    new Uint8Array([0xff, 0xfe, 0x7b]),
    new Uint8Array([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]),
    new Uint8Array(1_000),
  ],
]
