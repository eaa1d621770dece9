/** The error output of a command: notes, and one line of progress that is drawn over and over. */
import { onInterrupt } from './interrupt.ts'
import { bytesText, cut, durationText } from './text.ts'

export interface ProgressOptions {
  /** Without it only the text moves. */
  readonly total?: number
  readonly unit?: 'bytes'
}
export interface Progress {
  /** How far it has come, in the unit of the total, and what it is at. */
  at(done: number, text?: string): void
  end(): void
}
export interface Screen {
  note(line: string): void
  /** What a person has to act on; also where notes are not wanted. */
  prompt(line: string): void
  progress(label: string, options?: ProgressOptions): Progress
}
export interface ScreenOptions {
  write(text: string): void
  /** Of the terminal; undefined when there is none. */
  readonly columns: number | undefined
  /** Nothing but errors. */
  readonly quiet: boolean
  /** No bar: somebody reads the output by a program. */
  readonly bars: boolean
  now(): number
}

const REDRAW_MS = 100
const LINE_MS = 5_000
const BAR = 20
const ERASE_LINE = '\r\u001b[K'

export function makeScreen(options: ScreenOptions): Screen {
  const { write, columns, quiet, bars, now } = options
  let shown = ''
  const clear = (): void => {
    if (shown !== '') write(ERASE_LINE)
    shown = ''
  }
  const draw = (line: string): void => {
    // A line as wide as the terminal would break, and then be drawn below itself.
    shown = cut(line, (columns ?? 80) - 1)
    write(`${ERASE_LINE}${shown}`)
  }
  const prompt = (line: string): void => {
    const again = shown
    clear()
    write(`${line}\n`)
    if (again !== '') draw(again)
  }
  return {
    prompt,
    note(line) {
      if (!quiet) prompt(line)
    },
    progress(label, wanted = {}) {
      if (quiet || !bars) return { at() {}, end() {} }
      const started = now()
      const every = columns === undefined ? LINE_MS : REDRAW_MS
      // Short work is over before anybody reads about it.
      let [last, lastText] = [columns === undefined ? started : started - every, '']
      const taken = onInterrupt(clear)
      return {
        at(done, text = '') {
          const time = now()
          if (time - last < every && (columns === undefined || text === lastText)) return
          last = time
          lastText = text
          const line = progressLine(label, done, text, wanted, time - started)
          if (columns === undefined) write(`${line}\n`)
          else draw(line)
        },
        end() {
          clear()
          taken()
        },
      }
    },
  }
}

/** `Uploading  ██████░░░░  45 %  1.2 of 2.7 MB  3.1 MB/s  8 s left`; without a total the time that has gone by. */
export function progressLine(
  label: string,
  done: number,
  text: string,
  { total, unit }: ProgressOptions,
  elapsedMs: number,
): string {
  const tail = text === '' ? [] : [text]
  if (total === undefined || total <= 0) return [label, ...tail, durationText(elapsedMs)].join('  ')
  const share = Math.min(1, Math.max(0, done / total))
  const full = Math.round(share * BAR)
  const rate = elapsedMs > 0 ? (done / elapsedMs) * 1_000 : 0
  const shown = (n: number): string => (unit === 'bytes' ? bytesText(n) : String(Math.round(n)))
  return [
    label,
    `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`,
    `${Math.floor(share * 100)} %`,
    `${shown(done)} of ${shown(total)}`,
    ...(rate > 0 ? [`${unit === 'bytes' ? bytesText(rate) : rate.toFixed(1)}/s`] : []),
    ...(rate > 0 && share < 1 ? [`${durationText(((total - done) / rate) * 1_000)} left`] : []),
    ...tail,
  ].join('  ')
}
