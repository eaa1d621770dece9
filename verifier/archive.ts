import { Refusal } from './refusal.ts'
import { BLOCK, isZero, readTarHeader } from './tar-header.ts'

/** Bytes that may lie in a file, so that nobody has to hold all of them. */
export interface ByteSource {
  readonly length: number
  /** Exactly these bytes, good until the next call. */
  read(offset: number, length: number): Uint8Array
}
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** Read at a time behind the last file. */
const PIECE = 65_536

/**
 * Reads the regular files of a plain ustar archive, which must hold exactly the expected names, once each.
 * The views share the archive's memory. Nothing is ever written under a name from the archive.
 * @throws Refusal PACKAGE_ARCHIVE
 */
export function untar(archive: Uint8Array, expected: readonly string[]): ReadonlyMap<string, Uint8Array> {
  const read = (offset: number, length: number) => archive.subarray(offset, offset + length)
  const extents = locateFiles({ length: archive.byteLength, read }, expected)
  return new Map([...extents].map(([name, { offset, length }]) => [name, read(offset, length)]))
}

/**
 * Where the files of an archive are. Reads headers, padding and what is behind the end, and no file: at most 1 KiB for
 * each expected name, and the rest.
 * @throws Refusal PACKAGE_ARCHIVE
 */
export function locateFiles(archive: ByteSource, expected: readonly string[]): ReadonlyMap<string, Extent> {
  const wanted = new Set(expected)
  const files = new Map<string, Extent>()
  let at = 0
  while (at < archive.length) {
    if (at + BLOCK > archive.length) throw broken('is cut off in a header')
    const header = archive.read(at, BLOCK)
    if (isZero(header)) break
    const { name, size } = regularFile(header)
    if (!wanted.has(name)) throw broken(`has a file that is not signed: ${JSON.stringify(name)}`)
    if (files.has(name)) throw broken(`has ${name} twice`)
    const offset = at + BLOCK
    at = offset + Math.ceil(size / BLOCK) * BLOCK
    if (at > archive.length) throw broken(`is cut off in ${name}`)
    const end = offset + size
    if (!isZero(archive.read(end, at - end))) throw broken(`has bytes hidden behind ${name}`)
    files.set(name, { offset, length: size })
  }
  for (; at < archive.length; at += PIECE)
    if (!isZero(archive.read(at, Math.min(PIECE, archive.length - at))))
      throw broken('goes on behind its end')
  for (const name of expected) if (!files.has(name)) throw broken(`lacks ${name}`)
  return files
}

function regularFile(header: Uint8Array): { name: string; size: number } {
  let read: ReturnType<typeof readTarHeader>
  try {
    read = readTarHeader(header)
  } catch (error) {
    throw broken((error as Error).message)
  }
  const { name, type, size, link, prefix, format } = read
  if (format !== 'ustar') throw broken('is not in ustar format')
  const quoted = JSON.stringify(name)
  if (type !== '0') throw broken(`has ${quoted}, which is not a regular file`)
  if (link !== '') throw broken(`has a link from ${quoted}`)
  // With a prefix the real name is another one than the name field says.
  if (prefix !== '') throw broken(`has a prefix before ${quoted}`)
  return { name, size }
}

const broken = (what: string): Refusal => new Refusal('PACKAGE_ARCHIVE', `package: the archive ${what}`)
