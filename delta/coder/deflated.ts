import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { corrupt } from '../errors.ts'
import type { BlockPlace, Extent, OpenBlock } from './block.ts'

/** Deflate looks back no further. */
export const MAX_DICTIONARY = 32_768
/** Offset and length of the dictionary. */
const HEAD = 8

/** Raw deflate with bytes of the base as preset dictionary (RFC 1951; zlib's `deflateSetDictionary`). */
export function encodeDeflated(dictionary: Extent, target: Uint8Array, base: Uint8Array): Uint8Array {
  const { offset, length } = dictionary
  const preset = base.subarray(offset, offset + length)
  const body = deflateRawSync(target, { level: 9, ...(length > 0 ? { dictionary: preset } : {}) })
  const payload = new Uint8Array(HEAD + body.length)
  const view = new DataView(payload.buffer)
  view.setUint32(0, offset, true)
  view.setUint32(4, length, true)
  payload.set(body, HEAD)
  return payload
}

/** @throws DeltaError DELTA_CORRUPT */
export function openDeflated(payload: Uint8Array, place: BlockPlace): OpenBlock {
  if (payload.length < HEAD) throw corrupt('a deflated block is cut off')
  const view = new DataView(payload.buffer, payload.byteOffset, HEAD)
  const dictionary = { offset: view.getUint32(0, true), length: view.getUint32(4, true) }
  if (dictionary.length > MAX_DICTIONARY || dictionary.offset + dictionary.length > place.baseLength)
    throw corrupt('a deflated block has a dictionary outside the base')
  return {
    needs: [dictionary],
    decode: ([preset = new Uint8Array(0)]) => inflate(payload.subarray(HEAD), preset, place.length),
  }
}

function inflate(body: Uint8Array, dictionary: Uint8Array, length: number): Uint8Array {
  let block: Uint8Array
  try {
    block = inflateRawSync(body, {
      maxOutputLength: length,
      ...(dictionary.length > 0 ? { dictionary } : {}),
    })
  } catch {
    throw corrupt('a deflated block does not inflate within its length')
  }
  if (block.length !== length) throw corrupt('a deflated block is shorter than it must be')
  return block
}
