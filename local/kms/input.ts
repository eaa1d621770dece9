import { validation } from './errors.ts'

export type Input = Readonly<Record<string, unknown>>

/** A string member; throws ValidationException naming it. */
export function text(input: Input, name: string): string {
  const value = input[name]
  if (typeof value !== 'string' || value === '')
    throw validation(
      `1 validation error detected: Value at '${camel(name)}' failed to satisfy constraint: Member must not be null`,
    )
  return value
}

export function optionalText(input: Input, name: string): string | undefined {
  return input[name] === undefined || input[name] === null ? undefined : text(input, name)
}

/** A blob member (base64 on the wire) of 1 to `most` bytes. */
export function blob(input: Input, name: string, most: number): Buffer {
  const encoded = text(input, name)
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw validation(`${name} is not valid base64.`)
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length < 1 || bytes.length > most)
    throw validation(
      `1 validation error detected: Value at '${camel(name)}' failed to satisfy constraint: Member must have length between 1 and ${most}`,
    )
  return bytes
}

/** EncryptionContext: a map of strings, empty when absent. */
export function stringMap(input: Input, name: string): Readonly<Record<string, string>> {
  const value = input[name] ?? {}
  if (
    typeof value !== 'object' ||
    Array.isArray(value) ||
    Object.values(value).some(item => typeof item !== 'string')
  )
    throw validation(`${name} must be a map of strings.`)
  return value as Readonly<Record<string, string>>
}

const camel = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)
