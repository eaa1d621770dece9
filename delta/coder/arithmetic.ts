/** Codes one binary decision. An encoder writes `bit` and returns it; a decoder ignores `bit` and returns what it read. */
export interface BitCoder {
  /** @param p probability that the bit is 1, in 1/65536, from 1 to 65535 */
  code(p: number, bit: number): number
}
export interface BitEncoder extends BitCoder {
  /** The stream so far, as short as a reader that sees zeros behind its end allows. */
  finish(): Uint8Array
}
export interface BitDecoder extends BitCoder {
  /** Bytes that were never looked at. None of a stream that `finish` made and that is read to its end. */
  unread(): number
}

/*
 * Carry-free binary arithmetic coding with a 32-bit range, as in M. Mahoney's lpaq (Data Compression Explained, §3.2).
 * Products stay below 2^48, so doubles are exact and every implementation gives the same bits.
 */
const split = (low: number, high: number, p: number): number => low + Math.floor(((high - low) * p) / 65536)

export function createEncoder(): BitEncoder {
  let out = new Uint8Array(1024)
  let length = 0
  let low = 0
  let high = 0xffffffff
  const put = (byte: number): void => {
    if (length === out.length) {
      const wider = new Uint8Array(length * 2)
      wider.set(out)
      out = wider
    }
    out[length++] = byte
  }
  return {
    code(p, bit) {
      const middle = split(low, high, p)
      if (bit === 1) high = middle
      else low = middle + 1
      while (((low ^ high) & 0xff000000) === 0) {
        put(high >>> 24)
        low = (low << 8) >>> 0
        high = ((high << 8) | 255) >>> 0
      }
      return bit
    },
    finish() {
      const tail: number[] = []
      for (let n = 0; n <= 4; n++) {
        const unit = 2 ** (32 - 8 * n)
        const value = Math.floor(high / unit) * unit
        if (value < low) continue
        for (let i = 0; i < n; i++) tail.push((value >>> (24 - 8 * i)) & 255)
        break
      }
      for (const byte of tail) put(byte)
      while (length > 0 && out[length - 1] === 0) length--
      return out.slice(0, length)
    },
  }
}

export function createDecoder(bytes: Uint8Array): BitDecoder {
  let at = 0
  let low = 0
  let high = 0xffffffff
  let code = 0
  for (let i = 0; i < 4; i++) code = ((code << 8) | (bytes[at++] ?? 0)) >>> 0
  return {
    code(p) {
      const middle = split(low, high, p)
      const bit = code <= middle ? 1 : 0
      if (bit === 1) high = middle
      else low = middle + 1
      while (((low ^ high) & 0xff000000) === 0) {
        low = (low << 8) >>> 0
        high = ((high << 8) | 255) >>> 0
        code = ((code << 8) | (bytes[at++] ?? 0)) >>> 0
      }
      return bit
    },
    unread: () => Math.max(0, bytes.length - at),
  }
}
