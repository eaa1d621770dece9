/** Screenshots to compare with. `UPDATE_SCREENSHOTS=1`, or scripts/console-screenshots.ts, makes them anew. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode, difference, encode, reduce } from './image.ts'

const DIR = fileURLToPath(new URL('screenshots', import.meta.url))
/** Where pictures go of what does not look as it should. */
export const REJECTS = fileURLToPath(new URL('../../.edgeloop/console-screenshots', import.meta.url))
const RECORD = join(DIR, 'recorded-with.json')
export const UPDATE = process.env['UPDATE_SCREENSHOTS'] === '1'

/** Share of pixels that may differ; a small button that moved by four pixels is three times as much. */
export const TOLERANCE = 0.0002
/** Where text is drawn by another browser than the baselines were, its edges differ all over. */
export const TOLERANCE_ELSEWHERE = 0.03

export interface Recorded {
  /** Major version of Chromium. */
  readonly chromium: string
  /** Of DejaVu Sans, as the width of a line of it. */
  readonly font: number
}
export const recorded = (): Recorded | undefined =>
  existsSync(RECORD) ? (JSON.parse(readFileSync(RECORD, 'utf8')) as Recorded) : undefined
export function record(by: Recorded): void {
  mkdirSync(DIR, { recursive: true })
  writeFileSync(RECORD, `${JSON.stringify(by)}\n`)
}
export const toleranceFor = (here: Recorded): number =>
  JSON.stringify(here) === JSON.stringify(recorded()) ? TOLERANCE : TOLERANCE_ELSEWHERE

/** What is wrong with a screenshot; undefined when it looks as its baseline does. */
export function compare(name: string, png: Uint8Array, tolerance: number): string | undefined {
  const file = join(DIR, `${name}.png`)
  const actual = reduce(decode(png))
  if (UPDATE) {
    mkdirSync(DIR, { recursive: true })
    writeFileSync(file, encode(actual))
    return undefined
  }
  const keep = (suffix: string, bytes: Uint8Array): string => {
    mkdirSync(REJECTS, { recursive: true })
    const path = join(REJECTS, `${name}${suffix}.png`)
    writeFileSync(path, bytes)
    return path
  }
  const how = 'node scripts/console-screenshots.ts --update makes the baselines anew'
  if (!existsSync(file)) return `no baseline; it looks like ${keep('.actual', png)}; ${how}`
  const { share, picture } = difference(decode(readFileSync(file)), actual)
  if (share <= tolerance) return undefined
  const shown = keep('.actual', png)
  if (picture !== undefined) keep('.diff', picture)
  return `${(share * 100).toFixed(2)} % of the pixels differ, ${tolerance * 100} % may: see ${shown}; ${how}`
}
