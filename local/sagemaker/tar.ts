/**
 * Tar archives as SageMaker exchanges them: POSIX ustar, with pax headers for what ustar cannot name. Written
 * archives depend on names and contents only, so the same model gives the same bytes.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip, gunzip } from 'node:zlib'

const BLOCK = 512

/** Paths of the regular files below a folder, sorted, with `/` between parts. Links are left out. */
export async function listFiles(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

/** Writes `files` (default: all) of a folder to `target` as tar.gz. */
export async function packFolder(dir: string, target: string, files?: readonly string[]): Promise<void> {
  const names = files ?? (await listFiles(dir))
  await pipeline(Readable.from(blocks(dir, names)), createGzip(), createWriteStream(target))
}

async function* blocks(dir: string, names: readonly string[]): AsyncGenerator<Buffer> {
  for (const name of names) {
    const file = join(dir, name)
    const { size } = await lstat(file)
    yield* header(name, size)
    let written = 0
    // A file that a child still writes to must not break the archive: exactly the announced bytes.
    if (size > 0)
      for await (const chunk of createReadStream(file, { end: size - 1 })) {
        written += (chunk as Buffer).length
        yield chunk as Buffer
      }
    if (written < size) throw new Error(`${name} became shorter while it was packed`)
    yield padding(size)
  }
  yield Buffer.alloc(BLOCK * 2)
}

const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

function* header(name: string, size: number): Generator<Buffer> {
  const plain = Buffer.byteLength(name) <= 100 && size < 8 ** 11
  if (!plain) {
    const pax = Buffer.from(paxRecord('path', name) + paxRecord('size', String(size)))
    yield ustar('PaxHeader', pax.length, 'x')
    yield pax
    yield padding(pax.length)
  }
  yield ustar(plain ? name : `long-${Buffer.byteLength(name)}`, plain ? size : size % 8 ** 11, '0')
}

/** `LENGTH key=value\n`, where LENGTH counts itself (POSIX pax). */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`)
  let length = rest + String(rest).length
  if (String(length).length > String(rest).length) length = rest + String(length).length
  return `${length} ${key}=${value}\n`
}

function ustar(name: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.write(name, 0, 100)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\x0000', 257)
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function checksum(block: Buffer): number {
  let sum = 0
  for (let at = 0; at < BLOCK; at++) sum += at >= 148 && at < 156 ? 32 : (block[at] ?? 0)
  return sum
}

export interface TarEntry {
  readonly name: string
  readonly data: Buffer
}

/** Regular files of a tar.gz. Throws Error when it is none, is damaged, or unpacks to more than `maxBytes`. */
export async function unpack(archive: Buffer, maxBytes: number): Promise<TarEntry[]> {
  const tar = await promisify(gunzip)(archive, { maxOutputLength: maxBytes })
  const entries: TarEntry[] = []
  let longName: string | undefined
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const block = tar.subarray(at, at + BLOCK)
    if (block.every(byte => byte === 0)) break
    if (octal(block, 148, 8) !== checksum(block)) throw new Error('a tar header has a wrong checksum')
    const size = octal(block, 124, 12)
    const data = tar.subarray(at + BLOCK, at + BLOCK + size)
    if (data.length < size) throw new Error('the tar archive is cut off')
    const type = String.fromCharCode(block[156] ?? 0)
    if (type === 'x') longName = paxPath(data) ?? longName
    else if (type === 'L') longName = text(data)
    else if (type !== 'g') {
      if (type === '0' || type === '\0') entries.push({ name: longName ?? ustarName(block), data })
      longName = undefined
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return entries
}

const text = (bytes: Buffer): string => {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}
const octal = (block: Buffer, from: number, length: number): number =>
  Number.parseInt(text(block.subarray(from, from + length)).trim() || '0', 8)

function ustarName(block: Buffer): string {
  const name = text(block.subarray(0, 100))
  const prefix = block.toString('latin1', 257, 262) === 'ustar' ? text(block.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

function paxPath(data: Buffer): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(data.toString('utf8'))?.[1]
}
