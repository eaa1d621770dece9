/** IAM's `*` (any run) and `?` (one character) matching, with policy variables. */

export type Lookup = (key: string) => string | undefined

const variable = /\$\{([^}]*)\}/g

/** Regular-expression source of one pattern. Values of variables are literal: a `*` in them is no wildcard. */
function source(pattern: string, lookup: Lookup): string {
  let built = ''
  let last = 0
  for (const match of pattern.matchAll(variable)) {
    built += wild(pattern.slice(last, match.index)) + literal(substitute(match[1] ?? '', match[0], lookup))
    last = match.index + match[0].length
  }
  return built + wild(pattern.slice(last))
}

// `${*}`, `${?}` and `${$}` stand for the characters themselves; `${key, 'default'}` has a fallback.
function substitute(inner: string, whole: string, lookup: Lookup): string {
  if (inner === '*' || inner === '?' || inner === '$') return inner
  const [, key = inner, fallback] = /^([^,]+?)\s*,\s*'(.*)'$/.exec(inner) ?? []
  return lookup(key) ?? fallback ?? whole
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
const wild = (text: string): string =>
  text
    .replace(/[\\^$.+()[\]{}|]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.')

/** Does `value` match `pattern` as a whole? */
export function matchesWildcard(
  pattern: string,
  value: string,
  options: { readonly ignoreCase?: boolean; readonly lookup?: Lookup } = {},
): boolean {
  return expression(source(pattern, options.lookup ?? (() => undefined)), options.ignoreCase === true).test(
    value,
  )
}

/** A template's patterns are few and asked again with every call. */
const expressions = new Map<string, RegExp>()
const MAX_EXPRESSIONS = 5_000
function expression(from: string, ignoreCase: boolean): RegExp {
  const flags = ignoreCase ? 'isu' : 'su'
  const id = `${flags} ${from}`
  const known = expressions.get(id)
  if (known !== undefined) return known
  const made = new RegExp(`^${from}$`, flags)
  if (expressions.size >= MAX_EXPRESSIONS) expressions.clear()
  expressions.set(id, made)
  return made
}

/** The text with its variables replaced and no wildcard meaning, for the `…Equals` operators. */
export function substituteVariables(text: string, lookup: Lookup): string {
  return text.replace(variable, (whole, inner: string) => substitute(inner, whole, lookup))
}

/** ARN matching: each of the six parts by itself, so that `*` in one part does not run into the next. */
export function matchesArn(pattern: string, value: string, lookup: Lookup): boolean {
  const patterns = splitArn(pattern)
  const values = splitArn(value)
  if (patterns.length !== values.length) return pattern === '*'
  return patterns.every((part, i) => matchesWildcard(part, values[i] ?? '', { lookup }))
}

// Colons inside `${aws:…}` do not separate parts.
function splitArn(arn: string): readonly string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const char of arn) {
    if (char === '{') depth += 1
    if (char === '}') depth -= 1
    if (char === ':' && depth === 0 && parts.length < 6) parts.push('')
    else parts[parts.length - 1] += char
  }
  return parts
}
