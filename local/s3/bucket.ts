import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, open, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { apply, type BucketState, compact, emptyState } from './bucket-state.ts'
import type { JournalRecord, StoredVersion } from './model.ts'

/** A bucket on disk: bodies as files that are written once, metadata as a journal that is replayed on start. */
export interface Bucket {
  readonly name: string
  readonly state: BucketState
  /** Applies and persists a change at once; bodies that nothing needs any more are removed afterwards. */
  commit(record: JournalRecord): void
  current(key: string): StoredVersion | undefined
  /** All keys that have versions, in S3's order (UTF-8 bytes). */
  sortedKeys(): readonly string[]
  /** Writes a body (temporary file, then rename); returns its file name. */
  writeBody(body: Buffer): Promise<string>
  /** Joins bodies into a new one; calls back with each chunk for checksums. */
  joinBodies(files: readonly string[], onChunk: (chunk: Buffer) => void): Promise<string>
  copyBodyFrom(source: Bucket, file: string): Promise<string>
  readBody(file: string, start: number, length: number): Promise<Buffer>
  discardBody(file: string): void
  readonly bodyPath: (file: string) => string
  /** Removes the bucket from the disk. */
  destroy(): void
  close(): void
}

const byUtf8 = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** Opens a bucket's folder, or makes it. A torn last line of the journal (a crash) is dropped. */
export function openBucket(dir: string, name: string, now: Date): Bucket {
  const data = join(dir, 'data')
  const journalPath = join(dir, 'journal.jsonl')
  mkdirSync(data, { recursive: true })
  const state = replay(journalPath)
  if (state.created === '') apply(state, { op: 'bucket', created: now.toISOString() })
  rewrite(journalPath, state)
  sweep(data, state)
  const journal = openSync(journalPath, 'a')
  let keys: readonly string[] | undefined
  const bodyPath = (file: string) => join(data, file)
  const discardBody = (file: string) => {
    unlink(bodyPath(file)).catch(() => undefined)
  }
  const place = async (fill: (path: string) => Promise<void>): Promise<string> => {
    const file = randomBytes(12).toString('hex')
    const temporary = `${bodyPath(file)}.tmp`
    try {
      await fill(temporary)
      await rename(temporary, bodyPath(file))
    } catch (error) {
      discardBody(`${file}.tmp`)
      throw error
    }
    return file
  }
  return {
    name,
    state,
    commit(record) {
      const count = state.objects.size
      appendFileSync(journal, `${JSON.stringify(record)}\n`)
      const unused = apply(state, record)
      if (state.objects.size !== count) keys = undefined
      unused.forEach(discardBody)
    },
    current: key => state.objects.get(key)?.[0],
    sortedKeys() {
      keys ??= [...state.objects.keys()].sort(byUtf8)
      return keys
    },
    writeBody: body => place(path => writeFile(path, body)),
    joinBodies: (files, onChunk) => place(path => concatenate(files.map(bodyPath), path, onChunk)),
    copyBodyFrom: (source, file) => place(path => copyFile(source.bodyPath(file), path)),
    readBody: (file, start, length) => readSlice(bodyPath(file), start, length),
    discardBody,
    bodyPath,
    destroy() {
      closeSync(journal)
      rmSync(dir, { recursive: true, force: true })
    },
    close: () => closeSync(journal),
  }
}

function replay(path: string): BucketState {
  const state = emptyState()
  let text = ''
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return state
  }
  // A line without its newline was cut short by a crash: its write was never answered.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  for (const [index, line] of lines.entries()) {
    if (line === '') continue
    try {
      apply(state, JSON.parse(line) as JournalRecord)
    } catch (cause) {
      throw new Error(`line ${index + 1} of ${path} is damaged; remove the bucket's folder to start anew`, {
        cause,
      })
    }
  }
  return state
}

function rewrite(path: string, state: BucketState): void {
  const lines = Array.from(compact(state), record => JSON.stringify(record))
  writeFileSync(`${path}.tmp`, `${lines.join('\n')}\n`)
  renameSync(`${path}.tmp`, path)
}

/** Removes bodies that no journal line refers to: uploads that a crash interrupted. */
function sweep(data: string, state: BucketState): void {
  const used = new Set<string>()
  for (const versions of state.objects.values()) for (const version of versions) used.add(version.file)
  for (const { parts } of state.uploads.values()) for (const part of parts.values()) used.add(part.file)
  for (const file of readdirSync(data)) if (!used.has(file)) rmSync(join(data, file), { force: true })
}

async function concatenate(
  sources: readonly string[],
  target: string,
  onChunk: (chunk: Buffer) => void,
): Promise<void> {
  const output = await open(target, 'w')
  try {
    for (const source of sources) {
      const input = await open(source, 'r')
      for await (const chunk of input.createReadStream({ highWaterMark: 1 << 20 })) {
        onChunk(chunk as Buffer)
        await output.writeFile(chunk as Buffer)
      }
    }
  } finally {
    await output.close()
  }
}

async function readSlice(path: string, start: number, length: number): Promise<Buffer> {
  const handle = await open(path, 'r')
  try {
    const buffer = Buffer.allocUnsafe(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, start + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  } finally {
    await handle.close()
  }
}
