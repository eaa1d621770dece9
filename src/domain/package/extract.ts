import { gunzipSync } from 'node:zlib'
import { BLOCK, isZero, readTarHeader, type TarHeader } from '../../../verifier/tar-header.ts'
import { EdgeloopError } from '../errors.ts'

const MAX_UNPACKED = 512 * 1024 * 1024
/** Models in JSON shrink to a twentieth at best; a bomb to a thousandth. */
const MAX_RATIO = 200
/** Below this a ratio says nothing: tar pads a file of one byte to 10 KiB. */
const ALWAYS_UNPACKED = 1024 * 1024
const MAX_ENTRIES = 4_096
const MAX_EXTENDED = 65_536

export interface ArchiveFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Regular files of a `.tar.gz` that a SageMaker job left, from any common tar program; the views share one buffer.
 * Folders and links are left out: nothing is written, so nothing follows a link.
 * @throws EdgeloopError ILLEGAL_STATE for what is no such archive, or one that an honest job does not make
 */
export function extractTarGz(archive: Uint8Array): readonly ArchiveFile[] {
  try {
    return files(gunzip(archive))
  } catch (error) {
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `the job's archive cannot be unpacked: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

function gunzip(archive: Uint8Array): Uint8Array {
  const most = Math.min(MAX_UNPACKED, Math.max(ALWAYS_UNPACKED, archive.byteLength * MAX_RATIO))
  try {
    return gunzipSync(archive, { maxOutputLength: most })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error
    throw new Error(`${archive.byteLength} bytes unpack to more than ${most}`, { cause: error })
  }
}

function files(tar: Uint8Array): ArchiveFile[] {
  const found = new Map<string, Uint8Array>()
  /** Given by an extended header for the entry that follows it. */
  let longName: string | null = null
  let at = 0
  for (let entries = 0; at < tar.byteLength; entries++) {
    if (entries === MAX_ENTRIES) throw new Error(`it has more than ${MAX_ENTRIES} entries`)
    if (at + BLOCK > tar.byteLength) throw new Error('it is cut off in a header')
    const block = tar.subarray(at, at + BLOCK)
    if (isZero(block)) break
    const header = read(block)
    const end = at + BLOCK + header.size
    const content = tar.subarray(at + BLOCK, end)
    at = end + ((BLOCK - (header.size % BLOCK)) % BLOCK)
    if (at > tar.byteLength) throw new Error(`it is cut off in ${header.name}`)
    if (header.type === 'x' || header.type === 'L') {
      if (header.size > MAX_EXTENDED) throw new Error(`it has an extended header of ${header.size} bytes`)
      longName = (header.type === 'x' ? paxPath(content) : text(content).replace(/\0$/, '')) ?? longName
      continue
    }
    if (header.type === 'g' || header.type === 'K') continue
    const name = plainName(longName ?? [header.prefix, header.name].filter(part => part !== '').join('/'))
    longName = null
    if (OMITTED.has(header.type)) continue
    if (header.type !== '0') throw new Error(`${JSON.stringify(name)} is not a regular file`)
    if (name === '' || name.split('/').some(part => part === '' || part === '.'))
      throw new Error(`${JSON.stringify(name)} is not the name of a file`)
    if (found.has(name)) throw new Error(`it has ${JSON.stringify(name)} twice`)
    found.set(name, content)
  }
  if (!isZero(tar.subarray(at))) throw new Error('it goes on behind its end')
  return [...found].map(([name, bytes]) => ({ name, bytes }))
}

/** Hard link, symbolic link, folder. */
const OMITTED: ReadonlySet<string> = new Set(['1', '2', '5'])

function read(block: Uint8Array): TarHeader {
  try {
    return readTarHeader(block)
  } catch (error) {
    throw new Error(`it ${(error as Error).message}`, { cause: error })
  }
}

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes)
const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

/** POSIX pax records, `LENGTH KEY=VALUE\n`. Of these only another name matters; another size would hide entries. */
function paxPath(content: Uint8Array): string | null {
  let path: string | null = null
  for (let at = 0; at < content.byteLength; ) {
    const [head = '', digits = ''] = /^([1-9]\d{0,5}) /.exec(latin1(content.subarray(at, at + 8))) ?? []
    const end = at + Number(digits)
    const record = content.subarray(at + head.length, end)
    const equals = record.indexOf(0x3d)
    if (digits === '' || end > content.byteLength || equals < 1 || record.at(-1) !== 0x0a)
      throw new Error('it has a broken pax header')
    const key = latin1(record.subarray(0, equals))
    if (key === 'path') path = text(record.subarray(equals + 1, -1))
    else if (key === 'size' || key.startsWith('GNU.sparse'))
      throw new Error(`it has a pax header with ${key}`)
    at = end
  }
  return path
}

/** A relative path without steps up, `./` in front of it taken away. */
function plainName(raw: string): string {
  const name = raw.replace(/^(\.\/)+/, '').replace(/\/+$/, '')
  const plain = !name.startsWith('/') && !/[\0\\]/.test(name) && !name.split('/').some(part => part === '..')
  if (!plain) throw new Error(`${JSON.stringify(raw)} is not a relative path`)
  return name
}

/** SageMaker's XGBoost calls it `xgboost-model` (binary, UBJSON or JSON by version), our trainer `xgboost-model.json`. */
export function findModel(files: readonly ArchiveFile[]): ArchiveFile {
  const found = files.filter(f => /^xgboost-model(\.(json|ubj|model))?$/.test(f.name))
  if (found.length !== 1) {
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `the archive holds ${listed(files)}; exactly one xgboost-model is needed`,
    )
  }
  return found[0] as ArchiveFile
}

const listed = (files: readonly ArchiveFile[]): string =>
  files
    .map(f => f.name)
    .join(', ')
    .slice(0, 300) || 'nothing'
