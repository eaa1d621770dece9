import type { RetrainPolicy } from '../../contracts/retrain-policy.ts'
import { keys, type ModelRow, type VersionRow } from '../entities.ts'
import type { Store } from '../store.ts'

/** Versions that are read for a month's account: above the largest `trainingsPerMonth`. */
const READ = 256

/** Trainings of one calendar month (UTC), with what was approved and is still on its way. */
export interface MonthFacts {
  /** `2026-11` */
  readonly month: string
  readonly trainings: number
  /** False: there may be more than were read. */
  readonly complete: boolean
  /** Most that they cost, in the budget's currency; absent without prices. */
  readonly cost?: number
  /** Most that another one may cost. */
  readonly next?: number
  /** Instance types that were used, or would be, and have no price. */
  readonly unpriced: readonly string[]
}

/** The newest versions, newest first, read at a bounded cost. */
export const newestVersions = async (store: Pick<Store, 'query'>, model: string): Promise<VersionRow[]> =>
  (await store.query<VersionRow>(keys.model(model).pk, 'VERSION#', { newestFirst: true, limit: READ })).map(
    r => r.data,
  )

/**
 * The month's account. A training costs its price per hour times the time from its request to its evaluation, at most
 * `maxRuntimeSeconds`; one that failed or is running counts with all of that, so the sum is never too low. SageMaker
 * bills less: only the seconds in which the job ran.
 * @param newest versions, newest first
 */
export function monthOf(
  newest: readonly VersionRow[],
  { config, retraining }: Pick<ModelRow, 'config' | 'retraining'>,
  budget: RetrainPolicy['budget'],
  now: Date,
): MonthFacts {
  const month = now.toISOString().slice(0, 7)
  const own = newest.slice(0, READ).filter(v => v.origin === 'training' && v.requestedAt.startsWith(month))
  const onTheWay = retraining?.since.startsWith(month) ? 1 : 0
  const complete = newest.length < READ || !newest.at(-1)?.requestedAt.startsWith(month)
  const trainings = own.length + onTheWay
  if (budget?.costPerMonth === undefined) return { month, trainings, complete, unpriced: [] }
  const types = [config.training.instanceType, ...own.map(v => v.config.training.instanceType)]
  const unpriced = [...new Set(types)].filter(type => budget.pricePerHour[type] === undefined).sort()
  const price = (type: string, seconds: number): number =>
    ((budget.pricePerHour[type] ?? 0) * seconds) / 3_600
  const { instanceType, maxRuntimeSeconds } = config.training
  const next = price(instanceType, maxRuntimeSeconds)
  const spent = own.reduce((sum, v) => sum + price(v.config.training.instanceType, seconds(v)), 0)
  return { month, trainings, complete, cost: spent + onTheWay * next, next, unpriced }
}

function seconds(version: VersionRow): number {
  const most = version.config.training.maxRuntimeSeconds
  if (!('evaluatedAt' in version) || version.evaluatedAt === undefined) return most
  return Math.min(most, (Date.parse(version.evaluatedAt) - Date.parse(version.requestedAt)) / 1000)
}
