/** Longest thing name that stands in an event id as it is. */
const PLAIN = 40

/**
 * How every event id of a thing begins. A name with `:` or above 40 characters is cut and told apart by 12 digits of
 * its SHA-256, because the whole id has 64 characters of `[A-Za-z0-9_-]`. `sha256Hex` is handed in: contracts import
 * nothing that hashes.
 */
export function eventIdOwner(thing: string, sha256Hex: (text: string) => string): string {
  const plain = thing.replaceAll(':', '_')
  if (plain === thing && plain.length <= PLAIN) return plain
  return `${plain.slice(0, 27)}-${sha256Hex(thing).slice(0, 12)}`
}

/** `{owner}-{epoch}-{number}`, both in base 36. */
export const eventIdPrefix = (thing: string, epoch: number, sha256Hex: (text: string) => string): string =>
  `${eventIdOwner(thing, sha256Hex)}-${epoch.toString(36)}-`

/**
 * Is this id one that the thing itself may give? What follows the owner are exactly two parts without a hyphen, so
 * that `pump-1-a-b` is an id of `pump-1` and none of `pump`.
 */
export function ownsEventId(thing: string, eventId: string, sha256Hex: (text: string) => string): boolean {
  const owner = `${eventIdOwner(thing, sha256Hex)}-`
  return eventId.startsWith(owner) && /^[0-9a-z]+-[0-9a-z]+$/.test(eventId.slice(owner.length))
}

/** The owner in an event id, as `eventIdOwner` makes it; undefined for what is no event id. */
export const ownerInEventId = (eventId: string): string | undefined =>
  /^(.+)-[0-9a-z]+-[0-9a-z]+$/.exec(eventId)?.[1]
