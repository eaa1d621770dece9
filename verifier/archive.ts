import { Refusal } from './refusal.ts'

const BLOCK = 512
const NAME_MAX = 100
const ascii = new TextDecoder('latin1')

/**
 * Reads the regular files of a plain ustar archive, which must hold exactly the expected names, once each.
 * The views share the archive's memory. Nothing is ever written under a name from the archive.
 * @throws Refusal PACKAGE_ARCHIVE
 */
export function untar(archive: Uint8Array, expected: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  let at = 0
  while (at < archive.byteLength) {
    if (at + BLOCK > archive.byteLength) throw broken('is cut off in a header')
    const header = archive.subarray(at, at + BLOCK)
    if (isZero(header)) break
    const name = memberName(header)
    if (!expected.includes(name)) throw broken(`has a file that is not signed: ${JSON.stringify(name)}`)
    if (files.has(name)) throw broken(`has ${name} twice`)
    const size = octal(header, 124, 12, `the size of ${name}`)
    const end = at + BLOCK + size
    const next = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (next > archive.byteLength) throw broken(`is cut off in ${name}`)
    if (!isZero(archive.subarray(end, next))) throw broken(`has bytes hidden behind ${name}`)
    files.set(name, archive.subarray(at + BLOCK, end))
    at = next
  }
  if (!isZero(archive.subarray(at))) throw broken('goes on behind its end')
  for (const name of expected) if (!files.has(name)) throw broken(`lacks ${name}`)
  return files
}

function memberName(header: Uint8Array): string {
  if (ascii.decode(header.subarray(257, 262)) !== 'ustar') throw broken('is not in ustar format')
  let sum = 0
  // The checksum is taken with its own field read as spaces.
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] as number)
  if (sum !== octal(header, 148, 8, 'a header checksum')) throw broken('has a header with a wrong checksum')
  const name = field(header, 0, NAME_MAX)
  const type = header[156]
  if (type !== 0x30 && type !== 0) throw broken(`has ${JSON.stringify(name)}, which is not a regular file`)
  if (field(header, 157, 100) !== '') throw broken(`has a link from ${JSON.stringify(name)}`)
  // With a prefix the real name is another one than the name field says.
  if (field(header, 345, 155) !== '') throw broken(`has a prefix before ${JSON.stringify(name)}`)
  return name
}

function field(header: Uint8Array, offset: number, length: number): string {
  const bytes = header.subarray(offset, offset + length)
  const end = bytes.indexOf(0)
  return ascii.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function octal(header: Uint8Array, offset: number, length: number, what: string): number {
  const digits = field(header, offset, length).trim()
  if (!/^[0-7]{1,11}$/.test(digits)) throw broken(`has ${what} that is not an octal number`)
  return Number.parseInt(digits, 8)
}

const isZero = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)

const broken = (what: string): Refusal => new Refusal('PACKAGE_ARCHIVE', `package: the archive ${what}`)
