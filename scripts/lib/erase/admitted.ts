/** Admitted objects: what is left of each is written, recorded where readers look, and the rest deleted. */
import type { ErasedSamples } from '../../../src/contracts/erased-samples.ts'
import { type ErasedAdmittedRow, type ErasedSetRow, keys } from '../../../src/domain/entities.ts'
import { accountFor, eraseFromAdmitted, erasuresIn, erasuresOf } from '../../../src/domain/lineage/erasure.ts'
import { admittedKey, MAX_ADMITTED_BYTES, parseAdmitted } from '../../../src/domain/sampling/admitted.ts'
import { type Put, put } from '../../../src/domain/store.ts'
import { canonicalJson, sha256Hex } from '../../../src/domain/training/plan.ts'
import type { ErasePorts, Kept } from './ports.ts'
import { readSet, type SetHeld } from './sets.ts'
import type { Found, Job } from './walk.ts'

/** Writes of one transaction. */
const WRITES = 80

/** One object in memory at a time. */
export async function eraseAdmitted(
  { store, artefacts }: ErasePorts,
  { model, what, because, act, note }: Job,
  sets: ReadonlyMap<string, SetHeld>,
  remove: (kept: Kept) => Promise<void>,
): Promise<Pick<Found, 'admitted' | 'leftovers'>> {
  let [admitted, leftovers, seen] = [0, 0, 0]
  const objects: { readonly kept: Kept; readonly digest: string; readonly version: string }[] = []
  for await (const kept of artefacts.versions(`field/${model}/`)) {
    const digest = /^field\/[^/]+\/([0-9a-f]{64})\/samples\.json$/.exec(kept.key)?.[1]
    const [newest] = kept.versions
    if (digest !== undefined && newest !== undefined) objects.push({ kept, digest, version: newest.id })
  }
  for (const { kept, digest, version } of objects) {
    if (++seen % 10 === 0) note(`admitted objects: ${seen} of ${objects.length} looked at`)
    const options = { maxBytes: MAX_ADMITTED_BYTES, versionId: version }
    const document = parseAdmitted(kept.key, digest, (await artefacts.get(kept.key, options)).bytes)
    const original = 'original' in document ? document.original : digest
    const pointer = await store.get<ErasedAdmittedRow>(keys.erasedAdmitted(model, original))
    if ((pointer?.data.current ?? original) !== digest) {
      // Without a pointer it was written by a run that came no further; this one writes it again.
      if (pointer === undefined) continue
      leftovers++
      await remove(kept)
      continue
    }
    const rest = eraseFromAdmitted(document, original, what, because)
    if (rest === undefined) {
      // A training that was at work when it was erased has written a set of the original since.
      if (
        act &&
        'original' in document &&
        [...sets.values()].some(s => s.admitted === original && s.meant > 0)
      )
        await record({ store, artefacts }, model, document, digest, sets)
      continue
    }
    admitted += document.samples.length - rest.samples.length
    if (!act) continue
    const bytes = Buffer.from(canonicalJson(rest))
    const current = sha256Hex(bytes)
    await artefacts.putOnce(admittedKey(model, current), bytes, 'application/json')
    await record({ store, artefacts }, model, rest, current, sets)
    await remove(kept)
  }
  return { admitted, leftovers }
}

/** The training sets first: the pointer says that they are done. */
async function record(
  { store, artefacts }: Pick<ErasePorts, 'store' | 'artefacts'>,
  model: string,
  rest: ErasedSamples,
  current: string,
  sets: ReadonlyMap<string, SetHeld>,
): Promise<void> {
  const writes: Put[] = []
  for (const { digest, admitted } of sets.values()) {
    if (admitted !== rest.original) continue
    const set = await readSet(artefacts, model, digest)
    const [fault, ...more] = accountFor(set, rest)
    if (fault !== undefined)
      throw new Error(
        `training set ${digest} would not be accounted for: ${fault}${more.length > 0 ? ` (and ${more.length} more)` : ''}; nothing of ${admittedKey(model, rest.original)} was deleted`,
      )
    const erasures = erasuresOf(set, rest)
    if (erasures.length === 0) continue
    const key = keys.erasedSet(model, digest)
    const row: ErasedSetRow = { trainingSet: digest, erasures }
    writes.push(put(key, row, await store.get(key)))
  }
  for (let at = 0; at < writes.length; at += WRITES) await store.commit(writes.slice(at, at + WRITES))
  const key = keys.erasedAdmitted(model, rest.original)
  const row: ErasedAdmittedRow = {
    ...{ original: rest.original, current },
    erasures: erasuresIn(rest.tombstones),
  }
  await store.commit([put(key, row, await store.get(key))])
}
