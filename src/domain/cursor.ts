import { InputError } from './errors.ts'

/** A place in an index as opaque text. */
export const toCursor = (place: Readonly<Record<string, string>>): string =>
  Buffer.from(JSON.stringify(Object.entries(place).sort())).toString('base64url')

/** DynamoDB refuses longer sort keys, and text that is not UTF-8. */
const isKey = (text: string): boolean =>
  text !== '' && text.isWellFormed() && Buffer.byteLength(text) <= 1_024

/**
 * @param fixed attributes that belong to the range: the cursor must have the same, so that it cannot lead elsewhere
 * @param names of the attributes that it must have, and no others
 */
export function fromCursor(
  cursor: string,
  names: readonly string[],
  fits: (place: Readonly<Record<string, string>>) => boolean,
): Readonly<Record<string, string>> {
  const bad = new InputError(
    'BAD_CURSOR',
    'cursor must be `next` of an earlier page of the same list',
    'cursor',
  )
  let entries: unknown
  try {
    entries = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    throw bad
  }
  if (!Array.isArray(entries) || entries.length !== names.length) throw bad
  const place: Record<string, string> = {}
  for (const entry of entries) {
    const [name, value] = Array.isArray(entry) ? (entry as unknown[]) : []
    if (typeof name !== 'string' || typeof value !== 'string' || !isKey(value)) throw bad
    if (!names.includes(name) || name in place) throw bad
    place[name] = value
  }
  if (!fits(place)) throw bad
  return place
}
