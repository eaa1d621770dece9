import type { Expression, SelectItem, Selection } from './ast.ts'
import { SqlParseError } from './ast.ts'
import type { Cursor } from './cursor.ts'

/** Passed along, because selections and expressions contain each other. */
export type ParseExpression = (cursor: Cursor, minimum?: number) => Expression

/** What follows SELECT, up to FROM; used for nested queries as well. */
export const parseSelection = (cursor: Cursor, parse: ParseExpression): Selection => {
  if (cursor.isKeyword('VALUE') && !isFieldNamedValue(cursor)) {
    cursor.next()
    return { kind: 'value', expression: parse(cursor) }
  }
  const items: SelectItem[] = []
  do items.push(parseItem(cursor, parse))
  while (cursor.takeSymbol(','))
  return { kind: 'items', items }
}

// VALUE is a keyword only where something to select follows it: `SELECT value FROM …` selects a field.
const isFieldNamedValue = (cursor: Cursor): boolean => {
  const after = cursor.peekSecond()
  if (after.kind === 'end') return true
  if (after.kind === 'symbol') return !['(', '[', '{', '-'].includes(after.text)
  return (
    after.kind === 'word' && ['FROM', 'AS', 'WHERE', 'IN', 'AND', 'OR'].includes(after.text.toUpperCase())
  )
}

const parseItem = (cursor: Cursor, parse: ParseExpression): SelectItem => {
  if (cursor.takeSymbol('*')) return { kind: 'all' }
  const start = cursor.peek().start
  const expression = parse(cursor)
  if (cursor.takeKeyword('AS')) return { kind: 'expression', expression, path: parseAlias(cursor) }
  const name = defaultName(expression)
  if (name === undefined)
    throw new SqlParseError('a selected expression needs a name: add AS and an alias', start)
  return { kind: 'expression', expression, path: [name] }
}

const parseAlias = (cursor: Cursor): readonly string[] => {
  const path = [cursor.expectName('an alias')]
  while (cursor.takeSymbol('.')) path.push(cursor.expectName('an alias'))
  return path
}

const defaultName = (expression: Expression): string | undefined => {
  if (expression.kind === 'field' || expression.kind === 'member') return expression.name
  return undefined
}
