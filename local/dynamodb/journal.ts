/**
 * An append-only file of JSON lines, one per commit. Each line is handed to the operating system before the
 * commit is answered: nothing is lost when the process dies, at most the last moments when the machine does.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

export interface Journal {
  /** Throws when the disk refuses or the journal is closed; the file is then as it was before. */
  append(entry: object): void
  /** Replaces the whole content by a snapshot, at once or not at all. Happens by itself when the file has grown. */
  compact(): void
  /** Makes everything durable and closes the file. */
  close(): void
}

/** The file is compacted when it has grown to four times its last snapshot, but not for less than this. */
const compactBytes = 64 * 1024 * 1024
/** A snapshot is written in blocks of this length. */
const blockCharacters = 1024 * 1024

/**
 * Replays the journal in `file`, if there is one, and opens it. `snapshot` then gives the entries that rebuild
 * the state: the file starts anew with them, which also drops a last line torn by a crash.
 */
export function openJournal(
  file: string,
  replay: (entry: unknown) => void,
  snapshot: () => Iterable<object>,
): Journal {
  mkdirSync(dirname(file), { recursive: true })
  if (existsSync(file)) replayFile(file, replay)
  let descriptor: number | undefined
  let size = 0
  let baseline = 0
  const journal: Journal = {
    append(entry) {
      if (size > Math.max(compactBytes, 4 * baseline)) journal.compact()
      if (descriptor === undefined) throw new Error(`${file} is closed`)
      try {
        size += write(descriptor, lineOf(entry), size)
      } catch (error) {
        ftruncateSync(descriptor, size)
        throw error
      }
    },
    compact() {
      const temporary = `${file}.new`
      const replacement = openSync(temporary, 'w')
      let written = 0
      let block = ''
      for (const entry of snapshot()) {
        block += lineOf(entry)
        if (block.length < blockCharacters) continue
        written += write(replacement, block, written)
        block = ''
      }
      written += write(replacement, block, written)
      fsyncSync(replacement)
      renameSync(temporary, file)
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = replacement
      size = written
      baseline = written
    },
    close() {
      if (descriptor === undefined) return
      fsyncSync(descriptor)
      closeSync(descriptor)
      descriptor = undefined
    },
  }
  journal.compact()
  return journal
}

const newline = 0x0a
function replayFile(file: string, replay: (entry: unknown) => void): void {
  const content = readFileSync(file)
  let line = 0
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(newline, start)
    // Without its line feed, the last line was torn by a crash and its commit was never answered.
    if (end === -1) return
    line++
    try {
      replay(JSON.parse(content.toString('utf8', start, end)))
    } catch (cause) {
      throw new Error(`${file}: line ${line} is damaged; remove the file to start with empty tables`, {
        cause,
      })
    }
    start = end + 1
  }
}

const lineOf = (entry: object): string => `${JSON.stringify(entry)}\n`

/** Bytes written. */
function write(descriptor: number, text: string, position: number): number {
  const content = Buffer.from(text)
  for (let at = 0; at < content.length; )
    at += writeSync(descriptor, content, at, content.length - at, position + at)
  return content.length
}
