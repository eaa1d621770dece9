import type { Baseline, Binned } from '../../contracts/packages.ts'
import type { DeviceWindowRow } from '../entities.ts'
import { addDeviceWindow, type DeviceCounts, type DeviceFinding, GENERATION } from './devices.ts'
import { amendWindow, FRESH, type Judged, judgeWindow } from './judge.ts'
import { type Scope, scopeOf } from './scope.ts'
import type { MonitorState } from './state.ts'
import type { Counts } from './stats/counts.ts'
import { type Reference, referenceOf } from './stats/reference.ts'
import { DRIFT_POLICY, type DriftPolicy } from './verdict.ts'
import { mergeByDevice } from './windows.ts'

export interface EvaluationInput {
  readonly window: number
  readonly baseline: Baseline
  /** Every message about the window. */
  readonly parts: readonly Pick<DeviceWindowRow, 'thing' | 'features' | 'prediction' | 'confidenceCounts'>[]
  readonly before: MonitorState
  readonly policy: DriftPolicy
  /** Of episode ids. */
  readonly prefix: string
  /** The window was judged before. */
  readonly again: boolean
}
/** What a window says of one quantity, of the fleet and of its devices. */
export interface Judgement extends Judged {
  readonly scope: Scope
}
export interface Evaluation {
  readonly after: MonitorState
  /** The prediction first, then its confidence where devices count it, then the features in their order. */
  readonly judgements: readonly Judgement[]
}

type Part = EvaluationInput['parts'][number]
interface Watched extends Binned {
  /** Under which it is kept: a feature may have any name but these. */
  readonly key: string
  readonly countsOf: (part: Part) => Counts | undefined
}
/** What comes out of a model before what goes in: it shows most shifts first (Rabanser et al., 2019). */
const quantitiesOf = ({ prediction, confidence, features }: Baseline): readonly Watched[] => [
  { ...prediction, key: '#prediction', countsOf: part => part.prediction },
  ...(confidence
    ? [{ ...confidence, key: '#confidence', countsOf: (part: Part) => part.confidenceCounts }]
    : []),
  ...features.map(f => ({ ...f, key: f.name, countsOf: (part: Part) => part.features[f.name] })),
]
/** As people know it. */
export const nameOf = (key: string): string => key.replace(/^#/, '')

/** One window of one model version: pure, so that the same windows give the same state. */
export function evaluate(input: EvaluationInput): Evaluation {
  const { window, baseline, parts, before, policy, prefix, again } = input
  const merged = mergeByDevice(parts)
  const quantities = quantitiesOf(baseline).map(({ key, p0, spread, countsOf }) => {
    const reference = referenceOf(p0, baseline.rows, spread?.rho ?? 0)
    const byDevice = merged.flatMap(part => {
      const counts = countsOf(part)
      return counts === undefined ? [] : [{ thing: part.thing, counts }]
    })
    return { name: key, reference, byDevice }
  })
  const asked = quantities.map(({ name, reference, byDevice }) => ({
    ...{ name, reference, before: before.quantities[name] ?? FRESH },
    devices: byDevice.map(d => d.counts),
  }))
  const judged = again ? amendWindow(window, asked, policy) : judgeWindow(window, asked, prefix, policy)
  const devices = again ? before.devices : withWindow(before.devices, window, quantities)
  return {
    after: {
      // A quantity that is watched no longer is forgotten.
      quantities: Object.fromEntries(judged.map(({ name, after }) => [name, after])),
      devices,
    },
    judgements: judged.map((judgement, i) => ({
      ...judgement,
      scope: scopeAmong(devices, quantities[i]!, judgement, policy),
    })),
  }
}

type Devices = MonitorState['devices']
interface Quantity {
  readonly name: string
  readonly reference: Reference
  readonly byDevice: readonly { readonly thing: string; readonly counts: Counts }[]
}

/** Devices that said nothing for two generations are forgotten: what is kept of them is over. */
function withWindow(before: Devices, window: number, quantities: readonly Quantity[]): Devices {
  const oldest = Math.floor(window / GENERATION) - 1
  const devices = new Map<string, Readonly<Record<string, DeviceCounts>>>(
    Object.entries(before).filter(([, of]) => Object.values(of).some(c => c.generation >= oldest)),
  )
  for (const { name, byDevice } of quantities)
    for (const { thing, counts } of byDevice) {
      const of = devices.get(thing)
      devices.set(thing, { ...of, [name]: addDeviceWindow(of?.[name], window, counts) })
    }
  return Object.fromEntries(devices)
}

const NONE: Scope = { kind: 'none', devices: [], share: 0, rest: 0 }

function scopeAmong(
  devices: Devices,
  { name, reference }: Quantity,
  { verdict, after }: Judged,
  policy: DriftPolicy,
): Scope {
  const { minDevices, tolerance } = { ...DRIFT_POLICY, ...policy }
  const known = Object.entries(devices).flatMap(([thing, of]) => {
    const counts = of[name]
    return counts === undefined || counts.current.length !== reference.p0.length ? [] : [{ thing, counts }]
  })
  // How devices usually differ is known from devices.
  if (known.length < minDevices) return NONE
  const drifts = verdict.state === 'drift' || after.episode.open !== undefined
  return scopeOf(drifts, known, reference, { tolerance })
}

export const flagged = ({ kind, devices }: Scope): readonly DeviceFinding[] =>
  kind === 'device' ? devices.filter(d => d.flagged) : []
