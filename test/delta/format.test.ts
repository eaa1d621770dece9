/** Deltas are kept and devices are old: what version 1 meant, it must go on meaning. */
import { expect, it } from 'vitest'
import { applyDelta, makeDelta, readDelta } from '../../delta/index.ts'
import { concat, digest } from './support.ts'

const base = Uint8Array.from({ length: 6_000 }, (_, i) => (i * i * 31 + (i >> 5) * 7) & 255)
const target = concat(
  base.subarray(0, 2_000).map((b, i) => (i % 11 === 3 ? b + 2 : b)),
  Buffer.from('{"model":"cold-chain","version":2,"self":"test"}'),
  base.subarray(2_000),
)
const V1 = Buffer.from(
  'RUxEMcq6Qk+CjnoiyDEOV1Hf4MsMRIWYoJXASTwqZv0Wp0VCRDLuCRqYSbI/OjwiPJ1+U6KUvSPIRiAD0pDINtPegZQM8C6gL7UBEIv8NC1uFMJOB+tfIAsKoCVcTWmjE9JVV2NUgVjUH2xPeA69qGERMIk4xRpynj0ae04a0Le+hwBKOsE2y3gAi42D',
  'base64',
)

it('a delta of version 1, as it was made on the day of the format', () => {
  expect(readDelta(V1)).toMatchObject({
    version: 1,
    base: digest(base),
    target: digest(target),
    blockSize: 4_096,
    blocks: [{ coding: 'modelled' }, { coding: 'modelled' }],
  })
  expect(Buffer.compare(applyDelta(base, V1, digest(target)), target)).toBe(0)
})

it('no other version', () => {
  const next = Uint8Array.from(V1)
  next[3] = 0x32
  expect(() => readDelta(next)).toThrow(expect.objectContaining({ code: 'DELTA_CORRUPT' }))
})

it('today the encoder makes no more of it', () => {
  expect(makeDelta(base, target, { blockSize: 4_096 }).length).toBeLessThanOrEqual(V1.length)
})
