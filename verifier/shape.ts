/** Strict shape checks for signed documents. Written by hand so that the verifier needs nothing but node:crypto. */
export class ShapeError extends Error {
  constructor(path: string, expected: string) {
    super(`${path} must be ${expected}`)
    this.name = 'ShapeError'
  }
}

export type Fields = Readonly<Record<string, unknown>>
export type Check<T> = (value: unknown, path: string) => T

/** An object with exactly the required keys and, if present, the optional ones. */
export function fields(
  value: unknown,
  path: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Fields {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new ShapeError(path, 'an object')
  for (const key of required)
    if (!Object.hasOwn(value, key)) throw new ShapeError(`${path}.${key}`, 'present')
  for (const key of Object.keys(value))
    if (!required.includes(key) && !optional.includes(key))
      throw new ShapeError(`${path}.${key}`, 'absent: the key is unknown')
  return value as Fields
}

export function list<T>(value: unknown, path: string, min: number, max: number, item: Check<T>): T[] {
  if (!Array.isArray(value)) throw new ShapeError(path, 'a list')
  if (value.length < min || value.length > max) throw new ShapeError(path, `a list of ${min} to ${max} items`)
  return value.map((element, i) => item(element, `${path}[${i}]`))
}

export function text(pattern: RegExp, expected: string, maxLength = 4_096): Check<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length > maxLength || !pattern.test(value))
      throw new ShapeError(path, expected)
    return value
  }
}

export function exactly<const T extends string | boolean>(expected: T): Check<T> {
  return (value, path) => {
    if (value !== expected) throw new ShapeError(path, JSON.stringify(expected))
    return expected
  }
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Check<number> {
  return (value, path) => {
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max)
      throw new ShapeError(path, `an integer from ${min} to ${max}`)
    return value as number
  }
}

export const hex256 = text(/^[0-9a-f]{64}$/, '64 lower-case hex digits')
export const anyText: Check<string> = text(/^/, 'a string of at most 4096 characters')
export const someText: Check<string> = text(/^[\s\S]/, 'a string that is not empty')

/** Standard base64 with padding and no second spelling of the same bytes. */
export function base64(value: unknown, path: string): Buffer {
  if (typeof value !== 'string') throw new ShapeError(path, 'base64')
  const bytes = Buffer.from(value, 'base64')
  if (bytes.toString('base64') !== value) throw new ShapeError(path, 'canonical base64')
  return bytes
}
