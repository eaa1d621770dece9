/** The condition functions: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` and `{ Condition: name }`. */
import { resolve, type Scope } from './intrinsics.ts'
import { isRecord, type Json, TemplateError } from './template.ts'

/** Truth of a condition expression. Throws TemplateError when it is not one. */
export function evaluateCondition(expression: unknown, scope: Scope, where: string): boolean {
  if (!isRecord(expression) || Object.keys(expression).length !== 1)
    throw new TemplateError(where, 'a condition is an object with one condition function')
  const [name, argument] = Object.entries(expression)[0] as [string, unknown]
  if (name === 'Condition' && typeof argument === 'string') return scope.condition(argument, where)
  if (!Array.isArray(argument)) throw new TemplateError(where, `${name} takes a list`)
  const inner = (): boolean[] => argument.map(each => evaluateCondition(each, scope, where))
  switch (name) {
    case 'Fn::Equals': {
      if (argument.length !== 2) throw new TemplateError(where, 'Fn::Equals takes two values')
      const [left, right] = argument.map(each => JSON.stringify(text(resolve(each, scope, where))))
      return left === right
    }
    case 'Fn::And':
      return inner().every(Boolean)
    case 'Fn::Or':
      return inner().some(Boolean)
    case 'Fn::Not':
      if (argument.length !== 1) throw new TemplateError(where, 'Fn::Not takes one condition')
      return !inner()[0]
    default:
      throw new TemplateError(where, `${name} is not a condition function`)
  }
}

/** Truth of named conditions, each worked out once. Throws TemplateError for unknown names and for cycles. */
export function conditionTable(
  declared: Json,
  scopeOf: (condition: Scope['condition']) => Scope,
): Scope['condition'] {
  const known = new Map<string, boolean>()
  const open: string[] = []
  const truth = (name: string, where: string): boolean => {
    const found = known.get(name)
    if (found !== undefined) return found
    if (!Object.hasOwn(declared, name)) throw new TemplateError(where, `there is no condition ${name}`)
    if (open.includes(name))
      throw new TemplateError(`Conditions.${name}`, `refers to itself: ${[...open, name].join(' -> ')}`)
    open.push(name)
    const value = evaluateCondition(declared[name], scope, `Conditions.${name}`)
    open.pop()
    known.set(name, value)
    return value
  }
  const scope = scopeOf(truth)
  return truth
}

/** CloudFormation compares as strings: the parameter 3 equals the literal "3". */
const text = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
