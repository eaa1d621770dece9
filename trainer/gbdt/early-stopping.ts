/** Where the best value of the watched metric was seen. */
export interface Best {
  readonly round: number
  readonly score: number
}

/**
 * XGBoost's rule: stop once `patience` rounds in a row brought no strictly better value.
 * NaN never counts as better.
 */
export function createEarlyStopping(patience: number, maximize: boolean) {
  let best: Best | undefined
  return {
    best: (): Best | undefined => best,
    /** Records the metric after `round` (0-based) and says whether to stop now. */
    observe(round: number, score: number): boolean {
      const better = best === undefined || (maximize ? score > best.score : score < best.score)
      if (better && !Number.isNaN(score)) best = { round, score }
      return round - (best?.round ?? -1) >= patience
    },
  }
}
