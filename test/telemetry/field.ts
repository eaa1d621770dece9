/** A field in memory: device messages go through ingest-metrics, the clock and archive-windows; objects come out. */
import { type DeviceWindowRow, keys } from '../../src/domain/entities.ts'
import type { Archive, Core } from '../../src/domain/ports.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'
import { archiveWindows } from '../../src/handlers/archive-windows.ts'
import { ingestMetrics } from '../../src/handlers/ingest-metrics.ts'
import { reconcile } from '../../src/handlers/reconcile.ts'
import { MemoryStore } from '../loop/memory-store.ts'

export const MODEL = 'demo'
export const WINDOW_SECONDS = 3_600
const BUNDLES = { 1: sha256Hex('bundle 1'), 2: sha256Hex('bundle 2') } as const
export const BINS = { temperature: 4, humidity: 3, prediction: 3 } as const
/** Window that begins at a UTC time. */
export const windowAt = (iso: string): number => Date.parse(iso) / 1000 / WINDOW_SECONDS

export interface Message {
  readonly thing: string
  readonly epoch: number
  readonly seq: number
  readonly window: number
  readonly version?: 1 | 2
  readonly temperature: readonly number[]
  readonly humidity: readonly number[]
  readonly prediction: readonly number[]
  readonly latency?: Readonly<Record<string, number>>
  readonly confidence?: number
  readonly errors?: number
  readonly resets?: number
  readonly historical?: boolean
  /** Device time, ms since 1970. */
  readonly sentAt?: number
}

export interface BusRecord {
  readonly type: string
  readonly data: {
    readonly model: string
    readonly version: number
    readonly window: number
    readonly reported: number
  }
}

export class Field {
  time = Date.parse('2026-03-05T00:00:00Z')
  readonly store = new MemoryStore(() => new Date(this.time))
  readonly objects = new Map<string, Uint8Array>()
  readonly logs: string[] = []
  readonly core: Core = {
    store: this.store,
    now: () => new Date(this.time),
    log: {
      info: code => void this.logs.push(code),
      warn: code => void this.logs.push(code),
      error: (code, fields) => void this.logs.push(`${code} ${JSON.stringify(fields)}`),
    },
    count: () => {},
    measure: () => {},
  }
  readonly archive: Archive = {
    replace: async (key, bytes) => void this.objects.set(key, bytes),
  }
  private ids = 0

  /** A model with two versions, and `running` devices that say they run the first. */
  static async with(running = 0): Promise<Field> {
    const field = new Field()
    const monitoring = {
      windowSeconds: WINDOW_SECONDS,
      graceSeconds: 600,
      falseAlarmRate: 0.01,
      tolerance: 0.1,
      minDevices: 2,
    }
    const config = { name: MODEL, monitoring }
    const put = (key: { pk: string; sk: string }, data: unknown) =>
      ({ kind: 'put', key, data, expect: 'any' }) as const
    const { temperature, humidity, prediction } = BINS
    await field.store.commit([
      put(keys.model(MODEL), { config }),
      ...([1, 2] as const).flatMap(version => [
        put(keys.version(MODEL, version), { model: MODEL, version, config, status: 'PACKAGED' }),
        put(keys.bundle(BUNDLES[version]), {
          ...{ model: MODEL, version, hardware: 'gateway', fleet: 'lab', slot: 'main' },
          ...{ featureBins: { temperature, humidity }, predictionBins: prediction },
        }),
      ]),
    ])
    for (let i = 0; i < running; i++)
      await field.store.commit([put(keys.running(MODEL, 1, `running-${i}`), {})])
    return field
  }

  /** One batch of the metrics queue. */
  async receive(messages: readonly Message[]): Promise<void> {
    const Records = messages.map(m => ({ messageId: `m${this.ids++}`, body: ingress(m, this.time) }))
    const { batchItemFailures } = await ingestMetrics(this.core)({ Records })
    if (batchItemFailures.length > 0) throw new Error(`ingest-metrics failed: ${this.logs.at(-1)}`)
  }
  /** The minute's tick: what is overdue is closed or amended. */
  tick = (): Promise<void> => reconcile(this.core)()

  events(type?: string): BusRecord[] {
    return [...this.store.rows.values()]
      .filter(r => r.key.pk.startsWith('OUTBOX#'))
      .map(r => JSON.parse(r.data) as { type: string; detail: string })
      .map(({ type: of, detail }) => ({ type: of, data: JSON.parse(detail).data }))
      .filter(e => (type === undefined ? e.type.startsWith('Window') : e.type === type))
  }
  /** Hands an event to archive-windows. */
  deliver = (event: BusRecord, archive = this.archive): Promise<void> =>
    archiveWindows({ ...this.core, archive })(asDetail(event))
  async archiveAll(): Promise<void> {
    for (const event of this.events()) await this.deliver(event)
  }
  parts(version: number, window: number): DeviceWindowRow[] {
    const { pk } = keys.window(MODEL, version, window)
    return [...this.store.rows.values()]
      .filter(r => r.key.pk === pk && r.key.sk.startsWith('DEVICE#'))
      .map(r => JSON.parse(r.data) as DeviceWindowRow)
  }
}

const asDetail = ({ type, data }: BusRecord): unknown => ({
  ...{ id: 'e', source: 'edgeloop', 'detail-type': type, time: '2026-03-05T00:00:00Z' },
  detail: {
    metadata: {
      id: 'x',
      type,
      version: 1,
      occurredAt: '2026-03-05T00:00:00.000Z',
      correlationId: 'x',
      generation: 0,
    },
    data,
  },
})

/** What the IoT rule puts into the queue. */
function ingress(message: Message, receivedAt: number): string {
  const { thing, epoch, seq, version = 1, window, temperature, humidity, prediction } = message
  const inferences = prediction.reduce((a, b) => a + b, 0)
  const { latency = { 40: inferences }, confidence = 0, errors = 0, resets = 0, historical = false } = message
  const { sentAt = (window + 1) * WINDOW_SECONDS * 1000 + seq } = message
  const uplink = {
    ...{ v: 1, thing, epoch, seq, t: sentAt, kind: 'metrics' },
    body: {
      ...{ slot: 'main', bundle: BUNDLES[version], window, inferences, features: { temperature, humidity } },
      ...{ prediction, latency, confidence, errors, resets, historical },
    },
  }
  const data = Buffer.from(JSON.stringify(uplink)).toString('base64')
  return JSON.stringify({ data, thing, kind: 'metrics', client: thing, receivedAt })
}
