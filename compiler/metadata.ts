export const FORMAT_VERSION = 1
/** Name of the custom section that carries the metadata as UTF-8 JSON. */
export const SECTION = 'edgeloop'

export interface ArtefactMetadata {
  readonly formatVersion: number
  /** XGBoost's objective name. */
  readonly objective: string
  readonly numFeature: number
  /** Margins per row. */
  readonly numOutput: number
  /** Start value of each margin, in margin space. */
  readonly baseScore: readonly number[]
  /** Layouts in the module, joined by `+`: nested, branchless, table. */
  readonly layout: string
  /** SHA-256 of the model file, lower-case hex. */
  readonly sourceDigest: string
  /** Boosting iterations compiled and present in the model file. */
  readonly iterations: { readonly used: number; readonly total: number }
  /** Name that the caller compiled for; the module itself is portable. */
  readonly target?: string
  readonly featureNames?: readonly string[]
}
