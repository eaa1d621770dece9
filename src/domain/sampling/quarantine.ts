import type { ModelConfig } from '../../contracts/model-config.ts'
import { keys, type MonitorRow, type SampleRow, type VersionRow } from '../entities.ts'
import { inProblem } from '../monitoring/problems.ts'
import type { Core } from '../ports.ts'
import type { Store, Write } from '../store.ts'
import { type Admission, admit } from './admit.ts'
import { revocations } from './standing.ts'

/** The second table: samples as they came, and the labels that were attached to them. No events start from it. */
export interface Quarantine {
  readonly get: Store['get']
  readonly query: Store['query']
  readonly page: Store['page']
  /** As the state table's, without events. */
  commit(writes: readonly Write[]): Promise<void>
}
export interface WithQuarantine extends Core {
  readonly quarantine: Quarantine
}

const KEEP_DAYS = 365
/** Seconds since 1970 after which a sample may go. */
export const sampleTtl = ({ receivedAt }: Pick<SampleRow, 'receivedAt'>): number =>
  Math.floor(Date.parse(receivedAt) / 1000) + KEEP_DAYS * 86_400

export const samplesOf = async ({ quarantine }: WithQuarantine, model: string): Promise<SampleRow[]> =>
  (await quarantine.query<SampleRow>(keys.sample(model, '', '').pk)).map(r => r.data)

/** Devices with a problem of their own, as each version's monitoring found them. */
async function troubles(
  { store }: Core,
  { name, monitoring }: ModelConfig,
  samples: readonly SampleRow[],
): Promise<(sample: SampleRow) => boolean> {
  const versions = [...new Set(samples.map(s => s.version))]
  const rows = await Promise.all(versions.map(v => store.get<MonitorRow>(keys.monitor(name, v))))
  const problems = new Map(versions.map((v, i) => [v, rows[i]?.data.problems ?? []]))
  return ({ version, thing, capturedAt }) =>
    inProblem(problems.get(version) ?? [], { thing, at: Date.parse(capturedAt) }, monitoring.windowSeconds)
}

/** What would be admitted now. decide-retrain asks beforehand, admit-samples does it: both by the same rules. */
export async function admissible(
  deps: WithQuarantine,
  config: ModelConfig,
  versions: readonly VersionRow[],
): Promise<{ readonly samples: readonly SampleRow[]; readonly admission: Admission }> {
  const samples = await samplesOf(deps, config.name)
  const labelled = samples.filter(s => s.label !== undefined)
  const revoked = await revocations(
    deps,
    labelled.map(s => s.thing),
  )
  const features = new Map(versions.map(v => [v.version, v.config.features.map(f => f.name)]))
  const admission = admit({
    config,
    samples,
    featuresOf: version => features.get(version),
    revoked,
    troubled: await troubles(deps, config, labelled),
  })
  return { samples, admission }
}
