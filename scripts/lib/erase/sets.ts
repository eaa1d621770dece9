/** Training sets of a model: which of them name what is meant, and what lies in their channels. */
import { CHANNELS_WITH_FIELD_ROWS, isMeant } from '../../../src/domain/lineage/erasure.ts'
import { manifestKey } from '../../../src/domain/training/assemble.ts'
import type { TrainingSet } from '../../../src/domain/training/plan.ts'
import type { Kept, VersionedObjects } from './ports.ts'
import type { Job } from './walk.ts'

export interface SetHeld {
  readonly digest: string
  /** Digest of the admitted object that its samples are from. */
  readonly admitted?: string
  /** Samples that it names and that are meant. */
  readonly meant: number
  readonly channels: readonly Kept[]
}
/** Names and digests of a million samples. */
const MAX_MANIFEST = 256 * 1024 * 1024

/** Only counts are kept of each: a manifest names every sample of its set. */
export async function readSets(
  artefacts: Pick<VersionedObjects, 'versions' | 'get'>,
  { model, what, note }: Pick<Job, 'model' | 'what' | 'note'>,
): Promise<ReadonlyMap<string, SetHeld>> {
  const channels = new Map<string, Kept[]>()
  const manifests = new Map<string, string>()
  const place = new RegExp(
    `^training/[^/]+/([0-9a-f]{64})/(?:(manifest)\\.json|(?:${CHANNELS_WITH_FIELD_ROWS.join('|')})/.+)$`,
  )
  for await (const kept of artefacts.versions(`training/${model}/`)) {
    const [, digest, manifest] = place.exec(kept.key) ?? []
    const [newest] = kept.versions
    if (digest === undefined || newest === undefined) continue
    if (manifest === undefined) channels.set(digest, [...(channels.get(digest) ?? []), kept])
    else manifests.set(digest, newest.id)
  }
  const sets = new Map<string, SetHeld>()
  for (const [digest, versionId] of manifests) {
    const set = await readSet(artefacts, model, digest, versionId)
    sets.set(digest, {
      digest,
      ...(set.admitted === undefined ? {} : { admitted: set.admitted }),
      meant: set.samples.filter(isMeant(what)).length,
      channels: channels.get(digest) ?? [],
    })
    if (sets.size % 50 === 0) note(`training sets: ${sets.size} of ${manifests.size} looked at`)
  }
  return sets
}

export async function readSet(
  artefacts: Pick<VersionedObjects, 'get'>,
  model: string,
  digest: string,
  versionId?: string,
): Promise<TrainingSet> {
  const { bytes } = await artefacts.get(manifestKey(model, digest), {
    maxBytes: MAX_MANIFEST,
    ...(versionId === undefined ? {} : { versionId }),
  })
  return JSON.parse(new TextDecoder().decode(bytes)) as TrainingSet
}
