/**
 * The real handlers as Lambda runs them: many at a time, each of their reads and effects a step of its own, ended at any
 * of them, and fed by queues and a bus that deliver at least once and in any order.
 */
import type { DomainEvent } from '../../../src/contracts/envelope.ts'
import { EdgeloopError, isRetryable } from '../../../src/domain/errors.ts'
import { outboxRows } from '../../../src/domain/outbox.ts'
import type { Cause, Store, Write } from '../../../src/domain/store.ts'
import { asDelivered, checkTargets, queued, targets } from '../../loop/chain.ts'
import { makeHandlers } from '../../loop/handlers.ts'
import type { World } from '../../loop/world.ts'
import type { Broker } from './broker.ts'

/** Where work comes from says what becomes of it when it fails: a caller who waits sees it fail, all else comes again. */
export interface Job {
  readonly handler: string
  readonly event: unknown
  readonly from: 'stream' | 'bus' | 'queue' | 'rule' | 'caller'
  readonly attempt: number
  readonly done?: (result: unknown) => void
}
export interface Run {
  readonly job: Job
  /** Its process ends right after so many effects. */
  readonly crashAfter: number
  effects: number
  /** Steps that may go on. */
  readonly waiting: (() => void)[]
  over: boolean
}

const MAX_ATTEMPTS = 40
/** As serverless.yml sets it for events: then the event goes to the queue of what was not delivered. */
const MAX_INVOCATIONS = 3
/** What takes part here; the rest of the loop has nothing to do with rollouts. */
const TAKES_PART = ['plan-rollout', 'advance-rollout', 'publish-trust']

export interface BackendWatch {
  /** A step of a handler takes its time. */
  stepped(): void
  committed(writes: readonly Write[]): void
  fault(text: string): void
}

export class Backend {
  readonly world: World
  jobs: Job[] = []
  readonly runs = new Set<Run>()
  /** Whether every step waits to be let on; else a run that was started goes through. */
  interleaved = false
  /** Events that their function could not take in three attempts, for a person to look at. */
  readonly undelivered: Job[] = []
  /** Codes that handlers logged. */
  readonly logs = new Map<string, number>()
  private readonly broker: Broker
  private readonly watch: BackendWatch
  private base: { key: string; deps: ReturnType<World['deps']> } | undefined
  private ids = 0
  constructor(world: World, broker: Broker, watch: BackendWatch) {
    this.world = world
    this.broker = broker
    this.watch = watch
  }

  submit(handler: string, event: unknown, from: Job['from'], done?: Job['done']): void {
    this.jobs.push({ handler, event, from, attempt: 1, ...(done ? { done } : {}) })
  }
  /** A message of a device, as the rule of its kind hands it on. */
  ingress(thing: string, kind: string, payload: Uint8Array): void {
    const data = Buffer.from(payload).toString('base64')
    const ingress = { data, thing, kind, client: thing, receivedAt: this.world.time }
    const called = { ask: 'answer-device', blob: 'serve-blob' }[kind]
    const queued = { hello: 'ingest-reports', report: 'ingest-reports', metrics: 'ingest-metrics' }[kind]
    if (called !== undefined) this.submit(called, ingress, 'rule')
    if (queued !== undefined) this.enqueue(queued, [JSON.stringify(ingress)])
  }
  private enqueue(handler: string, bodies: readonly string[], attempt = 1): void {
    for (const body of bodies) {
      const event = { Records: [{ messageId: `m${this.ids++}`, body }] }
      this.jobs.push({ handler, event, from: 'queue', attempt })
    }
  }
  /** Two deliveries of one queue in one batch. */
  static join(a: Job, b: Job): Job {
    const records = (job: Job) => (job.event as { Records: readonly unknown[] }).Records
    const attempt = Math.max(a.attempt, b.attempt)
    return { ...a, event: { Records: [...records(a), ...records(b)] }, attempt }
  }

  start(job: Job, crashAfter = Number.POSITIVE_INFINITY): Run {
    this.jobs = this.jobs.filter(other => other !== job)
    const run: Run = { job, crashAfter, effects: 0, waiting: [], over: false }
    this.runs.add(run)
    const handler = makeHandlers(this.depsFor(run))[job.handler]
    if (handler === undefined) throw new Error(`there is no handler ${job.handler}`)
    handler(job.event).then(
      result => this.finish(run, result),
      error => this.failed(run, error),
    )
    return run
  }
  /** The process is gone: its steps never go on, and what it was working on comes again. */
  crash(run: Run): void {
    if (run.over) return
    run.over = true
    this.runs.delete(run)
    this.again(run.job)
  }
  private finish(run: Run, result: unknown): void {
    if (run.over) return
    run.over = true
    this.runs.delete(run)
    const failures = (result as { batchItemFailures?: { itemIdentifier: string }[] } | undefined)
      ?.batchItemFailures
    if (run.job.from === 'stream' && (failures?.length ?? 0) > 0) this.again(run.job)
    if (run.job.from === 'queue')
      for (const { itemIdentifier } of failures ?? []) {
        const { Records } = run.job.event as { Records: { messageId: string; body: string }[] }
        const body = Records.find(r => r.messageId === itemIdentifier)?.body
        if (body !== undefined) this.enqueue(run.job.handler, [body], run.job.attempt + 1)
      }
    run.job.done?.(result)
  }
  private failed(run: Run, error: unknown): void {
    if (run.over) return
    run.over = true
    this.runs.delete(run)
    if (!(error instanceof EdgeloopError) || !isRetryable(error))
      this.watch.fault(`${run.job.handler} threw ${(error as Error).stack}`)
    this.again(run.job)
  }
  private again(job: Job): void {
    if (job.from === 'caller') return
    const event = job.from === 'bus' || job.from === 'rule'
    if (event && job.attempt >= MAX_INVOCATIONS) this.undelivered.push(job)
    else if (job.attempt >= MAX_ATTEMPTS) this.watch.fault(`${job.handler} failed ${job.attempt} times`)
    else this.jobs.push({ ...job, attempt: job.attempt + 1 })
  }

  private depsFor(run: Run): ReturnType<World['deps']> {
    const { world } = this
    if (this.base?.key !== world.deploymentKey) this.base = { key: world.deploymentKey, deps: world.deps() }
    const { deps } = this.base
    const step = async <T>(work: () => Promise<T>, effect: boolean): Promise<T> => {
      if (this.interleaved) await new Promise<void>(resolve => run.waiting.push(resolve))
      if (run.over) return new Promise<never>(() => undefined)
      this.watch.stepped()
      const result = await work()
      if (!effect || ++run.effects !== run.crashAfter) return result
      this.crash(run)
      return new Promise<never>(() => undefined)
    }
    const log = (code: string): void => {
      this.logs.set(code, (this.logs.get(code) ?? 0) + 1)
    }
    const { artefacts, bus } = deps
    const link = this.broker.link()
    const store: Store = {
      get: key => step(() => this.store.get(key), false),
      query: (...args) => step(() => this.store.query(...args), false),
      list: (...args) => step(() => this.store.list(...args), false),
      page: (...args) => step(() => this.store.page(...args), false),
      count: pk => step(() => this.store.count(pk), false),
      countListed: listing => step(() => this.store.countListed(listing), false),
      pendingBefore: (...args) => step(() => this.store.pendingBefore(...args), false),
      commit: (...args) => step(() => this.commit(...args), true),
    }
    return {
      ...deps,
      store: store as typeof deps.store,
      log: {
        info: code => log(code) as never,
        warn: code => log(code) as never,
        error: (code, fields) => {
          if ((fields as { retryable?: boolean }).retryable === false || run.job.attempt >= MAX_ATTEMPTS)
            this.watch.fault(`${run.job.handler}: ${code} ${JSON.stringify(fields)}`)
          return log(code) as never
        },
      },
      artefacts: { ...artefacts, range: (...args) => step(() => artefacts.range(...args), false) },
      link: {
        publishManifest: (...args) => step(() => link.publishManifest(...args), true),
        publishBeacon: (...args) => step(() => link.publishBeacon(...args), true),
        publishTrust: chain => step(() => link.publishTrust(chain as never), true),
        answer: (...args) => step(() => link.answer(...(args as Parameters<typeof link.answer>)), true),
        prediction: (...args) => step(() => link.prediction(...args), true),
        block: (...args) => step(() => link.block(...args), true),
      },
      bus: {
        ...bus,
        publish: events =>
          step(async () => {
            for (const { type, detail } of events) this.route(type, detail)
            return []
          }, true),
      },
    }
  }
  private get store() {
    return this.world.state.store
  }

  /** In one transaction, as every handler commits; the stream carries what is new in the outbox. */
  async commit(writes: readonly Write[], events: readonly DomainEvent[] = [], cause?: Cause): Promise<void> {
    await this.store.commit(writes, events, cause)
    for (const write of [...writes, ...outboxRows(events, cause, this.world.now())]) {
      if (write.kind !== 'put' || !write.key.pk.startsWith('OUTBOX#')) continue
      const [pk, sk, data] = [write.key.pk, write.key.sk, JSON.stringify(write.data)]
      const NewImage = { pk: { S: pk }, sk: { S: sk }, data: { S: data } }
      const record = { eventID: pk, dynamodb: { SequenceNumber: String(this.ids++), NewImage } }
      this.submit('publish-outbox', { Records: [record] }, 'stream')
    }
    this.watch.committed(writes)
  }
  private route(type: string, text: string): void {
    const detail = JSON.parse(text) as { metadata: { id: string }; data: { kind?: string } }
    const names = type === 'CheckDue' ? checkTargets[detail.data.kind ?? ''] : targets[type]
    const id = `e-${this.ids++}`
    const time = this.world.now().toISOString()
    const event = asDelivered(type, { id, source: 'edgeloop', 'detail-type': type, time, detail } as {
      id: string
    })
    for (const handler of names ?? [])
      if (TAKES_PART.includes(handler))
        this.submit(handler, event, queued[type] === undefined ? 'bus' : 'queue')
  }
}
