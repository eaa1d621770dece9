import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib'

const LEVEL = 19
const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_c_enableLongDistanceMatching } = constants

/** The full file, compressed. */
export const zstdFull = (target: Uint8Array): number =>
  zstdCompressSync(target, { params: { [ZSTD_c_compressionLevel]: LEVEL } }).length

/** What `zstd --patch-from` does: the base as dictionary, a window over both, long-distance matching. */
export const zstdPatch = (base: Uint8Array, target: Uint8Array): number =>
  zstdCompressSync(target, {
    dictionary: base,
    params: {
      [ZSTD_c_compressionLevel]: LEVEL,
      [ZSTD_c_windowLog]: Math.min(27, Math.max(10, Math.ceil(Math.log2(base.length + target.length)))),
      [ZSTD_c_enableLongDistanceMatching]: 1,
    },
  }).length

const BLOCK = 4_096

/** Subtract in place, zigzag, byte planes, deflate, in independent blocks of 4 KiB: what we set out from. */
export function planes(base: Uint8Array, target: Uint8Array, width: 1 | 4): number {
  let total = 0
  for (let start = 0; start < target.length; start += BLOCK) {
    const size = Math.min(BLOCK, target.length - start)
    const elements = Math.floor(size / width)
    const out = new Uint8Array(size)
    for (let e = 0; e < elements; e++) {
      let [now, then] = [0, 0]
      for (let i = 0; i < width; i++) {
        now |= target[start + e * width + i]! << (8 * i)
        then |= (base[start + e * width + i] ?? 0) << (8 * i)
      }
      const unused = 32 - 8 * width
      const difference = ((now - then) << unused) >> unused
      const zigzag = (difference << 1) ^ (difference >> 31)
      for (let i = 0; i < width; i++) out[i * elements + e] = (zigzag >>> (8 * i)) & 255
    }
    out.set(target.subarray(start + elements * width, start + size), elements * width)
    total += deflateRawSync(out, { level: 9 }).length
  }
  return total
}
