/** Finds what is held of a device or a sample, and, when told to, erases it. */
import type { SampleRow, VersionRow } from '../../../src/domain/entities.ts'
import { keys } from '../../../src/domain/entities.ts'
import { type Because, type Erase, isMeant, quarantineWrites } from '../../../src/domain/lineage/erasure.ts'
import { eraseAdmitted } from './admitted.ts'
import { eraseRequests, namedInLabels } from './labels.ts'
import type { ErasePorts, Kept } from './ports.ts'
import { readSets, type SetHeld } from './sets.ts'

export interface Job {
  readonly model: string
  readonly what: Erase
  readonly because: Because
  /** False only looks. */
  readonly act: boolean
  /** Progress, for people. */
  readonly note: (line: string) => void
}
/** What was found and, when it was told to act, is gone. */
export interface Found {
  /** Samples in quarantine. */
  readonly rows: number
  /** Samples in admitted objects. */
  readonly admitted: number
  /** Objects that earlier erasures left behind. */
  readonly leftovers: number
  /** Training sets with rows of what is meant in their channels. */
  readonly trainingSets: readonly {
    readonly digest: string
    readonly samples: number
    /** Version that is training with it at this moment: its rows stay until that has ended. */
    readonly training?: number
  }[]
  /** Lines in label requests. */
  readonly requested: number
  /** Label files that name it. They are their owner's, and stay. */
  readonly labelFiles: readonly { readonly key: string; readonly lines: number }[]
  /** Object versions deleted. */
  readonly versions: number
}

/** Whether there is anything to erase. */
export const isEmpty = ({ rows, admitted, leftovers, trainingSets, requested }: Found): boolean =>
  rows + admitted + leftovers + trainingSets.length + requested === 0

/** Rows of two writes each in one transaction, which takes a hundred. */
const ROWS_AT_ONCE = 40

/**
 * Goes through everything of a model. In each place what is left is written first, then recorded, and what is erased
 * is deleted last; each part is found again by a second run, whatever the first came to.
 * @throws Error when an erased object would not account for a training set; nothing of it is deleted then
 */
export async function walk(ports: ErasePorts, job: Job): Promise<Found> {
  let versions = 0
  const remove = async ({ key, versions: of, markers }: Kept): Promise<void> => {
    if (!job.act) return
    await ports.artefacts.remove(key, [...of.map(v => v.id), ...markers])
    versions += of.length
  }
  // The sources first: what comes after is not fed from them any more.
  const rows = await eraseRows(ports, job)
  const sets = await readSets(ports.artefacts, job)
  const { admitted, leftovers } = await eraseAdmitted(ports, job, sets, remove)
  const trainingSets = await eraseChannels(ports, job, sets, remove)
  const requests = await eraseRequests(ports.artefacts, job)
  const labelFiles = await namedInLabels(ports.drops, job)
  versions += requests.versions
  return { rows, admitted, leftovers, trainingSets, requested: requests.lines, labelFiles, versions }
}

async function eraseRows(
  { store, quarantine }: ErasePorts,
  { model, what, because, act, note }: Job,
): Promise<number> {
  const { pk } = keys.sample(model, '', '')
  const is = isMeant(what)
  let [found, seen] = [0, 0]
  for await (const page of quarantine.pages<SampleRow>(pk, 'sample' in what ? `${what.sample}#` : '')) {
    const rows = page.map(r => r.data).filter(is)
    found += rows.length
    for (let at = 0; act && at < rows.length; at += ROWS_AT_ONCE) {
      const part = rows.slice(at, at + ROWS_AT_ONCE)
      // A review names a sample, and is found by its row alone: so it goes first.
      await store.commit(part.map(row => ({ kind: 'remove', key: keys.review(model, row.eventId) })))
      await quarantine.commit(quarantineWrites(part, what, because))
    }
    if (Math.floor((seen + page.length) / 10_000) > Math.floor(seen / 10_000))
      note(`quarantine: ${seen + page.length} samples looked at, ${found} of them meant`)
    seen += page.length
  }
  return found
}

/** Training sets whose samples are meant: the channels that hold rows of them. */
async function eraseChannels(
  { store }: ErasePorts,
  { model }: Job,
  sets: ReadonlyMap<string, SetHeld>,
  remove: (kept: Kept) => Promise<void>,
): Promise<Found['trainingSets']> {
  const held = [...sets.values()].filter(set => set.meant > 0 && set.channels.length > 0)
  if (held.length === 0) return []
  const rows = await store.query<VersionRow>(keys.model(model).pk, 'VERSION#')
  const training = new Map(
    rows
      .filter(({ data }) => data.status === 'REQUESTED' || data.status === 'TRAINING')
      .map(({ data }) => [data.trainingSetDigest ?? '', data.version]),
  )
  const found: Found['trainingSets'][number][] = []
  for (const { digest, meant: samples, channels } of held) {
    const version = training.get(digest)
    found.push({ digest, samples, ...(version === undefined ? {} : { training: version }) })
    if (version === undefined) for (const kept of channels) await remove(kept)
  }
  return found
}
