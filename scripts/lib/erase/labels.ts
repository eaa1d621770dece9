/** Label requests, whose lines go, and files of ground truth, which are named and stay. */
import { ownsEventId } from '../../../src/contracts/event-id.ts'
import { groundTruth } from '../../../src/contracts/labels.ts'
import { type Erase, eraseFromRequest } from '../../../src/domain/lineage/erasure.ts'
import { sha256Hex } from '../../../src/domain/training/plan.ts'
import type { VersionedObjects } from './ports.ts'
import type { Found, Job } from './walk.ts'

/** What request-labels and ingest-labels take as their own end. */
const MAX_BYTES = 32 * 1024 * 1024

/** Every version of every request by itself: one that was written anew has the old lines in an older version. */
export async function eraseRequests(
  artefacts: VersionedObjects,
  { model, what, act }: Job,
): Promise<{ readonly lines: number; readonly versions: number }> {
  let [lines, deleted] = [0, 0]
  for await (const { key, versions, present } of artefacts.versions(`label-requests/${model}/`)) {
    const gone: string[] = []
    for (const [i, { id }] of versions.entries()) {
      const { bytes } = await artefacts.get(key, { maxBytes: MAX_BYTES, versionId: id })
      const found = eraseFromRequest(new TextDecoder().decode(bytes), what)
      if (found === undefined) continue
      lines += found.lines
      gone.push(id)
      if (act && present && i === 0)
        await artefacts.replace(key, Buffer.from(found.rest), 'application/jsonl')
    }
    if (!act || gone.length === 0) continue
    await artefacts.remove(key, gone)
    deleted += gone.length
  }
  return { lines, versions: deleted }
}

/** Files that were dropped and name what is meant. One that is larger than ingest-labels takes is not read. */
export async function namedInLabels(
  drops: Pick<VersionedObjects, 'versions' | 'get'>,
  { model, what }: Pick<Job, 'model' | 'what'>,
): Promise<Found['labelFiles']> {
  const found: { key: string; lines: number }[] = []
  for await (const { key, versions } of drops.versions(`labels/${model}/`)) {
    let most = 0
    for (const { id, size } of versions) {
      if (size > MAX_BYTES) continue
      const { bytes } = await drops.get(key, { maxBytes: MAX_BYTES, versionId: id })
      const lines = new TextDecoder().decode(bytes).split('\n').filter(names(what)).length
      most = Math.max(most, lines)
    }
    if (most > 0) found.push({ key, lines: most })
  }
  return found
}

const names =
  (what: Erase) =>
  (line: string): boolean => {
    try {
      const { eventId } = groundTruth.parse(JSON.parse(line)).eventMetadata
      return 'sample' in what ? eventId === what.sample : ownsEventId(what.device, eventId, sha256Hex)
    } catch {
      return false
    }
  }
