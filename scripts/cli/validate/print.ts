/** A fault as a compiler would show it: place, line, caret, message, fix. */
import type { Paint } from '../paint.ts'
import { plain } from '../text.ts'
import type { Fault } from './fault.ts'

const MAX_LINE = 120

/**
 * @param lines of the file; a line that is too long to show is shown around the fault
 */
export function faultText(file: string, lines: readonly string[], fault: Fault, paint: Paint): string {
  const { line, column, length, code, message, fix } = fault
  const place = [file, ...(line === null ? [] : [line]), ...(column === null ? [] : [column])].join(':')
  const source = line === null ? undefined : lines[line - 1]
  return [
    `${paint.bold(place)}  ${paint.bad(code)}  ${plain(message)}`,
    ...(source === undefined || line === null || column === null
      ? []
      : excerpt(source, line, column, length, paint)),
    ...(fix === null ? [] : [`  ${paint.good('fix')}: ${plain(fix)}`]),
  ].join('\n')
}

function excerpt(source: string, line: number, column: number, length: number, paint: Paint): string[] {
  const number = String(line).padStart(5)
  const from = source.length > MAX_LINE ? Math.max(0, column - 1 - MAX_LINE / 2) : 0
  const shown = source.slice(from, from + MAX_LINE)
  // A tab is one character to the parser, and as wide as the terminal likes.
  const text = `${from > 0 ? '…' : ''}${plain(shown.replaceAll('\t', ' ')).trimEnd()}`
  const indent = column - 1 - from + (from > 0 ? 1 : 0)
  const carets = '^'.repeat(Math.max(1, Math.min(length, MAX_LINE - indent)))
  return [
    `${paint.dim(`${number} |`)} ${text}`,
    `${paint.dim('      |')} ${' '.repeat(indent)}${paint.bad(carets)}`,
  ]
}
