/** Reading of operation input from the wire: every member is checked for its JSON type before it is used. */
import { isObject } from './attribute-value.ts'
import { constraint, validation } from './errors.ts'

export type Input = Readonly<Record<string, unknown>>

/** A structure with its JSON nulls left out (null means "not given"). Throws SerializationException. */
export function structure(raw: unknown, member = 'the request'): Input {
  if (!isObject(raw)) throw validation(`${member} must be a structure`, 'SerializationException')
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null))
}

export function optionalString(input: Input, member: string): string | undefined {
  const value = input[member]
  if (value === undefined || typeof value === 'string') return value
  throw wrongType(member, 'a string')
}
export function requiredString(input: Input, member: string): string {
  const value = optionalString(input, member)
  if (value === undefined) throw missing(member)
  return value
}

/** An enumerated member, checked against the values that the API model names. */
export function optionalChoice<T extends string>(
  input: Input,
  member: string,
  choices: readonly T[],
): T | undefined {
  const value = optionalString(input, member)
  if (value === undefined) return undefined
  const choice = choices.find(candidate => candidate === value)
  if (choice === undefined)
    throw constraint(value, camel(member), `Member must satisfy enum value set: [${choices.join(', ')}]`)
  return choice
}

/** CloudFormation sends numbers and booleans as text as well; the wire does not, but nothing is lost by taking both. */
export function optionalInteger(
  input: Input,
  member: string,
  minimum: number,
  maximum = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const raw = input[member]
  if (raw === undefined) return undefined
  const value = typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(member, 'an integer')
  if (value < minimum)
    throw constraint(value, camel(member), `Member must have value greater than or equal to ${minimum}`)
  if (value > maximum)
    throw constraint(value, camel(member), `Member must have value less than or equal to ${maximum}`)
  return value
}
export function optionalBoolean(input: Input, member: string): boolean | undefined {
  const value = input[member]
  if (value === undefined || typeof value === 'boolean') return value
  if (value === 'true' || value === 'false') return value === 'true'
  throw wrongType(member, 'a boolean')
}

export function optionalStructure(input: Input, member: string): Input | undefined {
  const value = input[member]
  return value === undefined ? undefined : structure(value, member)
}
export function requiredStructure(input: Input, member: string): Input {
  const value = optionalStructure(input, member)
  if (value === undefined) throw missing(member)
  return value
}

export function optionalList(input: Input, member: string): readonly unknown[] | undefined {
  const value = input[member]
  if (value === undefined || Array.isArray(value)) return value
  throw wrongType(member, 'a list')
}
export function structures(input: Input, member: string): readonly Input[] {
  return (optionalList(input, member) ?? []).map(element => structure(element, member))
}
export function strings(input: Input, member: string): readonly string[] {
  return (optionalList(input, member) ?? []).map(element => {
    if (typeof element !== 'string') throw wrongType(member, 'a list of strings')
    return element
  })
}

/** Name of a table, from its name or its ARN. */
export function tableNameOf(given: string): string {
  const name = given.startsWith('arn:') ? given.replace(/^.*:table\//, '') : given
  if (name.length < 3 || name.length > 255)
    throw validation('TableName must be at least 3 characters long and at most 255 characters long')
  if (!/^[a-zA-Z0-9_.-]+$/.test(name))
    throw constraint(name, 'tableName', 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+')
  return name
}
export const requiredTableName = (input: Input): string => tableNameOf(requiredString(input, 'TableName'))

/** Parameters from before expressions (2014). They are refused, because ignoring one would change the meaning. */
const legacyMembers = [
  'AttributesToGet',
  'AttributeUpdates',
  'ConditionalOperator',
  'Expected',
  'KeyConditions',
  'QueryFilter',
  'ScanFilter',
]
export function refuseLegacy(input: Input): void {
  const given = legacyMembers.find(member => input[member] !== undefined)
  if (given !== undefined)
    throw validation(
      `The legacy parameter ${given} is not supported by this endpoint; use an expression instead`,
    )
}

const missing = (member: string) => constraint(undefined, camel(member), 'Member must not be null')
const wrongType = (member: string, wanted: string) =>
  validation(`${member} must be ${wanted}`, 'SerializationException')
const camel = (member: string): string => member.charAt(0).toLowerCase() + member.slice(1)
