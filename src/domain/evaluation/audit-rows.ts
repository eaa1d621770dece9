import type { AdmittedSample } from '../../contracts/admitted-samples.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import { partOf, rowText } from '../dataset/split.ts'
import { admittedRows } from '../sampling/admitted.ts'
import { deviceCap } from '../sampling/device-cap.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'
import type { EvaluationRows } from './lines.ts'

/**
 * Audit rows that judge: of what was admitted, those whose label came after the champion's release and that the split
 * holds out. The split is by a hash of row and label and the same in every version, so neither this challenger nor the
 * champion was trained on any of them, and no equal row was either. Weighted by 1/π, and capped per device once more:
 * the cap at admission is of all rows, and a device can choose values that fall into this part.
 * @param since release of the champion; empty: there is none
 */
export function auditRows(
  { training: { split }, fieldSamples }: Pick<ModelConfig, 'training' | 'fieldSamples'>,
  admitted: readonly AdmittedSample[],
  since: string,
): EvaluationRows {
  const rows = admittedRows(admitted)
  const heldOut = admitted.filter(
    ({ labelledAt = '' }, i) =>
      labelledAt > since &&
      partOf(rowText(rows.features[i] as readonly number[], rows.labels[i] as number), split) === 'holdout',
  )
  const judging = capped(equallyLikely(heldOut), fieldSamples.perDeviceShare)
  return { ...admittedRows(judging), things: judging.map(s => s.thing) }
}

/**
 * As if all had been drawn with one inclusion probability: a row drawn with π stays with probability base/π, by a hash
 * of its id. The rows that stay need no weights, so that exact bounds hold for them. π is a device's word, so the base is
 * not the smallest of all but the smallest after a quarter of the devices: claiming less gives a device no weight.
 */
export function equallyLikely(samples: readonly AdmittedSample[]): AdmittedSample[] {
  const smallest = [...Map.groupBy(samples, s => s.thing).values()]
    .map(own => Math.min(...own.map(s => s.pi ?? 1)))
    .sort((a, b) => a - b)
  const base = smallest[Math.floor(smallest.length / 4)] ?? 1
  return samples.filter(s => drawn(s) * (s.pi ?? 1) < base)
}
const drawn = ({ eventId, thing }: AdmittedSample): number =>
  Number.parseInt(sha256Hex(`weight\0${eventId}\0${thing}`).slice(0, 12), 16) / 2 ** 48

function capped(samples: readonly AdmittedSample[], share: number): AdmittedSample[] {
  const byDevice = [...Map.groupBy(samples, s => s.thing).values()]
  const cap = deviceCap(
    byDevice.map(own => own.length),
    share,
  )
  return byDevice.flatMap(own =>
    own
      .map(sample => ({ sample, rank: sha256Hex(`gate\0${canonicalJson(sample)}`) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .slice(0, cap)
      .map(({ sample }) => sample),
  )
}
