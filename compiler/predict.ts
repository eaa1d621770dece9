export interface Prediction {
  /** Raw scores as XGBoost's `output_margin`, f32. */
  readonly margins: Float32Array
  /**
   * One number per class, or null when the objective gives none. Computed in double precision from the f32 margins:
   * `1 / (1 + exp(-m))` for two classes, softmax for more. XGBoost rounds to f32, so its last digits differ.
   */
  readonly probabilities: readonly number[] | null
  /** Index of the predicted class, or null for regression and ranking. Ties go to the lower index, as in XGBoost. */
  readonly label: number | null
  /** The prediction on the objective's response scale (`exp` for count:poisson …); null for classification. */
  readonly value: number | null
}

const sigmoid = (margin: number): number => 1 / (1 + Math.exp(-margin))

const softmax = (margins: Float32Array): number[] => {
  const top = Math.max(...margins)
  // inf - inf is NaN; an overflowed margin takes all the weight instead.
  const weights = Array.from(margins, margin => (margin === top ? 1 : Math.exp(margin - top)))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map(weight => weight / sum)
}

const response = (objective: string, margin: number): number => {
  if (objective === 'reg:logistic') return sigmoid(margin)
  if (objective === 'count:poisson' || objective === 'reg:gamma' || objective === 'reg:tweedie')
    return Math.exp(margin)
  return margin
}

/** Turns margins into what the objective means by them. With several targets, label and value are those of the first. */
export const interpretMargins = (objective: string, margins: Float32Array): Prediction => {
  const first = margins[0]!
  if (objective.startsWith('multi:'))
    return {
      margins,
      probabilities: softmax(margins),
      label: margins.indexOf(Math.max(...margins)),
      value: null,
    }
  if (objective === 'binary:hinge')
    return { margins, probabilities: null, label: first > 0 ? 1 : 0, value: null }
  if (objective.startsWith('binary:')) {
    const p = sigmoid(first)
    return { margins, probabilities: [1 - p, p], label: first > 0 ? 1 : 0, value: null }
  }
  return { margins, probabilities: null, label: null, value: response(objective, first) }
}
