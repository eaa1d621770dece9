/** Metrics on held-out rows. `scores` are probabilities of class 1, class indices or values, by task. */

/** Area under the ROC curve by ranks (Mann–Whitney U), ties counted half. NaN when a class is absent. */
export function auc(scores: readonly number[], labels: readonly number[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => (scores[a] as number) - (scores[b] as number))
  let rankSum = 0
  let positives = 0
  for (let i = 0; i < order.length; ) {
    let j = i
    while (j < order.length && scores[order[j] as number] === scores[order[i] as number]) j++
    const rank = (i + j + 1) / 2
    for (let k = i; k < j; k++) {
      if (labels[order[k] as number] === 1) {
        rankSum += rank
        positives++
      }
    }
    i = j
  }
  const negatives = labels.length - positives
  if (positives === 0 || negatives === 0) return Number.NaN
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

export function accuracy(predicted: readonly number[], labels: readonly number[]): number {
  if (labels.length === 0) return Number.NaN
  return labels.filter((label, i) => predicted[i] === label).length / labels.length
}

export function rmse(predicted: readonly number[], labels: readonly number[]): number {
  if (labels.length === 0) return Number.NaN
  return Math.sqrt(
    labels.reduce((sum, label, i) => sum + (label - (predicted[i] as number)) ** 2, 0) / labels.length,
  )
}
