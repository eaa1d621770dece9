import type { ModelConfig } from '../../contracts/model-config.ts'
import type { SampleRow } from '../entities.ts'
import type { AuditLabels } from './harm.ts'
import type { Stratum } from './stats/weighted-error.ts'

/** A fleet's budget lowers π; what was taken with less than this share of it is left out, with all of its time. */
const LEAST_FACTOR = 0.1
const LABELS = 'labels@'

/** Counters of one sample's stratum. Two digits of π keep the row small however often a budget changes it. */
export function stratumCounters(
  pi: number,
  { labels, errors }: Pick<Stratum, 'labels' | 'errors'>,
): Record<string, number> {
  const near = Number(pi.toPrecision(2))
  return { [`${LABELS}${near}`]: labels, [`errors@${near}`]: errors }
}

/** The smallest π that counts, known from what was said beforehand: by the version and by model.yaml since. */
export const smallestOf = (...configs: readonly Pick<ModelConfig, 'sampling'>[]): number =>
  Math.min(
    ...configs.map(({ sampling: { audit, fleet } }) => audit * (fleet === undefined ? 1 : LEAST_FACTOR)),
  )

/** From the counters alone: about, since π has two digits there. */
export function strataOf(counters: Readonly<Record<string, number>>, smallestPi: number): AuditLabels {
  const strata = Object.entries(counters)
    .filter(([name]) => name.startsWith(LABELS))
    .map(([name, labels]) => {
      const near = name.slice(LABELS.length)
      return { pi: Number(near), labels, errors: counters[`errors@${near}`] ?? 0 }
    })
    .filter(s => s.labels > 0)
  const least = Number(smallestPi.toPrecision(2))
  return { strata: strata.filter(s => s.pi >= least), smallestPi: least }
}

/** From the samples themselves, with what each device has to do with it. */
export function auditLabels(samples: readonly SampleRow[], smallestPi: number): AuditLabels {
  const counted = samples.filter(s => s.lane === 'audit' && s.label !== undefined && s.pi >= smallestPi)
  const tally = (of: readonly SampleRow[]): Pick<Stratum, 'labels' | 'errors'> => ({
    labels: of.length,
    errors: of.filter(s => s.prediction !== s.label).length,
  })
  return {
    strata: [...Map.groupBy(counted, s => s.pi)].map(([pi, of]) => ({ pi, ...tally(of) })),
    smallestPi,
    devices: [...Map.groupBy(counted, s => s.thing).values()].map(tally),
  }
}
