/** What a runnable example hands to the story: files to drop, and a field that moves from one phase to the next. */
export interface FieldRow {
  /** Feature values in model.yaml's order; null = missing. */
  readonly row: readonly (number | null)[]
  /** True label, as text. Only the labelling person ever sees it. */
  readonly truth: string
}
export interface FieldPhase {
  readonly name: string
  readonly rows: readonly FieldRow[]
}
export interface Example {
  readonly model: string
  readonly fleet: string
  readonly slot: string
  readonly hardware: string
  /** Metric shown in the progress lines. */
  readonly metric: string
  readonly modelYaml: Uint8Array
  /** Key below `datasets/{model}/` and content of the first drop. */
  readonly drop: { readonly name: string; readonly bytes: Uint8Array; readonly what: string }
  /** Like the data that was dropped, then unlike it. */
  readonly phases: readonly [FieldPhase, FieldPhase]
  /** Unlike what was dropped as well, and the model is as right there as before. */
  readonly harmless?: FieldPhase
}
