/**
 * CloudFormation's intrinsic functions as one pure function over a scope. Reference: CloudFormation template
 * reference, "Intrinsic functions" and "Pseudo parameters".
 */
import { evaluateCondition } from './conditions.ts'
import { substitute } from './sub.ts'
import { isRecord, type Json, TemplateError } from './template.ts'

/** What names mean while a value is resolved. */
export interface Scope {
  /** Value of `Ref`: parameter, pseudo parameter or resource; `undefined` when there is no such name. */
  ref(name: string): unknown
  /** Value of `Fn::GetAtt`; throws when the resource or the attribute does not exist. */
  getAtt(logicalId: string, attribute: string, where: string): unknown
  /** Truth of a named condition; throws when it is not declared. */
  condition(name: string, where: string): boolean
  readonly mappings: Readonly<Record<string, Json>>
}

/** Value of the pseudo parameter `AWS::NoValue`: the property or list element that has it disappears. */
export const noValue: unique symbol = Symbol('AWS::NoValue')

type Intrinsic = (argument: unknown, scope: Scope, where: string) => unknown

const intrinsics: Readonly<Record<string, Intrinsic>> = {
  Ref: (argument, scope, where) => {
    if (typeof argument !== 'string') throw new TemplateError(where, 'Ref takes a name')
    const value = scope.ref(argument)
    if (value === undefined)
      throw new TemplateError(where, `Ref names ${argument}, which the template does not have`)
    return value
  },
  'Fn::GetAtt': (argument, scope, where) => {
    const [logicalId, attribute] = getAttParts(argument, scope, where)
    return scope.getAtt(logicalId, attribute, where)
  },
  'Fn::Sub': (argument, scope, where) => {
    const [text, given] = Array.isArray(argument) ? argument : [argument, {}]
    if (typeof text !== 'string' || !isRecord(given))
      throw new TemplateError(where, 'Fn::Sub takes a string, or a string and a map')
    return substitute(text, name => {
      if (Object.hasOwn(given, name)) return plain(resolve(given[name], scope, where), where, 'Fn::Sub')
      const dot = name.indexOf('.')
      const value = dot < 0 ? scope.ref(name) : scope.getAtt(name.slice(0, dot), name.slice(dot + 1), where)
      if (value === undefined)
        throw new TemplateError(
          where,
          `Fn::Sub names ${name}, which the template does not have; write \${!${name}} for a literal`,
        )
      return plain(value, where, 'Fn::Sub')
    })
  },
  'Fn::Join': (argument, scope, where) => {
    const [delimiter, parts] = pair(argument, scope, where, 'Fn::Join')
    if (typeof delimiter !== 'string' || !Array.isArray(parts))
      throw new TemplateError(where, 'Fn::Join takes a delimiter and a list')
    return parts.map(part => plain(part, where, 'Fn::Join')).join(delimiter)
  },
  'Fn::Split': (argument, scope, where) => {
    const [delimiter, text] = pair(argument, scope, where, 'Fn::Split')
    if (typeof delimiter !== 'string' || delimiter === '' || typeof text !== 'string')
      throw new TemplateError(where, 'Fn::Split takes a delimiter, not empty, and a string')
    return text.split(delimiter)
  },
  'Fn::Select': (argument, scope, where) => {
    const [index, list] = pair(argument, scope, where, 'Fn::Select')
    const position = Number(index)
    if (!Array.isArray(list) || !Number.isInteger(position))
      throw new TemplateError(where, 'Fn::Select takes an index and a list')
    if (position < 0 || position >= list.length)
      throw new TemplateError(where, `Fn::Select index ${position} is outside a list of ${list.length}`)
    return list[position]
  },
  'Fn::If': (argument, scope, where) => {
    if (!Array.isArray(argument) || argument.length !== 3 || typeof argument[0] !== 'string')
      throw new TemplateError(where, 'Fn::If takes a condition name and two values')
    return resolveOrNone(argument[scope.condition(argument[0], where) ? 1 : 2], scope, where)
  },
  'Fn::FindInMap': (argument, scope, where) => {
    const keys = Array.isArray(argument) ? argument.map(each => resolve(each, scope, where)) : []
    const [map, first, second] = keys.map(String)
    if (keys.length !== 3 || map === undefined || first === undefined || second === undefined)
      throw new TemplateError(where, 'Fn::FindInMap takes a map name and two keys')
    const row = scope.mappings[map]?.[first]
    const value = isRecord(row) ? row[second] : undefined
    if (value === undefined)
      throw new TemplateError(where, `Fn::FindInMap finds nothing at ${map}.${first}.${second}`)
    return value
  },
  'Fn::Base64': (argument, scope, where) =>
    Buffer.from(plain(resolve(argument, scope, where), where, 'Fn::Base64')).toString('base64'),
  'Fn::ImportValue': (argument, _scope, where) => {
    throw new TemplateError(
      where,
      `Fn::ImportValue ${JSON.stringify(argument)} needs another stack, and the local cloud runs one; use a parameter`,
    )
  },
}

/** Resolves a value of the template; `where` (logical id and property path) starts every error message. */
export function resolve(value: unknown, scope: Scope, where: string): unknown {
  const resolved = resolveOrNone(value, scope, where)
  if (resolved === noValue)
    throw new TemplateError(where, 'AWS::NoValue leaves no value here, and one is needed')
  return resolved
}

/** As `resolve`, but `AWS::NoValue` comes out as `noValue`, for the object or list that holds it. */
export function resolveOrNone(value: unknown, scope: Scope, where: string): unknown {
  if (typeof value === 'string') return literal(value, where)
  if (Array.isArray(value))
    return value
      .map((each, i) => resolveOrNone(each, scope, `${where}[${i}]`))
      .filter(each => each !== noValue)
  if (!isRecord(value)) return value
  const call = intrinsicOf(value, where)
  if (call) return call.run(call.argument, scope, where)
  return Object.fromEntries(
    Object.entries(value)
      .map(
        ([key, inner]) => [key, resolveOrNone(inner, scope, where === '' ? key : `${where}.${key}`)] as const,
      )
      .filter(([, inner]) => inner !== noValue),
  )
}

function intrinsicOf(value: Json, where: string): { run: Intrinsic; argument: unknown } | undefined {
  const [key, ...others] = Object.keys(value)
  if (key === undefined || others.length > 0) return undefined
  const run = Object.hasOwn(intrinsics, key) ? intrinsics[key] : undefined
  if (run) return { run, argument: value[key] }
  if (/^Fn::(Equals|And|Or|Not)$/.test(key))
    return { run: (_, scope, place) => evaluateCondition(value, scope, place), argument: undefined }
  if (key.startsWith('Fn::')) throw new TemplateError(where, `${key} is not run by the local cloud`)
  return undefined
}

/** The two halves of a `Fn::GetAtt` in either form; attributes may contain dots. */
export function getAttParts(argument: unknown, scope: Pick<Scope, 'ref'>, where: string): [string, string] {
  if (typeof argument === 'string') {
    const dot = argument.indexOf('.')
    if (dot > 0) return [argument.slice(0, dot), argument.slice(dot + 1)]
  }
  if (Array.isArray(argument) && argument.length === 2 && typeof argument[0] === 'string') {
    const [logicalId, second] = argument as [string, unknown]
    const attribute = isRecord(second) ? scope.ref(String(second['Ref'])) : second
    if (typeof attribute === 'string') return [logicalId, attribute]
  }
  throw new TemplateError(where, 'Fn::GetAtt takes "LogicalId.Attribute" or [LogicalId, Attribute]')
}

function pair(argument: unknown, scope: Scope, where: string, name: string): [unknown, unknown] {
  if (!Array.isArray(argument) || argument.length !== 2)
    throw new TemplateError(where, `${name} takes a list of two`)
  return [resolve(argument[0], scope, where), resolve(argument[1], scope, where)]
}

function plain(value: unknown, where: string, name: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return value.map(each => plain(each, where, name)).join(',')
  throw new TemplateError(where, `${name} can only take strings, not ${JSON.stringify(value) ?? 'nothing'}`)
}

function literal(value: string, where: string): string {
  if (/\{\{resolve:[a-z-]+:/.test(value))
    throw new TemplateError(
      where,
      `the dynamic reference ${value} is not run by the local cloud; use a parameter`,
    )
  return value
}
