/** A model file that cannot be read; the message names the field. */
export class ModelFormatError extends Error {
  override readonly name = 'ModelFormatError'
}

function refuse(at: string, expected: string): never {
  throw new ModelFormatError(`${at}: expected ${expected}`)
}

export function asObject(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(at, 'an object')
  return value as Record<string, unknown>
}

export function asArray(value: unknown, at: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(at, 'an array')
}

export function asText(value: unknown, at: string): string {
  return typeof value === 'string' ? value : refuse(at, 'a string')
}

/** A finite number, or a string that holds one: XGBoost writes its parameters as strings. */
export function asNumber(value: unknown, at: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : refuse(at, 'a number')
}

export function asNumbers(value: unknown, at: string): number[] {
  return asArray(value, at).map(item => (typeof item === 'number' ? item : refuse(at, 'numbers only')))
}

export function asStrings(value: unknown, at: string): string[] {
  return asArray(value, at).map(item => asText(item, at))
}
