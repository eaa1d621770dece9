import { createHash } from 'node:crypto'
import { type BlockPlace, type OpenBlock, openModelled } from './coder/block.ts'
import { openDeflated } from './coder/deflated.ts'
import { createWorkspace, type Workspace } from './coder/mixing.ts'
import { type Digest, digestOf } from './digest.ts'
import { corrupt, DeltaError } from './errors.ts'
import { type BlockEntry, type DeltaHeader, HEAD_BYTES, headerBound, readHead, readHeader } from './header.ts'

type Bytes = Uint8Array | Promise<Uint8Array>

/** A device's side of an update: random access to the base and the delta, and a place to put the target. */
export interface DeltaDevice {
  readonly base: { readonly length: number; read(offset: number, length: number): Bytes }
  readonly delta: { readonly length: number; read(offset: number, length: number): Bytes }
  /** What the signed manifest says. The delta itself is not signed, so nothing it says about its target counts. */
  readonly target: Digest
  /** Takes the target from its start to its end, a block at a time. The bytes are its to keep. */
  write(bytes: Uint8Array, offset: number): void | Promise<void>
  /** What an interrupted run has written, to go on behind its last whole block; read again for the digest. */
  readonly written?: { readonly length: number; read(offset: number, length: number): Bytes }
}

const PIECE = 65_536

/** Header of a whole delta. @throws DeltaError */
export const readDelta = (delta: Uint8Array): DeltaHeader => readHeader(delta, delta.length)

/**
 * Makes the target in memory.
 * @param target what is to come out, as a signed document says it
 * @throws DeltaError; then nothing came out
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, target: Digest): Uint8Array {
  const header = readDelta(delta)
  checkTarget(header, target)
  if (!same(digestOf(base), header.base)) throw baseMismatch()
  const out = new Uint8Array(target.length)
  const workspace = lazyWorkspace()
  header.blocks.forEach((entry, i) => {
    const payload = delta.subarray(entry.offset, entry.offset + entry.length)
    const place = placeOf(header, i)
    const block = open(entry, payload, place, workspace)
    const parts = block.needs.map(({ offset, length }) => base.subarray(offset, offset + length))
    out.set(block.decode(parts), place.offset)
  })
  if (digestOf(out).sha256 !== target.sha256) throw corrupt('what came out is not the target')
  return out
}

/**
 * Makes the target block by block. Holds one block, what it needs of the base, and the model: see docs/delta.md for
 * figures. Reads the base once for its digest before anything is written.
 * @returns blocks written in this run
 * @throws DeltaError; what was written before is then to be thrown away. What `read` and `write` throw goes through.
 */
export async function applyTo(device: DeltaDevice): Promise<number> {
  const { base, delta, target } = device
  const header = await readHeaderOf(delta, target)
  if (base.length !== header.base.length) throw baseMismatch()
  if ((await hashOf(base, base.length)).digest('hex') !== header.base.sha256) throw baseMismatch()
  const skipped = Math.floor(Math.min(device.written?.length ?? 0, target.length) / header.blockSize)
  const hash = device.written
    ? await hashOf(device.written, skipped * header.blockSize)
    : createHash('sha256')
  const workspace = lazyWorkspace()
  for (let i = skipped; i < header.blocks.length; i++) {
    const entry = header.blocks[i]!
    // Copies, because a source may use one buffer for all its answers.
    const payload = new Uint8Array(await exact(delta, entry.offset, entry.length))
    const place = placeOf(header, i)
    const block = open(entry, payload, place, workspace)
    const parts: Uint8Array[] = []
    for (const { offset, length } of block.needs)
      parts.push(new Uint8Array(await exact(base, offset, length)))
    const bytes = block.decode(parts)
    hash.update(bytes)
    await device.write(bytes, place.offset)
  }
  if (hash.digest('hex') !== target.sha256) throw corrupt('what came out is not the target')
  return header.blocks.length - skipped
}

type Source = DeltaDevice['base']

async function readHeaderOf(delta: Source, target: Digest): Promise<DeltaHeader> {
  const head = readHead(await exact(delta, 0, Math.min(delta.length, HEAD_BYTES)))
  // Before the index is read, so that its length is bounded by what was signed.
  checkTarget(head, target)
  const bound = Math.min(delta.length, headerBound(target.length, head.blockSize))
  return readHeader(await exact(delta, 0, bound), delta.length)
}

async function hashOf(source: Source, length: number) {
  const hash = createHash('sha256')
  for (let at = 0; at < length; at += PIECE)
    hash.update(await exact(source, at, Math.min(PIECE, length - at)))
  return hash
}

async function exact(source: Source, offset: number, length: number): Promise<Uint8Array> {
  const bytes = length === 0 ? new Uint8Array(0) : await source.read(offset, length)
  if (bytes.length !== length)
    throw new RangeError(`a read of ${length} bytes at ${offset} gave ${bytes.length} bytes`)
  return bytes
}

/** The model's memory is taken when the first block needs it. */
function lazyWorkspace(): () => Workspace {
  let made: Workspace | undefined
  return () => {
    made ??= createWorkspace()
    return made
  }
}

const placeOf = ({ base, target, blockSize }: DeltaHeader, index: number): BlockPlace => ({
  offset: index * blockSize,
  length: Math.min(blockSize, target.length - index * blockSize),
  baseLength: base.length,
})

function open(
  { coding }: BlockEntry,
  payload: Uint8Array,
  place: BlockPlace,
  workspace: () => Workspace,
): OpenBlock {
  if (coding === 'modelled') return openModelled(payload, place, workspace())
  if (coding === 'deflated') return openDeflated(payload, place)
  return { needs: [], decode: () => payload }
}

function checkTarget(header: Pick<DeltaHeader, 'target'>, target: Digest): void {
  if (!same(header.target, target))
    throw new DeltaError('TARGET_MISMATCH', 'it leads to another target than the one that was asked for')
}
const same = (a: Digest, b: Digest): boolean => a.sha256 === b.sha256 && a.length === b.length
const baseMismatch = (): DeltaError =>
  new DeltaError('BASE_MISMATCH', 'the base is not the one that it starts from; fetch the full package')
