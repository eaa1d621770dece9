import { ModelFormatError } from '../errors.ts'

/** The subset of Universal Binary JSON (draft 12, big-endian) that XGBoost writes: counts and lengths are always `L` int64. */

type Numeric = Readonly<{ size: number; read: (view: DataView, at: number) => number }>

const NUMERIC: Readonly<Record<string, Numeric>> = {
  i: { size: 1, read: (view, at) => view.getInt8(at) },
  U: { size: 1, read: (view, at) => view.getUint8(at) },
  C: { size: 1, read: (view, at) => view.getUint8(at) },
  I: { size: 2, read: (view, at) => view.getInt16(at) },
  l: { size: 4, read: (view, at) => view.getInt32(at) },
  L: { size: 8, read: (view, at) => Number(view.getBigInt64(at)) },
  d: { size: 4, read: (view, at) => view.getFloat32(at) },
  D: { size: 8, read: (view, at) => view.getFloat64(at) },
}

/** Parses a UBJSON document of at most `maxDepth` levels. Throws ModelFormatError naming the byte offset. */
export const parseUbjson = (bytes: Uint8Array, maxDepth: number): unknown => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0

  const fail = (problem: string): never => {
    throw new ModelFormatError('', `is not valid UBJSON at byte ${at}: ${problem}`)
  }
  const need = (count: number): void => {
    if (count > bytes.length - at) fail(`${count} bytes needed, ${bytes.length - at} left`)
  }
  const marker = (): string => {
    need(1)
    return String.fromCharCode(bytes[at++]!)
  }
  const peek = (): string => {
    need(1)
    return String.fromCharCode(bytes[at]!)
  }
  const number = (kind: Numeric): number => {
    need(kind.size)
    const value = kind.read(view, at)
    at += kind.size
    return value
  }
  const length = (): number => {
    if (marker() !== 'L') fail('a length must be an int64 (L)')
    const value = number(NUMERIC['L']!)
    if (!Number.isSafeInteger(value) || value < 0) fail(`length ${value} is out of range`)
    return value
  }
  const text = (): string => {
    const count = length()
    need(count)
    at += count
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(at - count, at))
    } catch {
      return fail('a string is not UTF-8')
    }
  }
  const array = (depth: number): ArrayLike<unknown> => {
    if (peek() === '$') {
      at++
      const type = marker()
      const kind = NUMERIC[type] ?? fail(`typed array of ${JSON.stringify(type)}`)
      if (marker() !== '#') fail('a typed array needs a count (#)')
      const count = length()
      need(count * kind.size)
      // An f64 holds every element type exactly, int64 up to 2^53.
      const items = new Float64Array(count)
      for (let i = 0; i < count; i++) items[i] = number(kind)
      return items
    }
    const items: unknown[] = []
    if (peek() === '#') {
      at++
      const count = length()
      need(count)
      for (let i = 0; i < count; i++) items.push(value(depth))
      return items
    }
    while (peek() !== ']') items.push(value(depth))
    at++
    return items
  }
  const object = (depth: number): Record<string, unknown> => {
    const fields: Record<string, unknown> = Object.create(null)
    while (peek() !== '}') {
      const key = text()
      fields[key] = value(depth)
    }
    at++
    return fields
  }
  const value = (depth: number): unknown => {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth} levels`)
    const type = marker()
    const kind = NUMERIC[type]
    if (kind !== undefined) return number(kind)
    switch (type) {
      case '{':
        return object(depth + 1)
      case '[':
        return array(depth + 1)
      case 'S':
        return text()
      case 'T':
        return true
      case 'F':
        return false
      case 'Z':
        return null
      default:
        return fail(`unknown marker ${JSON.stringify(type)}`)
    }
  }

  const document = value(0)
  if (at !== bytes.length) fail(`${bytes.length - at} bytes after the end of the document`)
  return document
}
