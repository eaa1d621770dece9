/** A file of an archive with its header and padding. */
export interface Region {
  readonly name: string
  readonly offset: number
  readonly length: number
}

const BLOCK = 512
const latin1 = new TextDecoder('latin1')

/**
 * Where the files of a ustar archive lie. Only a hint for the alignment, so it is lenient: what cannot be read ends
 * the list, and bytes that are no archive have no regions.
 */
export function tarRegions(bytes: Uint8Array): Region[] {
  const regions: Region[] = []
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const field = (from: number, length: number): string =>
      latin1.decode(bytes.subarray(at + from, at + from + length)).split('\0')[0]!
    if (field(257, 5) !== 'ustar') break
    const size = Number.parseInt(field(124, 12), 8)
    const length = BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (!(size >= 0) || at + length > bytes.length) break
    regions.push({ name: field(0, 100), offset: at, length })
    at += length
  }
  return regions
}
