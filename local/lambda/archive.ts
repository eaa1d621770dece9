/** A function's archive on disk: what Lambda calls the task root. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'
import { unzipSync } from 'fflate'

/** Documented limit of an unpacked archive, in bytes. */
const maxUnpackedBytes = 250 * 1024 * 1024

/**
 * Unpacks into `folder/NAME` unless these very bytes are there already. Returns the real path of the task root.
 * Throws an Error naming the function when the archive is broken, too big, or has entries that lead outside.
 */
export function unpack(folder: string, name: string, archive: Uint8Array): string {
  mkdirSync(folder, { recursive: true })
  // Ends Node's search for the nearest package.json here: in Lambda nothing above the archive decides about modules.
  writeFileSync(join(folder, 'package.json'), '{"type":"commonjs"}\n')
  const root = join(realpathSync(folder), name)
  const stamp = `${root}.sha256`
  const digest = createHash('sha256').update(archive).digest('hex')
  if (readOrUndefined(stamp) === digest && existsSync(root)) return root
  rmSync(root, { recursive: true, force: true })
  mkdirSync(root, { recursive: true })
  for (const [path, bytes] of Object.entries(entries(name, archive))) {
    const target = resolve(root, path)
    if (target !== root && !target.startsWith(root + sep))
      throw new Error(`function ${name}: the archive's entry ${path} leads outside of it`)
    if (path.endsWith('/')) mkdirSync(target, { recursive: true })
    else {
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, bytes)
    }
  }
  writeFileSync(stamp, digest)
  return root
}

function entries(name: string, archive: Uint8Array): Readonly<Record<string, Uint8Array>> {
  let total = 0
  try {
    return unzipSync(archive, {
      filter: entry => {
        total += entry.originalSize
        if (total > maxUnpackedBytes) throw new Error('it unpacks to more than 250 MiB')
        return true
      },
    })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`function ${name}: cannot unpack its archive: ${reason}`, { cause })
  }
}

function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
