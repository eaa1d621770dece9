/**
 * Area under the ROC and the precision-recall curve of scores against 0/1 labels, with weights.
 * Rows of equal score count as one step. NaN when a class has no weight.
 */
export interface RankingAreas {
  readonly auc: number
  /** Interpolated as Davis and Goadrich (ICML 2006) show, which is what XGBoost's aucpr does. */
  readonly aucpr: number
}

/** Row ids by descending score, equal scores by ascending id. */
export function rankDescending(scores: Float32Array): Uint32Array {
  const n = scores.length
  const order = new Uint32Array(n)
  if (n > 2 ** 21) {
    for (let i = 0; i < n; i++) order[i] = i
    return order.sort((a, b) => scores[b]! - scores[a]! || a - b)
  }
  // 32 ordered bits of the float and 21 of the row id fit a double exactly, and native sort is fast on those.
  const keys = new Float64Array(n)
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  for (let i = 0; i < n; i++) {
    float[0] = -scores[i]! + 0
    const u = bits[0]!
    keys[i] = ((u >>> 31 === 1 ? ~u : u | 0x80000000) >>> 0) * 2 ** 21 + i
  }
  keys.sort()
  for (let i = 0; i < n; i++) order[i] = keys[i]! % 2 ** 21
  return order
}

/** Both areas in one pass; `positive(i)` tells the rows of the positive class. */
export function rankingAreas(
  scores: Float32Array,
  positive: (row: number) => boolean,
  weights: Float32Array | undefined,
): RankingAreas {
  const order = rankDescending(scores)
  let totalPositive = 0
  for (let i = 0; i < scores.length; i++) if (positive(i)) totalPositive += weights?.[i] ?? 1
  let tp = 0
  let fp = 0
  let auc = 0
  let aucpr = 0
  let i = 0
  while (i < order.length) {
    const score = scores[order[i]!]!
    const tpBefore = tp
    const fpBefore = fp
    for (; i < order.length && scores[order[i]!]! === score; i++) {
      const row = order[i]!
      const w = weights?.[row] ?? 1
      if (positive(row)) tp += w
      else fp += w
    }
    auc += (fp - fpBefore) * (tp + tpBefore) * 0.5
    aucpr += precisionRecallStep(fpBefore, fp, tpBefore, tp, totalPositive)
  }
  const defined = tp > 0 && fp > 0
  return { auc: defined ? auc / (tp * fp) : NaN, aucpr: defined ? aucpr : NaN }
}

/** Area between two points of the PR curve, with false positives linear in true positives between them. */
function precisionRecallStep(fp0: number, fp1: number, tp0: number, tp1: number, total: number): number {
  const r0 = tp0 / total
  const r1 = tp1 / total
  if (tp1 === tp0) return 0
  const slope = (fp1 - fp0) / (tp1 - tp0)
  const a = 1 + slope
  const b = (fp0 - slope * tp0) / total
  if (b === 0) return (r1 - r0) / a
  return (r1 - r0 - (b / a) * (Math.log(a * r1 + b) - Math.log(a * r0 + b))) / a
}
