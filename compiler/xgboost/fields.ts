import { ModelFormatError } from '../errors.ts'

/** Checked access to a parsed document; each function throws ModelFormatError with the path it was given. */
export type Fields = Readonly<Record<string, unknown>>

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value) || ArrayBuffer.isView(value)
      ? 'an array'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`

export const join = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`)

export const asObject = (value: unknown, path: string): Fields => {
  if (value === undefined) throw new ModelFormatError(path, 'is missing')
  if (typeof value !== 'object' || kindOf(value) !== 'an object')
    throw new ModelFormatError(path, `must be an object, found ${kindOf(value)}`)
  return value as Fields
}

export const objectAt = (parent: Fields, key: string, path: string): Fields =>
  asObject(own(parent, key), join(path, key))

export const own = (parent: Fields, key: string): unknown =>
  Object.hasOwn(parent, key) ? parent[key] : undefined

export const arrayAt = (parent: Fields, key: string, path: string, length?: number): ArrayLike<unknown> => {
  const at = join(path, key)
  const value = own(parent, key)
  if (value === undefined) throw new ModelFormatError(at, 'is missing')
  if (!Array.isArray(value) && !ArrayBuffer.isView(value))
    throw new ModelFormatError(at, `must be an array, found ${kindOf(value)}`)
  const array = value as ArrayLike<unknown>
  if (length !== undefined && array.length !== length)
    throw new ModelFormatError(at, `must have ${length} elements, found ${array.length}`)
  return array
}

export const stringAt = (parent: Fields, key: string, path: string): string => {
  const value = own(parent, key)
  if (value === undefined) throw new ModelFormatError(join(path, key), 'is missing')
  if (typeof value !== 'string')
    throw new ModelFormatError(join(path, key), `must be a string, found ${kindOf(value)}`)
  return value
}

/** A whole number in [min, max]; XGBoost writes its parameters as decimal strings. */
export const asInteger = (value: unknown, path: string, min: number, max: number): number => {
  if (value === undefined) throw new ModelFormatError(path, 'is missing')
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number))
    throw new ModelFormatError(path, `must be a whole number, found ${show(value)}`)
  if (number < min || number > max)
    throw new ModelFormatError(path, `must be from ${min} to ${max}, found ${number}`)
  return number
}

/** A finite number, rounded to f32 as XGBoost's own reader rounds it. */
export const asFloat = (value: unknown, path: string): number => {
  if (typeof value !== 'number') throw new ModelFormatError(path, `must be a number, found ${show(value)}`)
  const f32 = Math.fround(value)
  if (!Number.isFinite(f32)) throw new ModelFormatError(path, `must be finite in f32, found ${value}`)
  return f32
}

export const show = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : kindOf(value)
