import type { Ensemble } from './ensemble.ts'
import { CompileError } from './errors.ts'
import { interpretRows } from './interpret.ts'
import { type Artefact, loadArtefact } from './run.ts'

const bitsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length)

export interface Parity {
  /** Rows compared. */
  readonly rows: number
  /** Always 0 in a returned report: any difference fails the compile. */
  readonly maxAbsDiff: number
}

const load = (artefact: Uint8Array): Artefact => {
  try {
    return loadArtefact(artefact, {
      maxBytes: Number.POSITIVE_INFINITY,
      maxMemoryBytes: Number.POSITIVE_INFINITY,
    })
  } catch (error) {
    throw new CompileError(`self-check failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Runs the artefact as a device would and compares it with the interpreter, bit by bit. Throws CompileError. */
export const checkParity = (
  artefact: Uint8Array,
  ensemble: Ensemble,
  rows: readonly Float32Array[],
): Parity => {
  const loaded = load(artefact)
  interpretRows(ensemble, rows).forEach((expected, index) => {
    const found = loaded.margins(rows[index]!)
    const expectedBits = bitsOf(expected)
    bitsOf(found).forEach((bits, output) => {
      if (bits !== expectedBits[output])
        throw new CompileError(
          `self-check failed: probe row ${index}, output ${output}: ${found[output]} instead of ${expected[output]}`,
        )
    })
  })
  return { rows: rows.length, maxAbsDiff: 0 }
}
