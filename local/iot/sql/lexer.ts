import { SqlParseError } from './ast.ts'

export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'symbol' | 'end'
  /** Text as written; for strings, the content. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const SPACE = /\s*/y
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SYMBOL = /<>|!=|<=|>=|[=<>+\-*/%(),.[\]{}:]/y

/** The token at or after `from`. Reads no further, so a template's `${…}` may be followed by anything. */
export const readToken = (source: string, from: number): Token => {
  const start = matchEnd(SPACE, source, from) ?? from
  const first = source[start]
  if (first === undefined) return { kind: 'end', text: '', start, end: start }
  if (first === "'" || first === '"') return readString(source, start, first)
  for (const [kind, pattern] of [
    ['word', WORD],
    ['number', NUMBER],
    ['symbol', SYMBOL],
  ] as const) {
    const end = matchEnd(pattern, source, start)
    if (end === undefined) continue
    const text = source.slice(start, end)
    if (kind === 'number' && !Number.isFinite(Number(text)))
      throw new SqlParseError(`the number ${text.slice(0, 40)} is too large`, start)
    return { kind, text, start, end }
  }
  throw new SqlParseError(`unexpected character ${JSON.stringify(first)}`, start)
}

/** Both quotes make strings in IoT SQL; a doubled quote stands for itself, a backslash is an ordinary character. */
const readString = (source: string, start: number, quote: string): Token => {
  let text = ''
  let at = start + 1
  for (;;) {
    const close = source.indexOf(quote, at)
    if (close < 0) throw new SqlParseError('a string is not closed', start)
    text += source.slice(at, close)
    if (source[close + 1] !== quote) return { kind: 'string', text, start, end: close + 1 }
    text += quote
    at = close + 2
  }
}

const matchEnd = (pattern: RegExp, source: string, from: number): number | undefined => {
  pattern.lastIndex = from
  return pattern.test(source) ? pattern.lastIndex : undefined
}
