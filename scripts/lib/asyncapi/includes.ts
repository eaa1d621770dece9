/**
 * Which documents a schema allows that another one does not: every difference is one line, with its path. Knows what
 * zod writes for the contracts; any other keyword must be equal on both sides, so it errs on the side of "breaking".
 */
export interface Side {
  readonly schema: unknown
  /** Finds what a `$ref` names. */
  readonly resolve: (ref: string) => unknown
}
type Keywords = Readonly<Record<string, unknown>>

/** Says nothing about which documents are valid. */
const ANNOTATIONS = new Set(['title', 'description', 'examples', 'default', '$comment', 'contentMediaType'])
const HANDLED = new Set([
  ...['type', 'const', 'enum', 'anyOf', 'oneOf', 'properties', 'required', 'additionalProperties'],
  ...['propertyNames', 'items', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems'],
])
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'] as const
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'] as const

/** @returns why some document that `narrow` allows is not allowed by `wide`; empty when there is none */
export function notIncluded(narrow: Side, wide: Side, path: string): string[] {
  const [n, w] = [open(narrow), open(wide)]
  if (w === true || n === false) return []
  for (const found of [n, w])
    if (found !== true && found !== false && found['allOf'] !== undefined)
      throw new Error(`${path}: allOf is not compared; write the contract without it`)
  if (n === true || w === false) return [`${path}: not everything is allowed any more`]
  const variants = n['anyOf'] ?? n['oneOf']
  if (Array.isArray(variants))
    return variants.flatMap((variant, i) => notIncluded({ ...narrow, schema: variant }, wide, `${path}|${i}`))
  const choices = w['anyOf'] ?? w['oneOf']
  if (Array.isArray(choices)) return inSomeChoice(narrow, wide, choices, path)
  return [
    ...values(n, w, path),
    ...bounds(n, w, path),
    ...objects(n, w, narrow, wide, path),
    ...items(n, w, narrow, wide, path),
    ...others(n, w, path),
  ]
}

function open({ schema, resolve }: Side): Keywords | boolean {
  let found = schema
  for (let hops = 0; hops < 32; hops++) {
    const ref = (found as Keywords | undefined)?.['$ref']
    if (typeof ref !== 'string') break
    found = resolve(ref)
  }
  if (typeof found === 'boolean') return found
  if (found === null || typeof found !== 'object') throw new Error('a schema must be an object or a boolean')
  return Object.keys(found).some(key => !ANNOTATIONS.has(key)) ? (found as Keywords) : true
}

function inSomeChoice(narrow: Side, wide: Side, choices: readonly unknown[], path: string): string[] {
  const reasons = choices.map(choice => notIncluded(narrow, { ...wide, schema: choice }, path))
  if (reasons.some(list => list.length === 0)) return []
  // What is said about the choice that was meant; another type is none that was.
  const alike = reasons.filter(list => !list[0]?.startsWith(`${path}: is `))
  return (alike.length > 0 ? alike : reasons).toSorted((a, b) => a.length - b.length)[0] ?? []
}

/** `type`, `const` and `enum`. */
function values(n: Keywords, w: Keywords, path: string): string[] {
  const allowed = listed(w)
  const given = listed(n)
  if (allowed !== null) {
    if (given === null) return [`${path}: any value, where only ${allowed.join(', ')} were allowed`]
    const extra = given.filter(value => !allowed.includes(value))
    if (extra.length > 0) return [`${path}: ${extra.join(', ')} was not allowed`]
  }
  const [from, to] = [types(n), types(w)]
  // A listed value says its own type.
  if (to === null || given !== null) return []
  if (from?.every(type => to.includes(type) || (type === 'integer' && to.includes('number')))) return []
  return [`${path}: is ${from?.join(' or ') ?? 'anything'}, was ${to.join(' or ')}`]
}
function types({ type }: Keywords): readonly string[] | null {
  if (type === undefined) return null
  return Array.isArray(type) ? (type as string[]) : [String(type)]
}
function listed(schema: Keywords): string[] | null {
  if (Object.hasOwn(schema, 'const')) return [JSON.stringify(schema['const'])]
  return Array.isArray(schema['enum']) ? schema['enum'].map(value => JSON.stringify(value)) : null
}

function bounds(n: Keywords, w: Keywords, path: string): string[] {
  const found: string[] = []
  // A listed value, or one of another type, was looked at already.
  if (listed(n) !== null) return found
  const number = (schema: Keywords, key: string) => schema[key] as number | undefined
  for (const key of LOWER) {
    const [from, to] = [number(n, key), number(w, key)]
    if (to !== undefined && (from ?? Number.NEGATIVE_INFINITY) < to)
      found.push(`${path}: ${key} is ${from ?? 'none'}, was ${to}`)
  }
  for (const key of UPPER) {
    const [from, to] = [number(n, key), number(w, key)]
    if (to !== undefined && (from ?? Number.POSITIVE_INFINITY) > to)
      found.push(`${path}: ${key} is ${from ?? 'none'}, was ${to}`)
  }
  return found
}

function objects(n: Keywords, w: Keywords, narrow: Side, wide: Side, path: string): string[] {
  if (!types(n)?.includes('object') || !types(w)?.includes('object')) return []
  const found: string[] = []
  const table = (schema: Keywords) => (schema['properties'] ?? {}) as Readonly<Record<string, unknown>>
  const rest = (schema: Keywords) => schema['additionalProperties'] ?? true
  const required = (schema: Keywords) => (schema['required'] ?? []) as readonly string[]
  for (const name of required(w))
    if (!required(n).includes(name)) found.push(`${path}.${name}: may be missing, and was required`)
  for (const [name, schema] of Object.entries(table(n))) {
    const other = Object.hasOwn(table(w), name) ? table(w)[name] : rest(w)
    if (other === false) found.push(`${path}.${name}: the field was unknown, and unknown fields are refused`)
    else found.push(...notIncluded(side(narrow, schema), side(wide, other), `${path}.${name}`))
  }
  if (rest(n) !== false) {
    if (rest(w) === false) found.push(`${path}: has fields of any name, and unknown fields are refused`)
    else found.push(...notIncluded(side(narrow, rest(n)), side(wide, rest(w)), `${path}.*`))
    const [from, to] = [n['propertyNames'] ?? true, w['propertyNames'] ?? true]
    found.push(...notIncluded(side(narrow, from), side(wide, to), `${path} (names)`))
  }
  return found
}

function items(n: Keywords, w: Keywords, narrow: Side, wide: Side, path: string): string[] {
  if (!types(n)?.includes('array') || !types(w)?.includes('array')) return []
  return notIncluded(side(narrow, n['items'] ?? true), side(wide, w['items'] ?? true), `${path}[]`)
}

/** Keywords that only restrict: one that is the same, or is gone from the wide side, takes nothing away. */
function others(n: Keywords, w: Keywords, path: string): string[] {
  if (listed(n) !== null) return []
  return Object.keys(w)
    .filter(key => !HANDLED.has(key) && !ANNOTATIONS.has(key) && !key.startsWith('x-'))
    .filter(key => JSON.stringify(n[key]) !== JSON.stringify(w[key]))
    .map(key => `${path}: ${key} is ${JSON.stringify(n[key]) ?? 'none'}, was ${JSON.stringify(w[key])}`)
}

const side = (of: Side, schema: unknown): Side => ({ ...of, schema })
