import fc from 'fast-check'
import { hostile } from './values.ts'

const encode = (entries: unknown): string => Buffer.from(JSON.stringify(entries)).toString('base64url')
const decode = (cursor: string): unknown => {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
const STRANGE = [
  '',
  'x',
  '\ud800',
  '\0',
  '💥'.repeat(400),
  'é'.repeat(1_000),
  'x'.repeat(1_025),
  'ROLLOUT#',
  '\uffff',
]

/** `next` of a page with something else in it. A list that goes through shards has their number and a dot in front. */
function spoilt(cursor: string): fc.Arbitrary<string> {
  const [, shard = '', inner = cursor] = /^(\d+\.)(.*)$/.exec(cursor) ?? []
  const entries = decode(inner)
  const text = fc
    .record({ at: fc.nat(), to: fc.constantFrom('A', '_', '=', ' ', '%', 'é', '.') })
    .map(({ at, to }) => {
      const place = at % Math.max(1, cursor.length)
      return cursor.slice(0, place) + to + cursor.slice(place + 1)
    })
  const shards = fc.constantFrom('', '0.', '1.', '63.', '9999.', '-1.', '00.', '99999.').map(at => at + inner)
  const inside = fc
    .record({ at: fc.nat(), to: fc.oneof(fc.constantFrom(...STRANGE), hostile), name: fc.boolean() })
    .map(({ at, to, name }) => {
      if (!Array.isArray(entries) || entries.length === 0) return cursor
      const copy = structuredClone(entries) as unknown[][]
      const entry = copy[at % copy.length] ?? []
      entry[name ? 0 : 1] = to
      return shard + encode(copy)
    })
  const cut = fc.nat({ max: cursor.length }).map(length => cursor.slice(0, length) || 'A')
  return fc.oneof({ weight: 3, arbitrary: inside }, text, shards, cut)
}

/** Of this list, of others, and of none. */
export function cursors(own: readonly string[], others: readonly string[]): fc.Arbitrary<string> {
  const any = [...own, ...others, encode([])]
  return fc.oneof(
    { weight: own.length === 0 ? 0 : 6, arbitrary: fc.constantFrom(...own, '') },
    { weight: 2, arbitrary: fc.constantFrom(...any) },
    { weight: 4, arbitrary: fc.constantFrom(...(own.length > 0 ? own : any)).chain(spoilt) },
    { weight: 1, arbitrary: fc.constantFrom(...any).chain(spoilt) },
    { weight: 1, arbitrary: hostile },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        encode({}),
        encode([['pk', 'x']]),
        encode([[1, 2]]),
        encode('x'),
        encode(null),
      ),
    },
  )
}
