import type { AdmittedSample, AdmittedSamples } from '../../contracts/admitted-samples.ts'
import type { ErasedSamples, Tombstone } from '../../contracts/erased-samples.ts'
import { type ErasingRow, type Erasure, keys, type SampleRow } from '../entities.ts'
import { InputError } from '../errors.ts'
import { eventIdDigest, tombstonePut } from '../sampling/erased.ts'
import type { Write } from '../store.ts'
import type { Channel } from '../training/assemble.ts'
import { canonicalJson, sha256Hex, type TrainingSet } from '../training/plan.ts'

/** Everything of a device, or one sample. */
export type Erase = ErasingRow['what']
/** When (ISO), and why, in words that name nobody. */
export type Because = Pick<ErasingRow, 'erasedAt' | 'reason'>
type Named = Pick<AdmittedSample, 'eventId' | 'thing'>

/** Rows of drops are in `holdout` alone, and stay: packages are signed with them. */
export const CHANNELS_WITH_FIELD_ROWS: readonly Channel[] = ['train', 'validation', 'field']

/** Whether a sample is among those to erase. */
export const isMeant =
  (what: Erase) =>
  ({ eventId, thing }: Named): boolean =>
    'device' in what ? thing === what.device : eventId === what.sample

/** As a training set's manifest has it. */
export const sampleDigest = ({ row, label }: Pick<AdmittedSample, 'row' | 'label'>): string =>
  sha256Hex(canonicalJson([row, label]))

/** Rows of the quarantine table that go, labels with them, and the tombstones in their place: two writes each at most. */
export function quarantineWrites(rows: readonly SampleRow[], what: Erase, because: Because): Write[] {
  const { erasedAt, reason } = because
  const meant = rows.filter(isMeant(what))
  const tombstones = new Map(
    meant.map(({ model, eventId, version }) => [
      `${model} ${eventId}`,
      tombstonePut(model, eventId, { erasedAt, reason, version }),
    ]),
  )
  return [
    ...meant.map(
      ({ model, eventId, thing }): Write => ({ kind: 'remove', key: keys.sample(model, eventId, thing) }),
    ),
    // One for an id under which two devices sent: a transaction writes an item once.
    ...tombstones.values(),
  ]
}

/**
 * An admitted object without what is erased: a tombstone for each sample in place of its values and names. The digest
 * of the original stays in it, since training sets name it. Undefined when nothing in it is meant. Erasing again keeps
 * the tombstones that are there.
 * @throws InputError when the reason is empty
 */
export function eraseFromAdmitted(
  document: AdmittedSamples | ErasedSamples,
  originalDigest: string,
  what: Erase,
  { erasedAt, reason }: Because,
): ErasedSamples | undefined {
  if (reason.trim() === '') throw new InputError('NO_REASON', 'reason: say why it is erased', 'reason')
  const is = isMeant(what)
  const gone = document.samples.filter(is)
  if (gone.length === 0) return undefined
  const before = 'tombstones' in document ? document.tombstones : []
  const fresh = gone.map(
    (s): Tombstone => ({ eventId: eventIdDigest(s.eventId), digest: sampleDigest(s), erasedAt, reason }),
  )
  const { model, features, classes } = document
  return {
    ...{ model, features, classes, original: originalDigest },
    samples: document.samples.filter(s => !is(s)),
    tombstones: [...before, ...fresh].sort((a, b) => (a.eventId < b.eventId ? -1 : 1)),
  }
}

/** Tombstones by when and why, the oldest first. */
export const erasuresIn = (tombstones: readonly Tombstone[]): Erasure[] =>
  [...Map.groupBy(tombstones, t => `${t.erasedAt} ${t.reason}`).values()]
    .flatMap(([first, ...more]) =>
      first === undefined
        ? []
        : [{ erasedAt: first.erasedAt, reason: first.reason, samples: 1 + more.length }],
    )
    .sort((a, b) => (a.erasedAt < b.erasedAt ? -1 : a.erasedAt > b.erasedAt ? 1 : 0))

/** What was erased of the samples that a training set names. */
export function erasuresOf(set: TrainingSet, { tombstones }: ErasedSamples): Erasure[] {
  const named = new Set(set.samples.map(s => `${eventIdDigest(s.eventId)}#${s.digest}`))
  return erasuresIn(tombstones.filter(t => named.has(`${t.eventId}#${t.digest}`)))
}

/**
 * Whether an erased object still accounts for a training set: every sample that its manifest names is there with the
 * same values, or has a tombstone with the digest that the manifest has for it.
 * @returns what does not fit; empty when all of it does
 */
export function accountFor(set: TrainingSet, { samples, tombstones, original }: ErasedSamples): string[] {
  const faults = set.admitted === original ? [] : [`the training set is not of ${original}`]
  const alive = new Map(samples.map(s => [`${s.eventId}#${s.thing}`, sampleDigest(s)]))
  const dead = new Set(tombstones.map(t => `${t.eventId}#${t.digest}`))
  for (const { eventId, thing, digest } of set.samples) {
    const found = alive.get(`${eventId}#${thing}`)
    if (found === undefined) {
      if (!dead.has(`${eventIdDigest(eventId)}#${digest}`))
        faults.push(`${eventId}: neither there nor erased`)
    } else if (found !== digest) faults.push(`${eventId}: its values are not those that were trained on`)
  }
  return faults
}

/**
 * A label request without the lines of what is erased. Undefined when no line is meant; a line that is no JSON is
 * nobody's and stays.
 */
export function eraseFromRequest(
  text: string,
  what: Erase,
): { readonly rest: string; readonly lines: number } | undefined {
  const is = isMeant(what)
  const all = text.split('\n')
  const kept = all.filter(line => {
    const named = namedIn(line)
    return named === undefined || !is(named)
  })
  return kept.length === all.length ? undefined : { rest: kept.join('\n'), lines: all.length - kept.length }
}

function namedIn(line: string): Named | undefined {
  try {
    const { eventId, thing } = JSON.parse(line) as Partial<Named>
    return typeof eventId === 'string' && typeof thing === 'string' ? { eventId, thing } : undefined
  } catch {
    return undefined
  }
}
