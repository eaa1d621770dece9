import { validation } from '../errors.ts'

/** `name` is a bare identifier, `alias` is `#x`, `value` is `:x`. */
export interface Token {
  readonly kind: 'name' | 'alias' | 'value' | 'index' | 'symbol' | 'end'
  readonly text: string
}
export type ExpressionName =
  | 'ConditionExpression'
  | 'FilterExpression'
  | 'KeyConditionExpression'
  | 'ProjectionExpression'
  | 'UpdateExpression'

const maxExpressionBytes = 4096
const lexeme = /\s*(?:([A-Za-z_]\w*)|(#\w+)|(:\w+)|(\d+)|(<=|>=|<>|[=<>()[\].,+-]))/y

/** Splits an expression. Throws ValidationException for an empty, too long or unreadable one. */
export function tokenise(source: string, expression: ExpressionName): readonly Token[] {
  const fault = (detail: string) => validation(`Invalid ${expression}: ${detail}`)
  if (source.trim() === '') throw fault('The expression can not be empty;')
  const size = Buffer.byteLength(source)
  if (size > maxExpressionBytes)
    throw fault(`Expression size has exceeded the maximum allowed size; expression size: ${size}`)
  const tokens: Token[] = []
  const end = source.trimEnd().length
  lexeme.lastIndex = 0
  while (lexeme.lastIndex < end) {
    const at = lexeme.lastIndex
    const match = lexeme.exec(source)
    if (match === null) {
      const rest = source.slice(at).trimStart()
      throw fault(`Syntax error; token: "${rest.slice(0, 1)}", near: "${rest.slice(0, 10)}"`)
    }
    const [, name, alias, value, index, symbol] = match
    if (name !== undefined) tokens.push({ kind: 'name', text: name })
    else if (alias !== undefined) tokens.push({ kind: 'alias', text: alias })
    else if (value !== undefined) tokens.push({ kind: 'value', text: value })
    else if (index !== undefined) tokens.push({ kind: 'index', text: index })
    else tokens.push({ kind: 'symbol', text: symbol ?? '' })
  }
  return [...tokens, { kind: 'end', text: '<EOF>' }]
}
