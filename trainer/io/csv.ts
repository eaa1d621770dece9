import { TrainingInputError } from '../errors.ts'

const CHUNK_BYTES = 1 << 22
const NEWLINE = 10

/**
 * Calls `onRecord` with the cells of every line that is not empty, trimmed, and its 1-based line number.
 * RFC 4180 with two limits: UTF-8 only, no line breaks inside quotes.
 * @param where the file's name, for errors
 * @throws TrainingInputError naming file and line
 */
export function readCsv(
  bytes: Uint8Array,
  where: string,
  onRecord: (cells: readonly string[], line: number) => void,
): void {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let line = 0
  for (let from = 0; from < bytes.length; ) {
    const to = chunkEnd(bytes, from)
    let text: string
    try {
      text = decoder.decode(bytes.subarray(from, to))
    } catch {
      throw new TrainingInputError(`${where}: not UTF-8 text (after line ${line}); export it as UTF-8 CSV`)
    }
    if (text.endsWith('\n')) text = text.slice(0, -1)
    for (const raw of text.split('\n')) {
      line++
      if (raw === '' || raw === '\r') continue
      onRecord(splitLine(raw.endsWith('\r') ? raw.slice(0, -1) : raw, where, line), line)
    }
    from = to
  }
}

/** Decoding by pieces keeps files beyond V8's longest string readable; pieces end at a line's end. */
function chunkEnd(bytes: Uint8Array, from: number): number {
  if (bytes.length - from <= CHUNK_BYTES) return bytes.length
  const newline = bytes.indexOf(NEWLINE, from + CHUNK_BYTES)
  return newline === -1 ? bytes.length : newline + 1
}

function splitLine(text: string, where: string, line: number): string[] {
  const cells = text.includes('"') ? splitQuoted(text, where, line) : text.split(',')
  for (let i = 0; i < cells.length; i++) cells[i] = cells[i]!.trim()
  return cells
}

function splitQuoted(text: string, where: string, line: number): string[] {
  const cells: string[] = []
  let at = 0
  while (at <= text.length) {
    if (text[at] !== '"') {
      const comma = text.indexOf(',', at)
      const end = comma === -1 ? text.length : comma
      cells.push(text.slice(at, end))
      at = end + 1
      continue
    }
    let cell = ''
    let from = at + 1
    for (;;) {
      const quote = text.indexOf('"', from)
      if (quote === -1)
        throw new TrainingInputError(
          `${where}:${line}:${cells.length + 1}: the quoted cell does not end on its line; close the quote, or remove the line break in it`,
        )
      cell += text.slice(from, quote)
      from = quote + 1
      if (text[from] !== '"') break
      cell += '"'
      from++
    }
    if (from < text.length && text[from] !== ',')
      throw new TrainingInputError(
        `${where}:${line}:${cells.length + 1}: text after a closing quote; double the quotes inside a quoted cell`,
      )
    cells.push(cell)
    at = from + 1
  }
  return cells
}
