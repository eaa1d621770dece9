/** Numbers, times and foreign text as a person reads them in a terminal. */
import { stripVTControlCharacters } from 'node:util'

/** What devices, files and people sent may hold anything, and a terminal would obey it. One line comes out. */
export const plain = (text: string): string => stripVTControlCharacters(text).replace(/\p{Cc}+/gu, ' ')
/** The same, of a text whose own lines stay. */
export const plainLines = (text: string): string => text.split(/\r?\n/).map(plain).join('\n')

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
// East Asian wide and emoji take two columns; marks join the letter before them.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** Columns that a text takes; colours take none. */
export function textWidth(text: string): number {
  const bare = stripVTControlCharacters(text)
  if (/^[ -~]*$/.test(bare)) return bare.length
  let width = 0
  for (const { segment } of graphemes.segment(bare)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** At most `width` columns of a text without colours; what is cut ends with `…`. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let [kept, used] = ['', 0]
  for (const { segment } of graphemes.segment(text)) {
    const wide = WIDE.test(segment) ? 2 : 1
    if (used + wide > width - 1) break
    kept += segment
    used += wide
  }
  return width < 1 ? '' : `${kept.trimEnd()}…`
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${Math.round(bytes)} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes / 1_000, 0]
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

const STEPS = [
  [60, 's', 1],
  [3_600, 'min', 60],
  [2 * 86_400, 'h', 3_600],
  [Number.POSITIVE_INFINITY, 'days', 86_400],
] as const

/** A length of time by its largest unit: `8 s`, `3 min`, `30 h`, `12 days`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const [, unit, size] = STEPS.find(([below]) => seconds < below) ?? STEPS[3]
  return `${Math.floor(seconds / size)} ${unit}`
}

/** `3 min ago`, `in 2 h`, `now`; `never` without a time, and the text itself when it is none. */
export function ago(at: string | undefined | null, now: number): string {
  if (at === undefined || at === null) return 'never'
  const then = Date.parse(at)
  if (Number.isNaN(then)) return plain(at)
  const past = now - then
  if (Math.abs(past) < 1_000) return 'now'
  return past > 0 ? `${durationText(past)} ago` : `in ${durationText(-past)}`
}

/** `1 device`, `5 devices`. */
export const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`

/** A share as `12 %`, small ones with a digit more; `–` for none. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined) return '–'
  const value = share * 100
  return `${value === 0 || value >= 10 || Number.isInteger(value) ? Math.round(value) : value.toFixed(1)} %`
}

/** Parts of a whole, side by side: `██████▒▒░░░░`. What is left is blank; each part that is not nothing shows. */
export function barText(
  parts: readonly (readonly [amount: number, mark: string])[],
  of: number,
  width: number,
): string {
  const total = Math.max(
    of,
    parts.reduce((sum, [amount]) => sum + amount, 0),
  )
  if (total <= 0) return '·'.repeat(width)
  let room = width
  const drawn = parts.map(([amount, mark]) => {
    const cells = Math.min(room, amount <= 0 ? 0 : Math.max(1, Math.round((amount / total) * width)))
    room -= cells
    return mark.repeat(cells)
  })
  return `${drawn.join('')}${'·'.repeat(room)}`
}
