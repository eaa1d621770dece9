/** Grammar of update expressions: developer guide, "Using update expressions". */
import { type AttributeValue, setMembers, type Tag, tagOf } from '../attribute-value.ts'
import { assertDisjoint, type Path } from './path.ts'
import type { Substitutions } from './substitutions.ts'
import { openTokens, type TokenStream } from './token-stream.ts'

export type SetValue =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'if_not_exists'; readonly path: Path; readonly otherwise: SetValue }
  | { readonly kind: 'list_append'; readonly left: SetValue; readonly right: SetValue }
  | { readonly kind: 'plus' | 'minus'; readonly left: SetValue; readonly right: SetValue }
export type UpdateAction =
  | { readonly kind: 'SET'; readonly path: Path; readonly value: SetValue }
  | { readonly kind: 'REMOVE'; readonly path: Path }
  | { readonly kind: 'ADD' | 'DELETE'; readonly path: Path; readonly value: AttributeValue }

const sections = ['SET', 'REMOVE', 'ADD', 'DELETE'] as const

export function parseUpdate(source: string, substitutions: Substitutions): readonly UpdateAction[] {
  const tokens = openTokens(source, 'UpdateExpression', substitutions)
  const actions: UpdateAction[] = []
  const seen = new Set<string>()
  do {
    const section = sections.find(name => tokens.atKeyword(name))
    if (section === undefined) throw tokens.syntaxFault()
    tokens.next()
    if (seen.has(section))
      throw tokens.fault(`The "${section}" section can only be used once in an update expression;`)
    seen.add(section)
    actions.push(...tokens.list(() => parsers[section](tokens)))
  } while (tokens.peek().kind !== 'end')
  assertDisjoint(
    actions.map(action => action.path),
    'UpdateExpression',
  )
  return actions
}

const parsers: Readonly<Record<(typeof sections)[number], (tokens: TokenStream) => UpdateAction>> = {
  SET(tokens) {
    const path = tokens.path()
    tokens.expect('=')
    return { kind: 'SET', path, value: sum(tokens) }
  },
  REMOVE: tokens => ({ kind: 'REMOVE', path: tokens.path() }),
  ADD: tokens =>
    valueAction(tokens, 'ADD', value => value.N !== undefined || setMembers(value) !== undefined),
  DELETE: tokens => valueAction(tokens, 'DELETE', value => setMembers(value) !== undefined),
}

function valueAction(
  tokens: TokenStream,
  kind: 'ADD' | 'DELETE',
  allowed: (value: AttributeValue) => boolean,
): UpdateAction {
  const path = tokens.path()
  const value = tokens.value()
  if (!allowed(value))
    throw tokens.fault(
      `Incorrect operand type for operator or function; operator: ${kind}, operand type: ${longTypeName(value)}, typeSet: ALLOWED_FOR_${kind}_OPERAND`,
    )
  return { kind, path, value }
}

function sum(tokens: TokenStream): SetValue {
  const left = operand(tokens)
  const plus = tokens.take('+')
  if (!plus && !tokens.take('-')) return left
  const right = operand(tokens)
  for (const side of [left, right]) assertOperand(tokens, plus ? '+' : '-', side, 'N')
  return { kind: plus ? 'plus' : 'minus', left, right }
}

function operand(tokens: TokenStream): SetValue {
  return tokens.nested(() => {
    const { kind, text } = tokens.peek()
    if (kind === 'value') return { kind: 'value', value: tokens.value() }
    if (kind === 'name' && tokens.peek(1).text === '(') return call(tokens, text)
    if (tokens.take('(')) {
      const inner = sum(tokens)
      tokens.expect(')')
      return inner
    }
    return { kind: 'path', path: tokens.path() }
  })
}

const conditionFunctions: readonly string[] = [
  'attribute_exists',
  'attribute_not_exists',
  'attribute_type',
  'begins_with',
  'contains',
  'size',
]
function call(tokens: TokenStream, name: string): SetValue {
  if (conditionFunctions.includes(name))
    throw tokens.fault(`The function is not allowed in an update expression; function: ${name}`)
  if (name !== 'if_not_exists' && name !== 'list_append')
    throw tokens.fault(`Invalid function name; function: ${name}`)
  tokens.next()
  tokens.expect('(')
  const args = tokens.list(() => operand(tokens))
  tokens.expect(')')
  const [left, right] = args
  if (left === undefined || right === undefined || args.length !== 2)
    throw tokens.fault(
      `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${args.length}`,
    )
  if (name === 'list_append') {
    for (const side of args) assertOperand(tokens, name, side, 'L')
    return { kind: 'list_append', left, right }
  }
  if (left.kind !== 'path')
    throw tokens.fault(`Operator or function requires a document path; operator or function: ${name}`)
  return { kind: 'if_not_exists', path: left.path, otherwise: right }
}

function assertOperand(tokens: TokenStream, name: string, side: SetValue, wanted: Tag): void {
  if (side.kind === 'value' && tagOf(side.value) !== wanted)
    throw tokens.fault(
      `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${tagOf(side.value)}`,
    )
}

const longTypeNames: Readonly<Record<Tag, string>> = {
  S: 'STRING',
  N: 'NUMBER',
  B: 'BINARY',
  BOOL: 'BOOLEAN',
  NULL: 'NULL',
  SS: 'STRING_SET',
  NS: 'NUMBER_SET',
  BS: 'BINARY_SET',
  L: 'LIST',
  M: 'MAP',
}
const longTypeName = (value: AttributeValue): string => longTypeNames[tagOf(value)]
