/** CRC-32C (Castagnoli) and CRC-64/NVME; Node's zlib has CRC-32 only. Both reflected, table-driven. */

const crc32cTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) crc = (crc32cTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

// 64-bit values as two 32-bit halves: BigInt per byte would be a hundred times slower.
const polynomialHigh = 0x9a6c9329
const polynomialLow = 0xac4bc9b5
const tableHigh = new Uint32Array(256)
const tableLow = new Uint32Array(256)
for (let n = 0; n < 256; n += 1) {
  let high = 0
  let low = n
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = low & 1
    low = (low >>> 1) | ((high & 1) << 31)
    high >>>= 1
    if (odd) {
      high ^= polynomialHigh
      low ^= polynomialLow
    }
  }
  tableHigh[n] = high
  tableLow[n] = low
}

export function crc64nvme(data: Uint8Array): bigint {
  let high = 0xffffffff
  let low = 0xffffffff
  for (const byte of data) {
    const index = (low ^ byte) & 0xff
    low = ((low >>> 8) | ((high & 0xff) << 24)) ^ (tableLow[index] as number)
    high = (high >>> 8) ^ (tableHigh[index] as number)
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0)
}
