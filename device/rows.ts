import { parse } from 'csv-parse/sync'

export type Row = (number | null)[]

/**
 * Reads rows from lines of text: JSON arrays or objects, or CSV whose first line names the columns. Each call gives
 * one row in the order of the features, or null for a line that carries none. Columns that the model does not know
 * are passed over; a missing one is a missing value.
 * @throws Error that names the field
 */
export function rowReader(): (line: string, features: readonly string[]) => Row | null {
  let header: string[] | null = null
  return (line, features) => {
    const text = line.trim()
    if (text === '') return null
    if (header === null && (text.startsWith('[') || text.startsWith('{'))) return fromJson(text, features)
    const cells = parse(text, { trim: true })[0] ?? []
    if (header === null) {
      if (!cells.some(name => features.includes(name)))
        throw new Error(`the CSV header names none of the features: ${features.join(', ')}`)
      header = cells
      return null
    }
    if (cells.length !== header.length)
      throw new Error(`the row has ${cells.length} cells, the header ${header.length}`)
    const byName = new Map(header.map((name, i) => [name, cells[i]]))
    return features.map(name => toNumber(name, byName.get(name)))
  }
}

function fromJson(text: string, features: readonly string[]): Row {
  const value: unknown = JSON.parse(text)
  if (Array.isArray(value)) {
    if (value.length !== features.length)
      throw new Error(`the row has ${value.length} values; the model takes ${features.join(', ')}`)
    return features.map((name, i) => toNumber(name, value[i]))
  }
  const named = value as Record<string, unknown>
  if (!features.some(name => Object.hasOwn(named, name)))
    throw new Error(`the row names none of the features: ${features.join(', ')}`)
  return features.map(name => toNumber(name, Object.hasOwn(named, name) ? named[name] : null))
}

const MISSING = new Set(['', 'null', 'nan', 'na'])

function toNumber(name: string, value: unknown): number | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return value
  if (typeof value !== 'string') throw new Error(`${name} must be a number or null`)
  if (MISSING.has(value.toLowerCase())) return null
  const number = Number(value)
  if (Number.isNaN(number)) throw new Error(`${name} must be a number, found ${JSON.stringify(value)}`)
  return number
}
