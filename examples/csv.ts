import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { FieldRow } from './example.ts'

/** The examples' own files: plain numbers, no quoting. */
export function readCsvGz(url: URL): { header: string[]; lines: string[] } {
  const [header = '', ...lines] = gunzipSync(readFileSync(url)).toString('utf8').trim().split('\n')
  return {
    header: header.replaceAll('"', '').split(','),
    lines: lines.map(l => l.replaceAll('"', '').trim()),
  }
}

/** A fixed part of the lines by a hash of each: what goes one way never goes the other. */
export function divide(lines: readonly string[], share: number): { in: string[]; out: string[] } {
  const parts = { in: [] as string[], out: [] as string[] }
  for (const line of lines) {
    const u = createHash('sha256').update(line).digest().readUInt32BE(0) / 2 ** 32
    parts[u < share ? 'in' : 'out'].push(line)
  }
  return parts
}

export function fieldRows(
  header: readonly string[],
  lines: readonly string[],
  features: readonly string[],
  label: string,
): FieldRow[] {
  const columns = features.map(f => header.indexOf(f))
  const truth = header.indexOf(label)
  return lines.map(line => {
    const cells = line.split(',')
    return { row: columns.map(c => Number(cells[c])), truth: cells[truth] as string }
  })
}
