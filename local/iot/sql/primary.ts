import type { CastType, Expression } from './ast.ts'
import { SqlParseError } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { functionFault } from './function-table.ts'
import { type ParseExpression, parseSelection } from './selection.ts'

const RESERVED = new Set(['FROM', 'WHERE', 'AS', 'AND', 'OR', 'IN', 'WHEN', 'THEN', 'ELSE', 'END', 'SELECT'])

const CAST_TYPES: Readonly<Record<string, CastType>> = {
  STRING: 'string',
  NVARCHAR: 'string',
  TEXT: 'string',
  NTEXT: 'string',
  VARCHAR: 'string',
  INT: 'int',
  INTEGER: 'int',
  DOUBLE: 'decimal',
  DECIMAL: 'decimal',
  BOOL: 'boolean',
  BOOLEAN: 'boolean',
}

/** A literal, a path, a call, CASE, an array or object literal, or something in parentheses, with its postfixes. */
export const parsePrimary = (cursor: Cursor, parse: ParseExpression): Expression => {
  let expression = parseAtom(cursor, parse)
  for (let length = 0; ; length++) {
    if (length > 200) cursor.fail('a path of more than 200 steps')
    if (cursor.takeSymbol('.')) {
      expression = { kind: 'member', object: expression, name: cursor.expectName('a property name') }
    } else if (cursor.takeSymbol('[')) {
      expression = { kind: 'index', object: expression, index: parse(cursor) }
      cursor.expectSymbol(']')
    } else return expression
  }
}

const parseAtom = (cursor: Cursor, parse: ParseExpression): Expression => {
  const token = cursor.next()
  if (token.kind === 'string') return { kind: 'literal', value: token.text }
  if (token.kind === 'number') return { kind: 'literal', value: Number(token.text) }
  if (token.kind === 'symbol') {
    if (token.text === '(') return parseParenthesised(cursor, parse)
    if (token.text === '[') return { kind: 'array', items: parseList(cursor, parse, ']') }
    if (token.text === '{') return parseObject(cursor, parse)
  }
  if (token.kind !== 'word')
    throw new SqlParseError(`expected an expression but found ${JSON.stringify(token.text)}`, token.start)
  const keyword = token.text.toUpperCase()
  if (cursor.isSymbol('(')) return parseCall(cursor, parse, token.text, token.start)
  if (keyword === 'TRUE' || keyword === 'FALSE') return { kind: 'literal', value: keyword === 'TRUE' }
  if (keyword === 'NULL') return { kind: 'literal', value: null }
  if (keyword === 'CASE') return parseCase(cursor, parse)
  if (RESERVED.has(keyword))
    throw new SqlParseError(`expected an expression but found ${keyword}`, token.start)
  return { kind: 'field', name: token.text }
}

const parseParenthesised = (cursor: Cursor, parse: ParseExpression): Expression => {
  if (!cursor.takeKeyword('SELECT')) {
    const inner = parse(cursor)
    cursor.expectSymbol(')')
    return inner
  }
  const select = cursor.nested(() => parseSelection(cursor, parse))
  cursor.expectKeyword('FROM')
  const from = parse(cursor)
  const where = cursor.takeKeyword('WHERE') ? parse(cursor) : undefined
  cursor.expectSymbol(')')
  return { kind: 'query', select, from, ...(where === undefined ? {} : { where }) }
}

const parseList = (cursor: Cursor, parse: ParseExpression, close: string): Expression[] => {
  const items: Expression[] = []
  if (cursor.takeSymbol(close)) return items
  do items.push(parse(cursor))
  while (cursor.takeSymbol(','))
  cursor.expectSymbol(close)
  return items
}

const parseObject = (cursor: Cursor, parse: ParseExpression): Expression => {
  const entries: { key: string; value: Expression }[] = []
  if (cursor.takeSymbol('}')) return { kind: 'object', entries }
  do {
    const key = cursor.next()
    if (key.kind !== 'string') throw new SqlParseError('an object key must be a string', key.start)
    cursor.expectSymbol(':')
    entries.push({ key: key.text, value: parse(cursor) })
  } while (cursor.takeSymbol(','))
  cursor.expectSymbol('}')
  return { kind: 'object', entries }
}

const parseCase = (cursor: Cursor, parse: ParseExpression): Expression => {
  const subject = parse(cursor)
  const branches: { when: Expression; result: Expression }[] = []
  while (cursor.takeKeyword('WHEN')) {
    const when = parse(cursor)
    cursor.expectKeyword('THEN')
    branches.push({ when, result: parse(cursor) })
  }
  if (branches.length === 0) cursor.fail('CASE needs at least one WHEN clause')
  const otherwise = cursor.takeKeyword('ELSE') ? parse(cursor) : undefined
  cursor.expectKeyword('END')
  return { kind: 'case', subject, branches, ...(otherwise === undefined ? {} : { otherwise }) }
}

const parseCall = (cursor: Cursor, parse: ParseExpression, written: string, start: number): Expression => {
  cursor.expectSymbol('(')
  const name = written.toLowerCase()
  if (name === 'cast') return parseCast(cursor, parse)
  const fault = functionFault(name, written)
  if (fault) throw new SqlParseError(fault, start)
  const args: Expression[] = []
  if (!cursor.takeSymbol(')')) {
    do args.push(cursor.takeSymbol('*') ? { kind: 'payload' } : parse(cursor))
    while (cursor.takeSymbol(','))
    cursor.expectSymbol(')')
  }
  return { kind: 'call', name, args }
}

const parseCast = (cursor: Cursor, parse: ParseExpression): Expression => {
  const operand = parse(cursor)
  cursor.expectKeyword('AS')
  const token = cursor.next()
  const type = token.kind === 'word' ? CAST_TYPES[token.text.toUpperCase()] : undefined
  if (type === undefined)
    throw new SqlParseError(`cast to ${JSON.stringify(token.text)} is not a type of IoT SQL`, token.start)
  cursor.expectSymbol(')')
  return { kind: 'cast', operand, type }
}
