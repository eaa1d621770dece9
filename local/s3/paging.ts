/** One page of a key listing with delimiter roll-up. */
export interface KeyPage {
  readonly keys: readonly string[]
  readonly prefixes: readonly string[]
  readonly truncated: boolean
  /** The last key or common prefix of the page: the next page starts after it. */
  readonly last: string | undefined
}
export interface PageRequest {
  readonly prefix: string
  readonly delimiter: string
  /** Exclusive start: a key, or a common prefix whose keys are all behind us. */
  readonly after: string
  readonly max: number
}

const before = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0

/** Pages through keys sorted by UTF-8 bytes; `isListed` leaves out keys without a listed version. */
export function pageOfKeys(
  sorted: readonly string[],
  request: PageRequest,
  isListed: (key: string) => boolean,
): KeyPage {
  const { prefix, delimiter, after, max } = request
  const keys: string[] = []
  const prefixes: string[] = []
  let last: string | undefined
  for (const key of sorted) {
    if (!key.startsWith(prefix)) continue
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const rolled = cut < 0 ? undefined : key.slice(0, cut + delimiter.length)
    if (after !== '' && before(rolled ?? key, after)) continue
    if (rolled !== undefined && rolled === last) continue
    if (!isListed(key)) continue
    if (keys.length + prefixes.length >= max) return { keys, prefixes, truncated: max > 0, last }
    if (rolled === undefined) keys.push(key)
    else prefixes.push(rolled)
    last = rolled ?? key
  }
  return { keys, prefixes, truncated: false, last }
}
