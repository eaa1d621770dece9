/**
 * Attribute values in their wire form: an object with exactly one type tag. Items and maps have no prototype,
 * so that attributes named `constructor` or `__proto__` are attributes like any other.
 */
import { validation } from './errors.ts'
import { normaliseNumber } from './number.ts'

export type Tag = 'S' | 'N' | 'B' | 'BOOL' | 'NULL' | 'SS' | 'NS' | 'BS' | 'L' | 'M'
export type SetTag = 'SS' | 'NS' | 'BS'
export interface AttributeValue {
  readonly S?: string
  readonly N?: string
  readonly B?: string
  readonly BOOL?: boolean
  readonly NULL?: true
  readonly SS?: readonly string[]
  readonly NS?: readonly string[]
  readonly BS?: readonly string[]
  readonly L?: readonly AttributeValue[]
  readonly M?: Item
}
export type Item = { readonly [attribute: string]: AttributeValue }
export type MutableItem = { [attribute: string]: AttributeValue }

const tags: ReadonlySet<string> = new Set(['S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'BS', 'L', 'M'])
/** Deepest nesting of lists and maps that DynamoDB stores. */
const maxDepth = 32

export const newItem = (): MutableItem => Object.create(null) as MutableItem
export const copyItem = (item: Item): MutableItem => Object.assign(newItem(), item)

export function tagOf(value: AttributeValue): Tag {
  for (const tag in value) return tag as Tag
  throw new TypeError('an attribute value without a type tag')
}

/** Members of a set of any type, `undefined` for other types. */
export const setMembers = (value: AttributeValue): readonly string[] | undefined =>
  value.SS ?? value.NS ?? value.BS

/** Checks a value from the wire and returns it with numbers in canonical form. Throws ValidationException. */
export function parseValue(raw: unknown, depth = 0): AttributeValue {
  if (depth > maxDepth) throw validation('Nesting Levels have exceeded supported limits')
  if (!isObject(raw)) throw serialization('Unexpected value type in payload')
  const present = Object.keys(raw).filter(tag => tags.has(tag) && raw[tag] !== null)
  if (present.length === 0)
    throw validation('Supplied AttributeValue is empty, must contain exactly one of the supported datatypes')
  if (present.length > 1)
    throw validation(
      'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes',
    )
  const tag = present[0] as Tag
  const content = raw[tag]
  switch (tag) {
    case 'S':
      return { S: stringOf(content) }
    case 'N':
      return { N: normaliseNumber(stringOf(content)) }
    case 'B':
      return { B: base64Of(content) }
    case 'BOOL':
      if (typeof content !== 'boolean') throw serialization('Unexpected token received from parser')
      return { BOOL: content }
    case 'NULL':
      if (content !== true)
        throw validation(
          'One or more parameter values were invalid: Null attribute value types must have the value of true',
        )
      return { NULL: true }
    case 'SS':
    case 'NS':
    case 'BS':
      return parseSet(tag, content)
    case 'L':
      if (!Array.isArray(content)) throw serialization('Unexpected field type')
      return { L: content.map(element => parseValue(element, depth + 1)) }
    case 'M':
      return { M: parseItem(content, depth + 1) }
  }
}

/** Checks an attribute map from the wire. Throws ValidationException or SerializationException. */
export function parseItem(raw: unknown, depth = 0): Item {
  if (!isObject(raw)) throw serialization('Unexpected field type')
  const item = newItem()
  for (const name of Object.keys(raw)) {
    // An attribute sent as JSON null counts as not sent, as AWS's JSON protocol has it.
    if (raw[name] !== null) item[name] = parseValue(raw[name], depth)
  }
  return item
}

/** Restores items read back from JSON of our own (already canonical): gives maps their missing prototype. */
export function reviveItem(item: Item): Item {
  const revived = newItem()
  for (const name of Object.keys(item)) revived[name] = reviveValue(item[name]!)
  return revived
}
function reviveValue(value: AttributeValue): AttributeValue {
  if (value.M !== undefined) return { M: reviveItem(value.M) }
  if (value.L !== undefined) return { L: value.L.map(reviveValue) }
  return value
}

const setNames = { SS: 'An string set ', NS: 'An number set ' }
function parseSet(tag: SetTag, content: unknown): AttributeValue {
  if (!Array.isArray(content)) throw serialization('Unexpected field type')
  if (content.length === 0)
    throw validation(
      `One or more parameter values were invalid: ${tag === 'BS' ? 'Binary sets should not be empty' : `${setNames[tag]} may not be empty`}`,
    )
  const members = content.map(member =>
    tag === 'NS' ? normaliseNumber(stringOf(member)) : tag === 'BS' ? base64Of(member) : stringOf(member),
  )
  if (new Set(members).size !== members.length)
    throw validation(
      tag === 'NS'
        ? 'Input collection contains duplicates'
        : `One or more parameter values were invalid: Input collection [${members.join(', ')}]${tag === 'BS' ? ' of type BS' : ''} contains duplicates.`,
    )
  if (tag !== 'NS' && members.includes(''))
    throw validation(
      `One or more parameter values were invalid: An ${tag === 'SS' ? 'string' : 'binary'} set may not have a empty string as a member`,
    )
  return { [tag]: members }
}

function stringOf(content: unknown): string {
  if (typeof content !== 'string')
    throw serialization(
      `${typeof content === 'number' ? 'NUMBER_VALUE' : 'Value'} cannot be converted to String`,
    )
  return content
}
function base64Of(content: unknown): string {
  const text = stringOf(content)
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw serialization('Invalid Base64 in a binary attribute value')
  // Decoded and encoded again: unused bits of the last character must not make equal bytes differ.
  return Buffer.from(text, 'base64').toString('base64')
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const serialization = (message: string) => validation(message, 'SerializationException')
