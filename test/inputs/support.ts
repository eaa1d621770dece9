/** The packaged template on the local cloud, and the view that an operator has of what it refuses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Cloud } from '../../local/cloud.ts'
import { ceremonyStack, firstRoot } from '../../scripts/lib/ceremony.ts'
import { operatorToken, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { stackNames } from '../../scripts/lib/stack.ts'
import { tableStore } from '../../src/adapters/table.ts'
import type { RejectionRow } from '../../src/domain/entities.ts'
import type { Quarantine } from '../../src/domain/sampling/quarantine.ts'
import type { Store } from '../../src/domain/store.ts'

type Data = Readonly<Record<string, unknown>>
export interface SeenEvent {
  readonly type: string
  readonly data: Data
}
/** One refusal as an operator finds it: the record of the API and the event on the bus. */
export interface Refusal {
  readonly record: RejectionRow
  readonly event: Data
}
export interface Harness {
  readonly cloud: Cloud
  /** Configuration of an SDK client with the administrator's credentials. */
  readonly client: {
    readonly endpoint: string
    readonly region: string
    readonly credentials: Cloud['credentials']
  }
  readonly store: Store
  readonly quarantine: Quarantine
  readonly events: readonly SeenEvent[]
  drop(key: string, body: string | Uint8Array): Promise<void>
  api(path: string, token?: string): Promise<{ status: number; body: unknown }>
  rejections(): Promise<readonly RejectionRow[]>
  /** Waits for a refusal that fits, in the API and on the bus; fails with what was refused instead. */
  refused(fits: (record: RejectionRow) => boolean): Promise<Refusal>
  event(type: string, fits?: (data: Data) => boolean): Promise<Data>
  /** Messages in queues for what could not be handled, by queue: a refusal must not end there. */
  deadLetters(): Record<string, number>
  close(): Promise<void>
}

const PATIENCE_MS = 30_000

export async function startHarness(): Promise<Harness> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-inputs-'))
  const cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0 })
  const client = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
  const s3 = new S3Client({ ...client, forcePathStyle: true })
  const dynamodb = new DynamoDBClient(client)
  await firstRoot(ceremonyStack(client, stackNames('dev', cloud.realm.accountId)), join(dir, 'root-keys'))
  const token = await operatorToken(cloud)
  const events: SeenEvent[] = []
  cloud.events.onEvent((event, bus) => {
    if (bus === 'default') return
    events.push({ type: String(event['detail-type']), data: (event['detail'] as { data: Data }).data })
  })
  const api: Harness['api'] = async (path, as) => {
    const headers: Record<string, string> = as === undefined ? {} : { authorization: `Bearer ${as}` }
    const answer = await fetch(`${cloud.outputs['ApiUrl']}${path}`, { headers })
    return { status: answer.status, body: await answer.json() }
  }
  const rejections: Harness['rejections'] = async () => {
    const { status, body } = await api('/v1/rejected-inputs?limit=500', token)
    if (status !== 200) throw new Error(`the API answered ${status}: ${JSON.stringify(body)}`)
    return (body as { rejections: RejectionRow[] }).rejections
  }
  return {
    cloud,
    client,
    store: tableStore(String(cloud.outputs['StateTableName']), () => new Date(), dynamodb),
    quarantine: tableStore(String(cloud.outputs['QuarantineTableName']), () => new Date(), dynamodb),
    events,
    async drop(key, body) {
      const Bucket = String(cloud.outputs['DropBucketName'])
      await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: Buffer.from(body as Uint8Array) }))
    },
    api,
    rejections,
    async refused(fits) {
      let seen: readonly RejectionRow[] = []
      const record = await eventually(
        async () => {
          seen = await rejections()
          return seen.find(fits)
        },
        () => `no such refusal; refused were ${JSON.stringify(seen.map(r => [r.subject, r.code, r.field]))}`,
      )
      const event = await eventually(
        async () => events.find(e => e.type === 'InputRejected' && e.data['rejection'] === record.rejection),
        () => `no InputRejected event for ${record.rejection}`,
      )
      return { record, event: event.data }
    },
    async event(type, fits = () => true) {
      const found = await eventually(
        async () => events.find(e => e.type === type && fits(e.data)),
        () => `no ${type}; there were ${JSON.stringify(events)}`,
      )
      return found.data
    },
    deadLetters() {
      const waiting = Object.entries(cloud.resources).flatMap(([id, resource]) => {
        if (!/^(Undelivered|Failures)Queue$|Dead$/.test(id)) return []
        const { visible, inFlight } = cloud.sqs.depth(String(resource.arn))
        return visible + inFlight === 0 ? [] : [[id, visible + inFlight] as const]
      })
      return Object.fromEntries(waiting)
    },
    async close() {
      s3.destroy()
      dynamodb.destroy()
      await cloud.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export async function eventually<T>(
  look: () => Promise<T | undefined>,
  what: () => string,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const until = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > until) throw new Error(what())
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

export const modelYaml = (name: string, more = ''): string => `name: ${name}
fleet: probes
slot: state
task: binary
features:
  - { name: a, min: 0, max: 1000 }
  - { name: b }
label: { column: label, classes: ["0", "1"] }
ignore: [note]
training:
  hyperparameters: { num_round: 4, max_depth: 2, seed: 1 }
evaluation: { metric: auc, floor: 0.6 }
targets:
  - { hardware: board, compile: edgeloop }
selfTestRows: 8
${more}`

/** Rows whose class follows from `a` alone; `salt` makes the bytes another file's. */
export const datasetCsv = (rows = 200, salt = 0): string => {
  const lines = Array.from({ length: rows }, (_, i) => {
    const a = (i * 7 + salt) % 1000
    return `${a},${i % 13},${a > 480 ? 1 : 0}`
  })
  return `a,b,label\n${lines.join('\n')}\n`
}
