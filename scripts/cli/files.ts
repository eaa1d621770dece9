/** Files that people hand to the command. Every error names the option, the file and the fix. */
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { openChain } from '../../verifier/chain.ts'
import { parseUntrustedJson } from '../../verifier/json.ts'
import { type PinnedKey, pinnedKey } from '../../verifier/key.ts'
import { UsageError } from '../lib/options.ts'

const MAX_JSON = 1_048_576

export function readBytes(option: string, file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError(`${option}: ${file}: ${code === 'ENOENT' ? 'there is no such file' : message}`)
  }
}

/** Bytes of a file. Throws UsageError when it is none. */
export function sizeOf(option: string, file: string): number {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new UsageError(`${option}: ${file}: there is no such file`)
  if (!found.isFile()) throw new UsageError(`${option}: ${file}: it is no file`)
  return found.size
}

/** Throws UsageError naming the place in the file. */
export function readJson<S extends z.ZodType>(option: string, file: string, schema: S): z.infer<S> {
  let value: unknown
  try {
    value = parseUntrustedJson(readBytes(option, file), { maxBytes: MAX_JSON, maxDepth: 12 })
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${option}: ${file}: ${(error as Error).message}`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue?.path.join('.') || 'the file'
  throw new UsageError(`${option}: ${file}: ${place}: ${issue?.message ?? 'has another shape'}`)
}

/** Whole or not at all. */
export function writeWhole(file: string, bytes: Uint8Array | string, mode = 0o666): void {
  writeFileSync(`${file}.tmp`, bytes, { mode })
  renameSync(`${file}.tmp`, file)
}
export const writeJson = (file: string, value: unknown): void =>
  writeWhole(file, `${JSON.stringify(value, null, 2)}\n`)

/** What `keys fetch` writes. */
export const onlineFile = z.strictObject({
  v: z.literal(1),
  stack: z.string(),
  keys: z.array(
    z.strictObject({
      role: z.enum(['model', 'deployment']),
      slot: z.enum(['A', 'B']),
      arn: z.string(),
      keyid: z.string(),
      pem: z.string(),
      signs: z.boolean(),
    }),
  ),
})

/** Envelopes of a published chain, not verified. Throws UsageError when the file is none. */
export function readChain(option: string, file: string): readonly Uint8Array[] {
  const bytes = readBytes(option, file)
  try {
    return openChain(bytes)
  } catch (error) {
    throw new UsageError(`${option}: ${file}: ${(error as Error).message}`)
  }
}

export function readPublicKey(option: string, file: string): PinnedKey {
  try {
    return pinnedKey(readBytes(option, file).toString('utf8'), file)
  } catch (error) {
    throw new UsageError(`${option}: ${(error as Error).message}`)
  }
}

/** A passphrase is the first line of its file. */
export function readPassphrase(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  const [line = ''] = readBytes('--passphrase-file', file).toString('utf8').split(/\r?\n/)
  if (line.length < 8)
    throw new UsageError(`--passphrase-file: ${file}: the first line must hold at least 8 characters`)
  return line
}
