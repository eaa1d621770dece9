/** The facts of a run, read back from the operators' API as an operator would. */
import type { FieldState } from '../../device/field.ts'
import type { Cloud } from '../../local/cloud.ts'
import { operatorToken } from '../lib/local-cloud.ts'
import type { StepFact } from './steps.ts'
import type { SeenEvent, Watch } from './watch.ts'

interface ApiVersion {
  readonly version: number
  readonly status: string
  readonly metrics?: Readonly<Record<string, number>>
  readonly modelDigest?: string
  readonly trainingSetDigest?: string
  readonly sources?: readonly { readonly key: string; readonly sha256: string; readonly rows: number }[]
  readonly fieldSamples?: number
  readonly packages?: readonly {
    readonly hardware: string
    readonly package: { readonly sha256: string }
    readonly bundle: { readonly sha256: string }
  }[]
}

export async function askApi<T>(cloud: Cloud, path: string): Promise<T> {
  const answer = await fetch(`${cloud.outputs['ApiUrl']}${path}`, {
    headers: { authorization: `Bearer ${await operatorToken(cloud)}` },
  })
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as T
}

/**
 * Resolves when the bus has brought, of every device, the report that it runs what it runs. A device switches first
 * and reports then; its report goes through a queue, the table and the outbox. Rejects after `seconds`.
 */
export function allReported(
  watch: Pick<Watch, 'events' | 'holds'>,
  states: readonly FieldState[],
  seconds: number,
): Promise<void> {
  const due = new Set(states.filter(s => s.active !== null).map(s => `${s.thing} ${s.active}`))
  let seen = 0
  return watch.holds('the report of every device', seconds, () => {
    for (; seen < watch.events.length; seen++) {
      const { type, data } = watch.events[seen] as SeenEvent
      if (type === 'DeviceReported' && data['outcome'] === 'COMMITTED')
        due.delete(`${data['thing']} ${data['bundle']}`)
    }
    return due.size === 0
  })
}

export async function makeReport(options: {
  readonly cloud: Cloud
  readonly watch: Watch
  readonly example: string
  readonly model: string
  readonly steps: readonly StepFact[]
  readonly states: readonly FieldState[]
  readonly peakMb: number
  readonly closed: boolean
}) {
  const { cloud, watch, model, states } = options
  const { versions } = await askApi<{ versions: ApiVersion[] }>(cloud, `/v1/models/${model}/versions`)
  const packageOf = new Map(
    versions.flatMap(v => (v.packages ?? []).map(p => [p.bundle.sha256, p.package.sha256])),
  )
  const { decisions } = await askApi<{ decisions: unknown[] }>(cloud, '/v1/retrain-decisions')
  const { rejections } = await askApi<{ rejections: unknown[] }>(cloud, '/v1/rejected-inputs')
  return {
    example: options.example,
    closed: options.closed,
    totalMs: options.steps.reduce((sum, s) => sum + s.ms, 0),
    peakMemoryMb: options.peakMb,
    steps: options.steps,
    versions: versions
      .toSorted((a, b) => a.version - b.version)
      .map(v => ({
        version: v.version,
        status: v.status,
        metrics: v.metrics ?? {},
        model: v.modelDigest,
        trainingSet: v.trainingSetDigest,
        datasets: v.sources ?? [],
        fieldSamples: v.fieldSamples ?? 0,
        packages: v.packages ?? [],
      })),
    devices: states.map(s => ({
      thing: s.thing,
      version: s.version,
      bundle: s.active,
      package: s.active === null ? null : (packageOf.get(s.active) ?? null),
      counter: s.counter,
      refused: s.refused,
    })),
    drift: dataOf(watch, 'DriftDetected'),
    /** Errors and labels behind each verdict, its lower bound, and what was accepted at release. */
    harm: dataOf(watch, 'HarmConfirmed'),
    /** Domain events in the order of their coming, ms since the first. */
    timeline: watch.events.map(({ at, type, data }) => ({
      ms: at - (watch.events[0]?.at ?? 0),
      type,
      ...(type === 'DeviceReported'
        ? { thing: data['thing'], bundle: data['bundle'], outcome: data['outcome'] }
        : {}),
    })),
    decisions,
    rejections,
    denials: cloud.denials,
  }
}

const dataOf = (watch: Watch, type: string) => watch.events.filter(e => e.type === type).map(e => e.data)
