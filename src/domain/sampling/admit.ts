import { ownsEventId } from '../../contracts/event-id.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import type { SampleRow } from '../entities.ts'
import { InputError } from '../errors.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'
import { deviceCap } from './device-cap.ts'
import { firstOfEach, inOrder } from './duplicates.ts'
import { checkRow } from './row.ts'
import type { Revoked } from './standing.ts'

export interface AdmissionFacts {
  /** As it is now: it may have changed since the samples came. */
  readonly config: Pick<ModelConfig, 'features' | 'label' | 'task' | 'fieldSamples'>
  readonly samples: readonly SampleRow[]
  /** Names of the features of a version, in the order of its rows; undefined when there is no such version. */
  readonly featuresOf: (version: number) => readonly string[] | undefined
  readonly revoked: Revoked
  /** Whether a sample is from a time in which its device was off while the fleet was not. */
  readonly troubled: (sample: SampleRow) => boolean
}
export interface Excluded {
  readonly eventId: string
  readonly thing: string
  readonly code: string
}
export type Labelled = SampleRow & { readonly label: number }
export interface Admission {
  /** In the order of their event ids. */
  readonly admitted: readonly Labelled[]
  /** Every other sample with the reason; in the same order. */
  readonly excluded: readonly Excluded[]
  /** Devices that have at least one valid sample. */
  readonly devices: number
  /** Most samples that one device was allowed. */
  readonly cap: number
}

/**
 * Which samples may leave quarantine. Each sample by itself first (lane, label, sender, revocation, schema, ranges),
 * then all together: equal rows count once, for whoever sent them first; too few devices admit nothing; no device
 * gives more than its cap. The result depends on the samples and not on their order, and which ones of a device stay
 * is drawn by a hash over all of them, so that no device can choose.
 */
export function admit(facts: AdmissionFacts): Admission {
  const excluded: Excluded[] = []
  const leaveOut = ({ eventId, thing }: SampleRow, code: string): void => {
    excluded.push({ eventId, thing, code })
  }
  const sound = facts.samples.flatMap(sample => {
    const checked = checkSample(sample, facts)
    if (typeof checked !== 'string') return [checked]
    leaveOut(sample, checked)
    return []
  })
  const distinct = firstOfEach(sound, sample => leaveOut(sample, 'DUPLICATE_ROW'))
  const byDevice = Map.groupBy(distinct, s => s.thing)
  const devices = byDevice.size
  const { minimumDevices, perDeviceShare } = facts.config.fieldSamples
  const cap =
    devices < minimumDevices
      ? 0
      : deviceCap(
          [...byDevice.values()].map(own => own.length),
          perDeviceShare,
        )
  const seed = sha256Hex(distinct.map(contentOf).sort().join())
  const admitted = [...byDevice.values()].flatMap(own => {
    const drawn = own
      .map(sample => ({ sample, rank: sha256Hex(`${seed}\0${contentOf(sample)}`) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    for (const { sample } of drawn.slice(cap))
      leaveOut(sample, devices < minimumDevices ? 'TOO_FEW_DEVICES' : 'DEVICE_CAP')
    return drawn.slice(0, cap).map(d => d.sample)
  })
  return { admitted: admitted.sort(inOrder), excluded: excluded.sort(inOrder), devices, cap }
}

/** The sample with its label under the present classes, or the code for which it stays out. */
function checkSample(
  sample: SampleRow,
  { config, featuresOf, revoked, troubled }: AdmissionFacts,
): Labelled | string {
  // Only the random lane measures and only labels teach; the hard lane would bias the evaluation.
  if (sample.lane !== 'audit') return 'HARD_LANE'
  if (sample.label === undefined) return 'UNLABELLED'
  if (!ownsEventId(sample.thing, sample.eventId, sha256Hex)) return 'FOREIGN_EVENT_ID'
  if (revoked(sample.thing, sample.receivedAt)) return 'DEVICE_REVOKED'
  if (troubled(sample)) return 'DEVICE_DRIFT'
  const names = config.features.map(f => f.name).join()
  if (featuresOf(sample.version)?.join() !== names) return 'FEATURES_CHANGED'
  const label = labelOf(sample, config)
  if (label === undefined) return config.task === 'regression' ? 'NOT_A_NUMBER' : 'UNKNOWN_CLASS'
  try {
    checkRow(sample.row, config, 'row')
  } catch (error) {
    if (error instanceof InputError) return error.reason
    throw error
  }
  return { ...sample, label }
}

function labelOf(
  { label, labelClass }: SampleRow,
  { task, label: { classes } }: AdmissionFacts['config'],
): number | undefined {
  if (task === 'regression') return Number.isFinite(label) ? label : undefined
  const index = labelClass === undefined ? -1 : classes.indexOf(labelClass)
  return index < 0 ? undefined : index
}

const contentOf = ({ eventId, thing, row, label }: Labelled): string =>
  sha256Hex(canonicalJson([eventId, thing, row, label]))

export const countCodes = (excluded: readonly Excluded[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(excluded, e => e.code)]
      .map(([code, of]) => [code, of.length] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
