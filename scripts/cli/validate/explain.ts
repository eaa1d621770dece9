/** One complaint of the schema in words: what is wrong, and what would be right. */
import type { Issue } from '../../../src/contracts/issues.ts'
import { nearest } from '../nearest.ts'
import { plain } from '../text.ts'
import { schemaAt, unitOf, valuesAt, wantedAt } from './schema.ts'

export interface Explained {
  readonly path: readonly PropertyKey[]
  /** The field's name is wrong, and not its value. */
  readonly key: boolean
  readonly message: string
  readonly fix: string | null
  /** The field that was likely meant by a wrong name. */
  readonly meant?: string
  /** A value that the schema takes, as near as can be. */
  readonly instead?: unknown
  /** It says what the fields beside it mean. */
  readonly decides?: boolean
}

/** A complaint about several unknown fields is one per field. */
export function explain(issue: Issue, document: unknown): Explained[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(name => unknownField(issue.path, name, document))
  const choices = choicesOf(issue, document)
  return [
    {
      path: issue.path,
      key: false,
      message: messageOf(issue, document, choices),
      fix: fixOf(issue, document, choices),
      instead: insteadOf(issue, document, choices),
      decides: issue.code === 'invalid_union' && 'discriminator' in issue,
    },
  ]
}

/** What the fix comes to; for a field that is missing something that fits. */
function insteadOf(issue: Issue, document: unknown, choices: readonly string[]): unknown {
  const value = at(document, issue.path)
  if (value !== undefined && choices.length > 0) return nearest(String(value), choices)
  const { type, pattern, minimum = 0, maximum = 1 } = schemaAt(issue.path, document) ?? {}
  const types = [type ?? []].flat()
  if (types.includes('number') || types.includes('integer'))
    return typeof value === 'string' && Number.isFinite(Number(value))
      ? Number(value)
      : Math.min(Math.max(1, minimum), maximum)
  if (!types.includes('string')) return undefined
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return pattern === undefined || new RegExp(pattern, 'u').test('x') ? 'x' : undefined
}

function unknownField(path: readonly PropertyKey[], name: string, document: unknown): Explained {
  const known = Object.keys(schemaAt(path, document)?.properties ?? {})
  const meant = nearest(name, known)
  const where = path.length === 0 ? 'model.yaml' : dotted(path)
  return {
    path: [...path, name],
    key: true,
    message: `there is no field "${plain(name)}" in ${where}`,
    fix: meant === undefined ? `one of ${known.join(', ')}, or take it out` : `${meant}${inUnit(meant)}`,
    ...(meant === undefined ? {} : { meant }),
  }
}

const inUnit = (name: string): string => {
  const unit = unitOf(name)
  return unit === '' ? '' : `, in${unit}`
}

function choicesOf(issue: Issue, document: unknown): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String)
  const { options } = issue as { options?: unknown }
  if (issue.code === 'invalid_union' && Array.isArray(options)) return options.map(String)
  return valuesAt(issue.path, document)
}

function messageOf(issue: Issue, document: unknown, choices: readonly string[]): string {
  const value = at(document, issue.path)
  const field = dotted(issue.path) || 'model.yaml'
  const wanted = wantedAt(issue.path, document)
  if (value === undefined) return `${field} is missing`
  if (choices.length > 0) return `${field} is ${shown(value)}; it is one of ${choices.join(', ')}`
  switch (issue.code) {
    case 'invalid_type':
    case 'too_small':
    case 'too_big':
      return `${field} is ${shown(value)}; needed is ${wanted ?? issue.message}`
    case 'invalid_format':
      return `${field} is ${shown(value)}; allowed: ${issue.message}`
    case 'invalid_union':
      return `${field} is ${shown(value)}, which is none of what it may be${wanted === undefined ? '' : `: ${wanted}`}`
    default:
      return `${field}: ${issue.message}`
  }
}

function fixOf(issue: Issue, document: unknown, choices: readonly string[]): string | null {
  const value = at(document, issue.path)
  const name = String(issue.path.at(-1) ?? '')
  if (value === undefined) {
    const wanted = choices.length > 0 ? `one of ${choices.join(', ')}` : wantedAt(issue.path, document)
    return `add \`${name}: …\`${wanted === undefined ? '' : `, ${wanted}`}`
  }
  if (choices.length > 0) return nearest(String(value), choices) ?? `one of ${choices.join(', ')}`
  if (issue.code === 'invalid_type') return retyped(issue, value)
  if (issue.code === 'too_small' && typeof value === 'number')
    return `${name}: ${bound(issue.minimum, issue.inclusive, 1)}`
  if (issue.code === 'too_big' && typeof value === 'number')
    return `${name}: ${bound(issue.maximum, issue.inclusive, -1)}`
  if (issue.code === 'invalid_format' && typeof value === 'string') {
    const slug = value
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
    const { pattern } = schemaAt(issue.path, document) ?? {}
    if (slug !== '' && pattern !== undefined && new RegExp(pattern, 'u').test(slug)) return slug
  }
  return null
}

function bound(
  limit: number | bigint | undefined,
  inclusive: boolean | undefined,
  direction: 1 | -1,
): string {
  if (limit === undefined) return 'another value'
  return inclusive === false ? `${direction > 0 ? 'above' : 'below'} ${limit}` : String(limit)
}

function retyped(issue: Extract<Issue, { code: 'invalid_type' }>, value: unknown): string | null {
  const { expected } = issue
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `"${value}", in quotes`
  if (
    (expected === 'number' || expected === 'int') &&
    typeof value === 'string' &&
    value.trim() !== '' &&
    Number.isFinite(Number(value))
  )
    return `${Number(value)}, without quotes`
  if (expected === 'int' && typeof value === 'number') return String(Math.round(value))
  if (expected === 'boolean' && typeof value === 'string' && /^(yes|on|no|off)$/i.test(value))
    return /^(yes|on)$/i.test(value) ? 'true' : 'false'
  if (expected === 'array' && value !== null && typeof value !== 'object') return `[${value}]`
  return null
}

const shown = (value: unknown): string => {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object' && value !== null) return 'a block of fields'
  if (typeof value === 'string') return `"${plain(value.length > 60 ? `${value.slice(0, 59)}…` : value)}"`
  return value === null ? 'empty' : String(value)
}

export const dotted = (path: readonly PropertyKey[]): string => path.map(String).join('.')

export const at = (document: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (node, step) => (node as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[step],
    document,
  )
