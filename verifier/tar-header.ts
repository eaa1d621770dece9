export const BLOCK = 512

/** One header block of a tar archive in ustar format, or in GNU's, which differs behind the link's name. */
export interface TarHeader {
  readonly name: string
  /** `0` regular file, `5` folder, `2` symbolic link, `x` extended header …; NUL is read as `0`. */
  readonly type: string
  readonly size: number
  readonly link: string
  /** In front of the name, with a slash between; empty in GNU's format. */
  readonly prefix: string
  readonly format: 'ustar' | 'gnu'
}

/** By magic and version. */
const FORMATS: ReadonlyMap<string, TarHeader['format']> = new Map([
  ['ustar\x0000', 'ustar'],
  ['ustar  \0', 'gnu'],
])
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const ascii = new TextDecoder('latin1')

/**
 * Reads a header that has one meaning only: a checksum that holds, octal sizes, texts in UTF-8 with nothing hidden
 * behind their end.
 * @throws Error whose message goes on from "the archive"
 */
export function readTarHeader(header: Uint8Array): TarHeader {
  const format = FORMATS.get(ascii.decode(header.subarray(257, 265)))
  if (format === undefined) throw new Error('is not in ustar format')
  let sum = 0
  // The checksum is taken with its own field read as spaces.
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number)
  if (sum !== octal(header, 148, 8, 'a header checksum'))
    throw new Error('has a header with a wrong checksum')
  const name = field(header, 0, 100, 'a name')
  return {
    name,
    type: header[156] === 0 ? '0' : String.fromCharCode(header[156] as number),
    size: octal(header, 124, 12, `the size of ${name}`),
    link: field(header, 157, 100, `the link of ${name}`),
    prefix: format === 'gnu' ? '' : field(header, 345, 155, `the prefix of ${name}`),
    format,
  }
}

function field(header: Uint8Array, offset: number, length: number, what: string): string {
  const bytes = header.subarray(offset, offset + length)
  const end = bytes.indexOf(0)
  // Bytes behind the end are read by some programs and not by others.
  if (end >= 0 && !isZero(bytes.subarray(end))) throw new Error(`has bytes hidden in ${what}`)
  try {
    return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
  } catch {
    throw new Error(`has ${what} that is not UTF-8`)
  }
}

/** Digits, then only blanks and NULs. Base 256, which starts with a high bit, is for sizes of 8 GiB and more. */
function octal(header: Uint8Array, offset: number, length: number, what: string): number {
  const digits = /^ *([0-7]{1,11})[ \0]*$/.exec(ascii.decode(header.subarray(offset, offset + length)))?.[1]
  if (digits === undefined) throw new Error(`has ${what} that is not an octal number`)
  return Number.parseInt(digits, 8)
}

export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
