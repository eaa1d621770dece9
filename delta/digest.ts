import { createHash } from 'node:crypto'

/** A file by its content. */
export interface Digest {
  /** SHA-256, lower-case hex. */
  readonly sha256: string
  readonly length: number
}

export const digestOf = (bytes: Uint8Array): Digest => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  length: bytes.length,
})
