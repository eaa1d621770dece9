import type { SqlFunction } from '../function-table.ts'
import { elementAt, isArray, isObject, property, toText, type Value } from '../values.ts'

const concat: SqlFunction = args => {
  if (args.length < 2) return args[0]
  if (args.some(isArray)) return args.flatMap(item => (isArray(item) ? item : [item]))
  if (!args.some(item => typeof item === 'string')) return undefined
  const texts = args.map(toText)
  return texts.includes(undefined) ? undefined : texts.join('')
}

const get: SqlFunction = ([collection, key]) => {
  if (isObject(collection)) return typeof key === 'string' ? property(collection, key) : undefined
  return elementAt(collection, key)
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Base64 to the JSON document it holds or else to its text; null when it is not base64. */
const decode: SqlFunction = ([value, scheme]) => {
  if (scheme !== 'base64') return undefined
  if (typeof value !== 'string' || !BASE64.test(value)) return null
  const text = Buffer.from(value, 'base64').toString('utf8')
  try {
    return JSON.parse(text) as Value
  } catch {
    return text
  }
}

/** `encode` as SQL calls it for values; `encode(*, …)` goes to the raw payload before it gets here. */
export const encodeBytes = (bytes: Buffer, scheme: Value): Value =>
  scheme === 'base64' ? bytes.toString('base64') : undefined

/** Functions of arrays, objects and of any value. */
export const collectionFunctions: Readonly<Record<string, SqlFunction>> = {
  concat,
  get,
  decode,
  encode: ([value, scheme]) => {
    const text = toText(value)
    return text === undefined ? undefined : encodeBytes(Buffer.from(text, 'utf8'), scheme)
  },
  isnull: ([value]) => value === null,
  isundefined: ([value]) => value === undefined,
}
