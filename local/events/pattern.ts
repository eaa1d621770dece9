/**
 * Event bus patterns: which events does a rule want? Same answers as aws/event-ruler, checked against vectors
 * that it produced. Also used for the FilterCriteria of event source mappings.
 */
import { type Field, flatten, join, type Membership } from './flatten.ts'
import { compileLeaf, invalid, type Leaf } from './operators.ts'
import { isRecord } from './read.ts'

interface Condition extends Leaf {
  readonly path: string
}
type Conjunction = readonly Condition[]
type Matcher = (event: unknown) => boolean

/** Alternatives after multiplying out `$or`; EventBridge refuses patterns beyond this. */
const MAX_COMBINATIONS = 1000
const MAX_DEPTH = 100
const compiled = new WeakMap<object, Matcher>()

/**
 * Does the event satisfy the pattern? Never throws for any JSON event.
 * Throws AwsError InvalidEventPatternException when the pattern itself is wrong.
 */
export function matchesPattern(pattern: unknown, event: unknown): boolean {
  const known = isRecord(pattern) ? compiled.get(pattern) : undefined
  const matcher = known ?? compilePattern(pattern)
  if (!known && isRecord(pattern)) compiled.set(pattern, matcher)
  return matcher(event)
}

/** Throws AwsError InvalidEventPatternException naming the path of the first mistake. */
export function validatePattern(pattern: unknown): void {
  compilePattern(pattern)
}

/** Compiles once for many events. Throws as `validatePattern`. */
export function compilePattern(pattern: unknown): Matcher {
  if (!isRecord(pattern)) throw invalid('', 'Filter is not an object')
  const conjunctions = expand(pattern, '', 0).map(conditions =>
    // Sorted as event-ruler does: an absence is judged within the array elements chosen by earlier paths.
    conditions.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
  )
  return event => {
    const fields = flatten(event)
    return conjunctions.some(conjunction => holds(conjunction, fields))
  }
}

function expand(pattern: Readonly<Record<string, unknown>>, path: string, depth: number): Conjunction[] {
  const entries = Object.entries(pattern)
  if (entries.length === 0) throw invalid(path, 'Empty objects are not allowed')
  if (depth > MAX_DEPTH) throw invalid(path, 'Pattern is nested too deeply')
  let all: Conjunction[] = [[]]
  for (const [key, value] of entries) {
    const alternatives = expandKey(key, value, path, depth)
    all = all.flatMap(left => alternatives.map(right => [...left, ...right]))
    if (all.length > MAX_COMBINATIONS) throw invalid(path, 'Rule is too complex: too many $or combinations')
  }
  return all
}

function expandKey(key: string, value: unknown, path: string, depth: number): Conjunction[] {
  if (key === '$or' && isOrRelationship(value)) return value.flatMap(each => expand(each, path, depth + 1))
  const here = join(path, key)
  if (isRecord(value)) return expand(value, here, depth + 1)
  if (Array.isArray(value)) return [[{ path: here, ...compileLeaf(value, here) }]]
  throw invalid(here, 'Match values must be in an array: "key": ["value"]')
}

const OPERATORS = new Set(
  'prefix suffix equals-ignore-case wildcard cidr numeric anything-but exists exactly'.split(' '),
)
/** `$or` is an operator only over two or more field objects; else it is a field of that name, as in event-ruler. */
function isOrRelationship(value: unknown): value is Readonly<Record<string, unknown>>[] {
  return (
    Array.isArray(value) &&
    value.length >= 2 &&
    value.every(
      each =>
        isRecord(each) &&
        Object.keys(each).length > 0 &&
        !Object.keys(each).every(key => OPERATORS.has(key) && !isRecord(each[key])),
    )
  )
}

/** Chosen element per array; the same-array-element rule is that no array is chosen at two elements. */
type Choice = ReadonlyMap<number, number>

function holds(conjunction: Conjunction, fields: ReadonlyMap<string, readonly Field[]>): boolean {
  let choices: Choice[] = [new Map()]
  for (const [at, condition] of conjunction.entries()) {
    // Only arrays that a later condition also looks into are worth remembering; the rest would multiply.
    const relevant = arraysOf(conjunction.slice(at + 1), fields)
    const next = new Map<string, Choice>()
    const keep = (choice: Choice): void => {
      const kept = [...choice].filter(([id]) => relevant.has(id)).sort(([a], [b]) => a - b)
      next.set(kept.join(';'), new Map(kept))
    }
    const candidates = fields.get(condition.path) ?? []
    const matching = candidates.filter(field => condition.tests.some(test => test(field.value)))
    for (const choice of choices) {
      if (condition.absent && !candidates.some(field => extend(choice, field.membership))) keep(choice)
      for (const field of matching) {
        const extended = extend(choice, field.membership)
        if (extended) keep(extended)
      }
    }
    if (next.size === 0) return false
    choices = [...next.values()]
  }
  return true
}

function arraysOf(conditions: Conjunction, fields: ReadonlyMap<string, readonly Field[]>): Set<number> {
  const ids = new Set<number>()
  for (const { path } of conditions)
    for (const field of fields.get(path) ?? [])
      for (let step = field.membership; step; step = step.parent) ids.add(step.id)
  return ids
}

function extend(choice: Choice, membership: Membership | undefined): Choice | undefined {
  if (!membership) return choice
  const extended = new Map(choice)
  for (let step: Membership | undefined = membership; step; step = step.parent) {
    const chosen = extended.get(step.id)
    if (chosen !== undefined && chosen !== step.index) return undefined
    extended.set(step.id, step.index)
  }
  return extended
}
