import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import type { ModelFiles } from '../../verifier/model.ts'

const CHUNK_BYTES = 1_048_576

export interface ModelDir extends ModelFiles {
  /** Basename of the folder or file. */
  readonly name: string
  /** Where a path lies in the model, `/`-separated; undefined when it lies outside. */
  inside(path: string): string | undefined
}

/**
 * A model on disk: a folder with all that lies below it, or one file. Links are never followed, but for one that is
 * the model's own path.
 * @throws Error when there is no such file or folder
 */
export function openModelDir(path: string): ModelDir {
  const root = realpathSync(path)
  const { name, at } = { name: basename(resolve(path)), at: (file: string) => join(root, ...file.split('/')) }
  if (statSync(root).isDirectory())
    return {
      name,
      list: ignored => walk(root, '', ignored),
      sha256: file => digestOf(at(file)),
      inside: other => {
        const below = relative(root, canonical(other))
        return below === '' || below === '..' || below.startsWith(`..${sep}`)
          ? undefined
          : below.split(sep).join('/')
      },
    }
  // What is excluded by default is excluded from folders: one file alone is always the model.
  return { name, single: name, list: () => [name], sha256: () => digestOf(root), inside: () => undefined }
}

/** The path with the links in its folder resolved; what it names itself need not be there. */
function canonical(path: string): string {
  const full = resolve(path)
  try {
    return join(realpathSync(dirname(full)), basename(full))
  } catch {
    return full
  }
}

function* walk(folder: string, prefix: string, ignored: (path: string) => boolean): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true, encoding: 'buffer' })) {
    const name = utf8(entry.name, prefix)
    const path = `${prefix}${name}`
    if (ignored(path)) continue
    if (entry.isDirectory()) yield* walk(join(folder, name), `${path}/`, ignored)
    else if (entry.isFile()) yield path
    else if (entry.isSymbolicLink()) throw new Error(`model: ${path} is a symbolic link`)
    else throw new Error(`model: ${path} is neither a file nor a folder`)
  }
}

function utf8(bytes: Uint8Array, prefix: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error(`model: a name in ${prefix || 'its folder'} is not UTF-8`)
  }
}

function digestOf(path: string): string {
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    if (!fstatSync(file).isFile()) throw new Error(`model: ${path} is not a file`)
    const hash = createHash('sha256')
    const chunk = Buffer.alloc(CHUNK_BYTES)
    for (let n = readSync(file, chunk); n > 0; n = readSync(file, chunk)) hash.update(chunk.subarray(0, n))
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}
