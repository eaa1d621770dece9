type Fault =
  | 'TOO_DEEP'
  | 'LONE_SURROGATE'
  | 'FORBIDDEN_KEY'
  | 'DUPLICATE_KEY'
  | 'NOT_FINITE'
  | 'PRECISION_LOST'

/** An open list or object; one per level, used again for the next one there. */
interface Level {
  isObject: boolean
  /** Of the current item. */
  index: number
  /** Of the current item in an object, once it was read. */
  key: string | null
  keys: string[]
  /** The same as `keys`, once they are many. */
  seen: Set<string> | null
}

/** Up to here, comparing with each key is quicker than hashing. */
const FEW_KEYS = 8

/**
 * Looks through a JSON text for what JSON.parse accepts and should not. One pass without recursion; memory is one
 * level per nesting and the keys of the objects that are open. Grammar is left to JSON.parse: on a text that is not
 * JSON this may find something or nothing.
 * @throws what `unsafe` makes of the first fault
 */
export function scanJson(
  text: string,
  maxDepth: number,
  unsafe: (code: Fault, message: string) => Error,
): void {
  const levels: Level[] = []
  let depth = 0
  let level: Level | undefined
  /** The last string: a key, if a colon follows. */
  let start = 0
  let end = 0
  let escaped = false
  let nextBackslash = -1
  const place = (): string => pathOf(levels, depth)

  /** @returns the place of the closing quote */
  const readString = (at: number): number => {
    const close = text.indexOf('"', at)
    if (nextBackslash < at) nextBackslash = indexOrEnd(text, '\\', at)
    escaped = nextBackslash < close
    if (!escaped) return close < 0 ? text.length : close
    for (let i = nextBackslash; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === 0x22) return i
      if (c !== 0x5c) continue
      i++
      if (text.charCodeAt(i) !== 0x75) continue
      const unit = hex4(text, i + 1)
      i += 4
      if (unit < 0xd800 || unit > 0xdfff) continue
      const low = text.startsWith('\\u', i + 1) ? hex4(text, i + 3) : 0
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
        throw unsafe('LONE_SURROGATE', `${place()} has half of a surrogate pair; write the whole character`)
      i += 6
    }
    return text.length
  }
  const addKey = (at: Level): void => {
    const raw = text.slice(start, end)
    const key = escaped ? unescaped(raw) : raw
    if (key === '__proto__')
      throw unsafe('FORBIDDEN_KEY', `${place()} may not have the key "__proto__"; rename it`)
    if (at.seen === null ? at.keys.includes(key) : at.seen.has(key))
      throw unsafe('DUPLICATE_KEY', `${place()} has the key ${quoted(key)} twice; keep one`)
    at.key = key
    if (at.seen !== null) at.seen.add(key)
    else if (at.keys.push(key) > FEW_KEYS) at.seen = new Set(at.keys)
  }
  const checkNumber = (from: number, to: number): void => {
    const fault = faultOf(text.slice(from, to))
    if (fault === null) return
    const fix =
      fault === 'NOT_FINITE'
        ? 'a finite number: the largest is 1.7976931348623157e308'
        : 'a number that a double can hold: write it as a string, or with fewer digits'
    throw unsafe(fault, `${place()} is not ${fix}`)
  }

  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      start = i + 1
      i = end = readString(start)
    } else if (c === 0x2c) {
      if (level !== undefined) {
        level.index++
        level.key = null
      }
    } else if (c === 0x3a) {
      if (level?.isObject === true) addKey(level)
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      let integer = true
      /** Of the exponent's letter, or of its sign. */
      let exponent = 0
      let to = i + 1
      for (; to < text.length; to++) {
        const d = text.charCodeAt(to)
        if (d >= 0x30 && d <= 0x39) continue
        if (d === 0x65 || d === 0x45 || d === 0x2d || d === 0x2b) exponent = to
        else if (d !== 0x2e) break
        integer = false
      }
      // So few digits cannot overflow, vanish or be lost.
      const plain = integer ? to - i <= 15 : to - i <= 200 && (exponent === 0 || to - exponent <= 3)
      if (!plain) checkNumber(i, to)
      i = to - 1
    } else if (c === 0x7b || c === 0x5b) {
      if (depth === maxDepth) throw unsafe('TOO_DEEP', `${place()} nests deeper than ${maxDepth} levels`)
      level = levels[depth] ??= { isObject: false, index: 0, key: null, keys: [], seen: null }
      depth++
      level.isObject = c === 0x7b
      level.index = 0
      level.key = null
      if (level.keys.length > 0) level.keys = []
      level.seen = null
    } else if (c === 0x7d || c === 0x5d) {
      if (depth > 0) depth--
      level = levels[depth - 1]
    }
  }
}

const indexOrEnd = (text: string, found: string, at: number): number => {
  const index = text.indexOf(found, at)
  return index < 0 ? text.length : index
}

function faultOf(literal: string): 'NOT_FINITE' | 'PRECISION_LOST' | null {
  const value = Number(literal)
  if (Number.isNaN(value)) return null
  if (!Number.isFinite(value)) return 'NOT_FINITE'
  if (/^-?\d+$/.test(literal)) return String(value) === literal || value === 0 ? null : 'PRECISION_LOST'
  return value === 0 && /^-?[0.]*[1-9]/.test(literal) ? 'PRECISION_LOST' : null
}

function hex4(text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 4; i++) {
    const c = text.charCodeAt(i)
    value = value * 16 + (c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57)
  }
  return value
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return raw
  }
}

const SEGMENT = 40
const PATH = 200
const quoted = (key: string): string =>
  JSON.stringify(key.length > SEGMENT ? `${key.slice(0, SEGMENT)}…` : key)

/** Where the scan is, such as `$.a[3].b`. */
function pathOf(levels: readonly Level[], depth: number): string {
  let path = '$'
  for (const { isObject, index, key } of levels.slice(0, depth)) {
    if (!isObject) path += `[${index}]`
    else if (key !== null) path += /^[A-Za-z_$][\w$]{0,39}$/.test(key) ? `.${key}` : `[${quoted(key)}]`
    if (path.length > PATH) return `${path.slice(0, PATH)}…`
  }
  return path
}
