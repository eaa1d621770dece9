/** A value of IoT SQL; `undefined` is the language's own Undefined. Int and Decimal are both JavaScript numbers. */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value }

export const isArray = (value: Value): value is readonly Value[] => Array.isArray(value)
export const isObject = (value: Value): value is { readonly [key: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

// The pattern by which AWS converts strings to numbers (developer guide, "Data types", Conversions).
const DECIMAL = /^-?\d+(\.\d+)?([eE]-?\d+)?$/

/** Standard conversion to Decimal; Booleans, null and collections have none. */
export const toDecimal = (value: Value): number | undefined => {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || !DECIMAL.test(value)) return undefined
  return finite(Number(value))
}

/**
 * Standard conversion to Int. The guide's table says "rounded to the nearest", but its examples
 * (`substring("012345", 2.745)` = "2345") round down, and so does this; strings are truncated.
 */
export const toInt = (value: Value): number | undefined => {
  const decimal = toDecimal(value)
  if (decimal === undefined) return undefined
  return typeof value === 'string' ? Math.trunc(decimal) : Math.floor(decimal)
}

/** Standard conversion to Boolean: Booleans and the strings "true" and "false" in any case. */
export const toBoolean = (value: Value): boolean | undefined => {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return undefined
  const lower = value.toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

/** Standard conversion to String; null and Undefined have none. */
export const toText = (value: Value): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'object') return JSON.stringify(value)
  return String(value)
}

/** JSON has no NaN and no infinity; where a calculation gives one, the result is Undefined. */
export const finite = (value: number): number | undefined => (Number.isFinite(value) ? value : undefined)

/** Equality of `=`, `<>`, `IN` and CASE for two defined values: by type, deep, without conversions. */
export const equal = (left: Value, right: Value): boolean => {
  if (isArray(left) && isArray(right))
    return left.length === right.length && left.every((item, at) => equal(item, right[at]))
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left)
    return (
      keys.length === Object.keys(right).length &&
      keys.every(key => Object.hasOwn(right, key) && equal(left[key], right[key]))
    )
  }
  return left === right
}

/** Own property of an object; anything else is Undefined. */
export const property = (object: Value, key: string): Value =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined

/** Item of an array, or character of a string, at a 0-based index. */
export const elementAt = (collection: Value, index: Value): Value => {
  if (!isArray(collection) && typeof collection !== 'string') return undefined
  const at = toInt(index)
  return at === undefined || at < 0 ? undefined : collection[at]
}
