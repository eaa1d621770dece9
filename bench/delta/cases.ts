/** One update in the field: from these bytes to those. */
export interface UpdateCase {
  /** Model and layout, or number format. */
  readonly group: string
  readonly kind: string
  readonly base: Uint8Array
  readonly target: Uint8Array
  /** Of the old and of the new model on held-out rows of the new kind; a small delta to a bad model is worth nothing. */
  readonly accuracy: { readonly before: number; readonly after: number }
  /** Share of equal weights, where that is the measure of how heavy an update is. */
  readonly unchanged?: number
}
