/** Reading of operation input: every member is checked for its JSON type before it is used. */
import { invalidParameter, missingParameter } from './errors.ts'

export type Input = Readonly<Record<string, unknown>>

export function structure(raw: unknown, member = 'The request'): Input {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw invalidParameter(`${member} must be a structure.`)
  return Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null))
}
export function optionalString(input: Input, member: string): string | undefined {
  const value = input[member]
  if (value === undefined || typeof value === 'string') return value
  throw invalidParameter(`${member} must be a string.`)
}
export function requiredString(input: Input, member: string): string {
  const value = optionalString(input, member)
  if (value === undefined) throw missingParameter(member)
  return value
}
export function optionalInteger(
  input: Input,
  member: string,
  minimum: number,
  maximum: number,
): number | undefined {
  const value = input[member]
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isInteger(value) || value < minimum || value > maximum)
    throw invalidParameter(
      `Value ${String(value)} for parameter ${member} is invalid. Reason: Must be between ${minimum} and ${maximum}, if provided.`,
    )
  return value
}
export function optionalStructure(input: Input, member: string): Input | undefined {
  const value = input[member]
  return value === undefined ? undefined : structure(value, member)
}
export function list(input: Input, member: string): readonly unknown[] {
  const value = input[member] ?? []
  if (!Array.isArray(value)) throw invalidParameter(`${member} must be a list.`)
  return value
}
export const strings = (input: Input, member: string): readonly string[] =>
  list(input, member).map(element => {
    if (typeof element !== 'string') throw invalidParameter(`${member} must be a list of strings.`)
    return element
  })
