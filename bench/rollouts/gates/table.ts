export const print = (line = ''): void => void process.stdout.write(`${line}\n`)

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  print(line(head))
  print(`|${head.map(() => '---').join('|')}|`)
  for (const row of rows) print(line(row))
  print()
}

export const percent = (count: number, of: number): string => {
  const share = (100 * count) / of
  return `${share === 0 || share >= 99.95 || share >= 10 ? share.toFixed(share >= 99.95 ? 0 : 1) : share.toFixed(2)} %`
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN

export const average = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length

/** How often, and after how many devices where it stopped: median and mean. */
export const stops = (at: readonly number[], runs: number): string =>
  at.length < runs / 200
    ? percent(at.length, runs)
    : `${percent(at.length, runs)} @${median(at)} (${average(at).toFixed(1)})`
