/** Requests made from docs/openapi.json: mostly almost right, since what is refused at the door reaches nothing. */
import fc from 'fast-check'
import type { Documented, Parameter } from '../documented.ts'
import { cursors } from './cursors.ts'
import { fitting, hostile, type Pools, parameterText, rawBodies, spoilt } from './values.ts'

export interface Shot {
  readonly operation: Documented
  readonly sub: string
  readonly token: 'good' | 'none' | 'garbage' | 'otherScope' | 'expired'
  /** As it is on the wire, without the query. */
  readonly path: string
  /** Texts that the path stands for; undefined when it is no percent-encoding. */
  readonly pathTexts: Readonly<Record<string, string>> | undefined
  readonly query: readonly (readonly [string, string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | undefined
  /** Of a command with a key: sent again afterwards, at the same time, or again with another body. */
  readonly again: 'once' | 'same' | 'together' | 'other'
}
export interface Known {
  readonly pools: Pools
  /** `next` of real pages, by operation. */
  readonly cursors: Readonly<Record<string, readonly string[]>>
  readonly etags: readonly string[]
}

const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof(
    { weight: 30, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )

/** Undefined but for one in so many. */
const rarely = <T>(what: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: what })

const SEGMENTS = ['%', '%zz', '%c0%af', '%ff', '%00', '%2e%2e', '%252F', '..', '', '%F0%9F%92%A5']

function pathOf({ path, parameters }: Documented, { pools }: Known) {
  const names = parameters.filter(p => p.in === 'path')
  const texts = fc.record(
    Object.fromEntries(names.map(({ name, schema }) => [name, parameterText(name, schema, pools)])),
  )
  const raw = rarely(fc.constantFrom(...SEGMENTS), 40)
  return fc.tuple(texts, raw).map(([given, segment]) => {
    const fill = (to: (name: string) => string) => path.replace(/\{(\w+)\}/g, (_, name: string) => to(name))
    return segment === undefined || names.length === 0
      ? { path: fill(name => encodeURIComponent(given[name] ?? '')), pathTexts: given }
      : { path: fill(() => segment), pathTexts: undefined }
  })
}

function queryOf({ id, parameters }: Documented, known: Known): fc.Arbitrary<(readonly [string, string])[]> {
  const textOf = ({ name, schema }: Parameter): fc.Arbitrary<string> =>
    name === 'cursor'
      ? cursors(
          known.cursors[id] ?? [],
          Object.entries(known.cursors).flatMap(([other, some]) => (other === id ? [] : some)),
        )
      : parameterText(name, schema, known.pools)
  const each = parameters
    .filter(p => p.in === 'query')
    .map(parameter =>
      fc
        .option(textOf(parameter), { freq: parameter.required ? 20 : 2, nil: undefined })
        .map(text => (text === undefined ? [] : [[parameter.name, text] as const])),
    )
  const unknown = rarely(
    fc.tuple(fc.oneof(fc.constantFrom('x', 'Limit', 'limit[]', '__proto__', 'model'), hostile), hostile),
    15,
  )
  const doubled = rarely(fc.nat(), 30)
  return fc.tuple(fc.tuple(...each), unknown, doubled).map(([pairs, more, twice]) => {
    const all = [...pairs.flat(), ...(more === undefined ? [] : [more])]
    const again = twice === undefined ? undefined : all[twice % Math.max(1, all.length)]
    return again === undefined ? all : [...all, again]
  })
}

function bodyOf({ body }: Documented, { pools }: Known): fc.Arbitrary<string | Uint8Array | undefined> {
  if (body === undefined) return fc.constant(undefined)
  const good = fitting(body.schema, pools)
  return fc.oneof(
    { weight: 8, arbitrary: good.map(value => JSON.stringify(value)) },
    { weight: 6, arbitrary: good.chain(spoilt).map(value => JSON.stringify(value) ?? 'undefined') },
    { weight: 1, arbitrary: fc.constantFrom(...rawBodies) },
  )
}

const TYPES = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/xml',
  'x',
]
const headersOf = ({ method }: Documented, { etags }: Known): fc.Arbitrary<Record<string, string>> =>
  method === 'GET'
    ? rarely(
        fc.oneof(
          fc.constantFrom('*', '""', 'W/"x"', '"x", "y"', ',', 'x'.repeat(3_000)),
          fc.constantFrom(...etags, '"none"'),
        ),
        4,
      ).map(tag => (tag === undefined ? {} : { 'if-none-match': tag }))
    : fc
        .record({
          type: fc.oneof(
            { weight: 12, arbitrary: fc.constant('application/json') },
            fc.constantFrom(...TYPES),
          ),
          key: fc.option(
            fc.oneof(
              { weight: 4, arbitrary: fc.uuid() },
              { weight: 4, arbitrary: fc.constantFrom('one', 'two', 'three') },
              { weight: 1, arbitrary: fc.constantFrom('', 'a b', 'x'.repeat(201), '\xe9', '\t', '{}') },
            ),
            { freq: 2, nil: undefined },
          ),
        })
        .map(({ type, key }) => ({
          'content-type': type,
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        }))

/** Requests of one operation. */
function shotsOf(operation: Documented, known: Known): fc.Arbitrary<Shot> {
  return fc
    .record({
      sub: fc.nat({ max: 59 }).map(n => `fuzzer-${n}`),
      token: mostly<Shot['token']>('good', 'none', 'garbage', 'otherScope', 'expired'),
      path: pathOf(operation, known),
      query: queryOf(operation, known),
      headers: headersOf(operation, known),
      body: bodyOf(operation, known),
      again: fc.constantFrom<Shot['again'][]>('once', 'once', 'same', 'together', 'other'),
    })
    .map(({ path, ...rest }) => ({ operation, ...path, ...rest }))
}

/** So many requests of these operations in turn; the same for the same seed and world. */
export function shots(operations: readonly Documented[], known: Known, count: number, seed: number): Shot[] {
  const each = Math.ceil(count / operations.length)
  const byOperation = operations.map((operation, i) =>
    fc.sample(shotsOf(operation, known), { numRuns: each, seed: seed + i }),
  )
  return Array.from({ length: each }, (_, turn) => byOperation.flatMap(some => some[turn] ?? []))
    .flat()
    .slice(0, count)
}
