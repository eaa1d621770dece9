import type { Digest } from './digest.ts'
import { corrupt, DeltaError } from './errors.ts'

/** How a block is coded: as it is, by the model, or by raw deflate with a dictionary from the base. */
export type Coding = 'stored' | 'modelled' | 'deflated'
const CODINGS: readonly Coding[] = ['stored', 'modelled', 'deflated']

export interface BlockEntry {
  readonly coding: Coding
  /** Where its payload lies in the delta. */
  readonly offset: number
  readonly length: number
}

export interface DeltaHeader {
  readonly version: 1
  readonly base: Digest
  readonly target: Digest
  /** Bytes of the target per block; the last one may be shorter. */
  readonly blockSize: number
  readonly blocks: readonly BlockEntry[]
  /** Bytes of the header itself. */
  readonly length: number
}

/*
 * `ELD1`; SHA-256 of base and target, 32 bytes each; log2 of the block size, one byte; then LEB128: length of the base,
 * length of the target, and per block 3 * payload length + coding. The payloads follow in order, nothing behind them.
 */
const MAGIC = [0x45, 0x4c, 0x44, 0x31]
const FIXED = MAGIC.length + 64 + 1
const MAX_LEB_BYTES = 7
export const MIN_BLOCK_SIZE = 4_096
export const MAX_BLOCK_SIZE = 65_536
/** Longest file that a header may speak of. */
export const MAX_FILE_BYTES = 2 ** 32 - 1

/** Bytes from the start of a delta that hold everything up to the first block entry. */
export const HEAD_BYTES = FIXED + 2 * MAX_LEB_BYTES
/** Bytes from the start of a delta that are sure to hold the header of a target of this length. */
export const headerBound = (targetLength: number, blockSize: number): number =>
  HEAD_BYTES + Math.ceil(targetLength / blockSize) * 4

export interface CodedBlock {
  readonly coding: Coding
  readonly payload: Uint8Array
}

export function writeDelta(
  base: Digest,
  target: Digest,
  blockSize: number,
  blocks: readonly CodedBlock[],
): Uint8Array {
  const numbers = [base.length, target.length]
  for (const { coding, payload } of blocks) numbers.push(payload.length * 3 + CODINGS.indexOf(coding))
  const parts = [
    Uint8Array.from(MAGIC),
    Buffer.from(base.sha256, 'hex'),
    Buffer.from(target.sha256, 'hex'),
    Uint8Array.of(Math.log2(blockSize)),
    Uint8Array.from(numbers.flatMap(leb)),
    ...blocks.map(block => block.payload),
  ]
  // No Buffer: its `slice` does not copy.
  return new Uint8Array(Buffer.concat(parts))
}

/** Everything in front of the block entries. */
export function readHead(bytes: Uint8Array): Omit<DeltaHeader, 'blocks'> {
  if (bytes.length < FIXED || !MAGIC.every((byte, i) => bytes[i] === byte))
    throw corrupt('these bytes are no delta of version 1')
  const blockSize = 2 ** bytes[FIXED - 1]!
  if (blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE)
    throw corrupt(`the block size must be from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`)
  const hex = (from: number): string => Buffer.from(bytes.subarray(from, from + 32)).toString('hex')
  const baseLength = readLeb(bytes, FIXED)
  const targetLength = readLeb(bytes, baseLength.next)
  for (const { value } of [baseLength, targetLength])
    if (value > MAX_FILE_BYTES) throw new DeltaError('DELTA_LIMIT', `it speaks of a file of ${value} bytes`)
  return {
    version: 1,
    base: { sha256: hex(4), length: baseLength.value },
    target: { sha256: hex(36), length: targetLength.value },
    blockSize,
    length: targetLength.next,
  }
}

/**
 * Reads a whole header.
 * @param bytes the delta, or its first `headerBound` bytes
 * @param total bytes of the whole delta
 * @throws DeltaError DELTA_CORRUPT unless the payloads fill the delta exactly and none is longer than its block
 */
export function readHeader(bytes: Uint8Array, total: number): DeltaHeader {
  const head = readHead(bytes)
  const { blockSize, target } = head
  const entries: { coding: Coding; length: number }[] = []
  let at = head.length
  for (let done = 0; done < target.length; done += blockSize) {
    const { value, next } = readLeb(bytes, at)
    const size = Math.min(blockSize, target.length - done)
    const coding = CODINGS[value % 3] as Coding
    const length = (value - (value % 3)) / 3
    if (coding === 'stored' ? length !== size : length >= size)
      throw corrupt(`the block at ${done} has a payload of ${length} bytes`)
    entries.push({ coding, length })
    at = next
  }
  let offset = at
  const blocks = entries.map(({ coding, length }): BlockEntry => {
    offset += length
    return { coding, offset: offset - length, length }
  })
  if (offset !== total) throw corrupt(`it has ${total} bytes where its header says ${offset}`)
  return { ...head, blocks, length: at }
}

function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return [...bytes, rest]
}

function readLeb(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < MAX_LEB_BYTES; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) throw corrupt('it is cut off in its header')
    value += (byte & 127) * 128 ** i
    if (byte < 128) {
      // A longer spelling of the same number would make two deltas of one.
      if (i > 0 && byte === 0) throw corrupt('it spells a number with a superfluous byte')
      return { value, next: at + i + 1 }
    }
  }
  throw corrupt('it has a number of more than 7 bytes')
}
