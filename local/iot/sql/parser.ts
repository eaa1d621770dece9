import { topicFilterFault } from '../topics.ts'
import type { Expression, Statement } from './ast.ts'
import { SqlParseError } from './ast.ts'
import { type Cursor, createCursor } from './cursor.ts'
import { parseExpression } from './expression.ts'
import { parseSelection } from './selection.ts'

/** Parses a rule's statement; throws SqlParseError and nothing else. */
export const parseStatement = (source: string): Statement => {
  const cursor = createCursor(source)
  if (cursor.isKeyword('SET')) cursor.fail('the SET clause is not implemented by the local cloud')
  cursor.expectKeyword('SELECT')
  const select = parseSelection(cursor, parseExpression)
  let from: string | undefined
  if (cursor.takeKeyword('FROM')) from = parseTopicFilter(cursor)
  const where = cursor.takeKeyword('WHERE') ? parseExpression(cursor) : undefined
  if (cursor.peek().kind !== 'end') cursor.fail(`unexpected ${JSON.stringify(cursor.peek().text)}`)
  return { select, ...(from === undefined ? {} : { from }), ...(where === undefined ? {} : { where }) }
}

/**
 * Parses the expression that starts at `offset` and ends before a `}`, as in a substitution template; returns it
 * with the offset of that brace.
 */
export const parseTemplateExpression = (
  source: string,
  offset: number,
): { readonly expression: Expression; readonly end: number } => {
  const cursor = createCursor(source, offset)
  const expression = parseExpression(cursor)
  if (!cursor.isSymbol('}')) cursor.fail('expected "}" after the expression of a substitution template')
  return { expression, end: cursor.peek().start }
}

const parseTopicFilter = (cursor: Cursor): string => {
  const token = cursor.next()
  if (token.kind !== 'string')
    throw new SqlParseError('FROM needs a topic filter in single quotes', token.start)
  const fault = topicFilterFault(token.text)
  if (fault) throw new SqlParseError(`FROM '${token.text}': ${fault}`, token.start)
  return token.text
}
