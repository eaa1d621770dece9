/** Something wrong in a file, where, and what to do about it. */
export interface Fault {
  /** Field or column; empty for the file as a whole. */
  readonly path: string
  /** From 1; null where a place makes no sense. */
  readonly line: number | null
  readonly column: number | null
  /** Characters that are wrong, from `column` on. */
  readonly length: number
  readonly code: string
  readonly message: string
  readonly fix: string | null
}

/** What is wrong with the file as such. */
export const fileFault = (code: string, message: string, fix: string | null = null): Fault => ({
  ...{ path: '', line: null, column: null, length: 0 },
  ...{ code, message, fix },
})
