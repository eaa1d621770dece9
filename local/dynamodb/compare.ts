/** Equality, order and size of attribute values, as conditions, keys and the item limit see them. */
import { type AttributeValue, type Item, setMembers, tagOf } from './attribute-value.ts'
import { compareNumbers } from './number.ts'

/** Order of two scalars of one type, `undefined` when the types differ or have no order. */
export function compareScalars(left: AttributeValue, right: AttributeValue): number | undefined {
  if (left.S !== undefined && right.S !== undefined) return compareUtf8(left.S, right.S)
  if (left.N !== undefined && right.N !== undefined) return compareNumbers(left.N, right.N)
  if (left.B !== undefined && right.B !== undefined) return bytes(left.B).compare(bytes(right.B))
  return undefined
}

/**
 * Order of the UTF-8 bytes of two texts. JavaScript's own order is that of UTF-16 code units, which puts
 * surrogates (U+10000 and above) before U+E000–U+FFFF.
 */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let at = 0; at < length; at++) {
    const a = left.charCodeAt(at)
    const b = right.charCodeAt(at)
    if (a !== b) return utf8Rank(a) - utf8Rank(b)
  }
  return left.length - right.length
}
const utf8Rank = (unit: number): number =>
  unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800

export function equalValues(left: AttributeValue, right: AttributeValue): boolean {
  if (tagOf(left) !== tagOf(right)) return false
  if (left.M !== undefined && right.M !== undefined) return equalItems(left.M, right.M)
  if (left.L !== undefined && right.L !== undefined) {
    const other = right.L
    return left.L.length === other.length && left.L.every((element, at) => equalValues(element, other[at]!))
  }
  const members = setMembers(left)
  if (members !== undefined) {
    const others = new Set(setMembers(right))
    return members.length === others.size && members.every(member => others.has(member))
  }
  const tag = tagOf(left)
  return left[tag] === right[tag]
}

export function equalItems(left: Item, right: Item): boolean {
  const names = Object.keys(left)
  return (
    names.length === Object.keys(right).length &&
    names.every(name => right[name] !== undefined && equalValues(left[name]!, right[name]))
  )
}

/** Size in bytes by the rules of the developer guide, "DynamoDB item sizes and formats". */
export function itemSize(item: Item): number {
  let size = 0
  for (const name of Object.keys(item)) size += Buffer.byteLength(name) + valueSize(item[name]!)
  return size
}
function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S)
  if (value.N !== undefined) return numberSize(value.N)
  if (value.B !== undefined) return base64Bytes(value.B)
  if (value.M !== undefined) return 3 + Object.keys(value.M).length + itemSize(value.M)
  if (value.L !== undefined) return value.L.reduce((sum, element) => sum + 1 + valueSize(element), 3)
  if (value.SS !== undefined) return value.SS.reduce((sum, member) => sum + Buffer.byteLength(member), 0)
  if (value.NS !== undefined) return value.NS.reduce((sum, member) => sum + numberSize(member), 0)
  if (value.BS !== undefined) return value.BS.reduce((sum, member) => sum + base64Bytes(member), 0)
  return 1
}
const numberSize = (text: string): number => {
  const digits = text.replace(/^-/, '').replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length
  return Math.ceil(digits / 2) + 1 + (text.startsWith('-') ? 1 : 0)
}
const base64Bytes = (text: string): number =>
  (text.length / 4) * 3 - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)

export const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')
