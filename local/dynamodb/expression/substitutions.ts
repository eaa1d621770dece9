import { type AttributeValue, isObject, parseValue } from '../attribute-value.ts'
import { validation } from '../errors.ts'
import type { Input } from '../input.ts'
import type { ExpressionName } from './lexer.ts'

/** `ExpressionAttributeNames` and `ExpressionAttributeValues` of one request, and which of them were used. */
export interface Substitutions {
  /** Attribute name for an alias such as `#n`. */
  name(alias: string, expression: ExpressionName): string
  /** Value for a placeholder such as `:v`. */
  value(placeholder: string, expression: ExpressionName): AttributeValue
  /** Throws ValidationException when a name or a value was given but never used. */
  assertAllUsed(): void
}

/**
 * Reads the substitutions of a request. `expressions` are the expression parameters that the operation has; when
 * none is given, substitutions must not be given either.
 */
export function readSubstitutions(input: Input, expressions: readonly ExpressionName[]): Substitutions {
  const given = expressions.filter(expression => input[expression] !== undefined)
  const names = section(input, 'ExpressionAttributeNames', '#')
  const raw = section(input, 'ExpressionAttributeValues', ':')
  if (names !== undefined && given.length === 0)
    throw validation('ExpressionAttributeNames can only be specified when using expressions')
  const takingValues = expressions.filter(expression => expression !== 'ProjectionExpression')
  if (raw !== undefined && !takingValues.some(expression => input[expression] !== undefined))
    throw validation(
      `ExpressionAttributeValues can only be specified when using expressions: ${takingValues.join(' and ')} ${takingValues.length > 1 ? 'are' : 'is'} null`,
    )
  const values = new Map<string, AttributeValue>()
  for (const [key, value] of Object.entries(raw ?? {})) values.set(key, readValue(key, value))
  const unusedNames = new Set(Object.keys(names ?? {}))
  const unusedValues = new Set(values.keys())
  return {
    name(alias, expression) {
      const name = names?.[alias]
      if (name === undefined)
        throw validation(
          `Invalid ${expression}: An expression attribute name used in the document path is not defined; attribute name: ${alias}`,
        )
      if (typeof name !== 'string' || name === '')
        throw validation(
          `ExpressionAttributeNames contains invalid value: Empty attribute name; key: ${alias}`,
        )
      unusedNames.delete(alias)
      return name
    },
    value(placeholder, expression) {
      const value = values.get(placeholder)
      if (value === undefined)
        throw validation(
          `Invalid ${expression}: An expression attribute value used in expression is not defined; attribute value: ${placeholder}`,
        )
      unusedValues.delete(placeholder)
      return value
    },
    assertAllUsed() {
      unused('ExpressionAttributeNames', unusedNames)
      unused('ExpressionAttributeValues', unusedValues)
    },
  }
}

function section(
  input: Input,
  member: string,
  prefix: '#' | ':',
): Readonly<Record<string, unknown>> | undefined {
  const given = input[member]
  if (given === undefined) return undefined
  if (!isObject(given)) throw validation(`${member} must be a map`, 'SerializationException')
  const keys = Object.keys(given)
  if (keys.length === 0) throw validation(`${member} must not be empty`)
  for (const key of keys) {
    if (!key.startsWith(prefix) || !/^\w+$/.test(key.slice(1)))
      throw validation(`${member} contains invalid key: Syntax error; key: "${key}"`)
  }
  return given
}

function readValue(key: string, value: unknown): AttributeValue {
  try {
    return parseValue(value)
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ValidationException') throw error
    throw validation(`ExpressionAttributeValues contains invalid value: ${error.message} for key ${key}`)
  }
}

function unused(member: string, keys: ReadonlySet<string>): void {
  if (keys.size > 0)
    throw validation(`Value provided in ${member} unused in expressions: keys: {${[...keys].join(', ')}}`)
}
