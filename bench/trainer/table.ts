/** What oracle.py says about one case and seed, with the metrics that our own job reported. */
export interface OracleResult {
  readonly name: string
  readonly seed: number
  /** XGBoost's model, judged by XGBoost; null where a metric is undefined. */
  readonly xgboost: Readonly<Record<string, number | null>>
  /** Our model, judged by XGBoost. */
  readonly ours: Readonly<Record<string, number | null>>
  readonly reported: Readonly<Record<string, number | null>>
  readonly marginRows: number
  readonly maxMarginDifference: number
  readonly differentBits: number
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length

function spread(values: readonly number[]): string {
  const m = mean(values)
  const deviation = Math.sqrt(
    mean(values.map(v => (v - m) ** 2)) * (values.length / Math.max(1, values.length - 1)),
  )
  return `${m.toFixed(5)} ± ${deviation.toFixed(5)}`
}

const signed = (v: number): string => `${v >= 0 ? '+' : '−'}${Math.abs(v).toFixed(5)}`

/** Mean ± standard deviation over the seeds, and how far the two are apart per seed. */
export function printTable(results: readonly OracleResult[]): string {
  const lines = [
    '| data | metric | XGBoost | trainer | mean difference | largest, one seed |',
    '|---|---|---|---|---|---|',
  ]
  const names = [...new Set(results.map(result => result.name))]
  for (const name of names) {
    const ofCase = results.filter(result => result.name === name)
    for (const metric of Object.keys(ofCase[0]!.xgboost)) {
      const pairs = ofCase.flatMap(result => {
        const theirs = result.xgboost[metric] ?? null
        const ours = result.ours[metric] ?? null
        return theirs === null || ours === null ? [] : [{ theirs, ours }]
      })
      const theirs = pairs.map(pair => pair.theirs)
      const ours = pairs.map(pair => pair.ours)
      const gaps = ours.map((v, i) => v - theirs[i]!)
      const widest = gaps.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a))
      lines.push(
        `| ${name} | ${metric} | ${spread(theirs)} | ${spread(ours)} | ${signed(mean(gaps))} | ${signed(widest)} |`,
      )
    }
  }
  const reportGaps = results.flatMap(result =>
    Object.entries(result.ours).flatMap(([metric, value]) => {
      const reported = result.reported[metric]
      if (reported === undefined) return []
      // Both undefined is agreement; only one of them is not.
      return [
        value === null || reported === null
          ? value === reported
            ? 0
            : Infinity
          : Math.abs(value - reported),
      ]
    }),
  )
  const rows = results.reduce((sum, result) => sum + result.marginRows, 0)
  const bits = results.reduce((sum, result) => sum + result.differentBits, 0)
  const margin = Math.max(...results.map(result => result.maxMarginDifference))
  lines.push(
    '',
    `All ${results.length} models load in XGBoost. Margins of ${rows} rows with a tenth of the cells missing: largest difference ${margin}, ${bits} values with different bits. Metrics in metrics.json against XGBoost's evaluation of the same model: largest difference ${Math.max(...reportGaps).toExponential(1)}.`,
    '',
  )
  return lines.join('\n')
}
