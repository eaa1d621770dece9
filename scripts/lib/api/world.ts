/**
 * A small fleet with something of everything that the operators' API speaks of, made by the loop itself: the cold-chain
 * example with a dozen devices, a version that every device runs, windows, drift, samples that wait for labels, a
 * refused drop, and a second version whose rollout waits for a person.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { parse, stringify } from 'yaml'
import { startField } from '../../../device/field.ts'
import { load } from '../../../examples/cold-chain/example.ts'
import type { Example, FieldPhase } from '../../../examples/example.ts'
import type { Cloud } from '../../../local/cloud.ts'
import { scopes } from '../../../src/contracts/scopes.ts'
import { replay } from '../../story/replay.ts'
import { type Watch, watch } from '../../story/watch.ts'
import { ceremonyStack, firstRoot } from '../ceremony.ts'
import { enrolFleet } from '../enrol.ts'
import { type LocalOptions, mintToken, startEdgeloop } from '../local-cloud.ts'
import { s3Client, stackNames } from '../stack.ts'

const DEVICES = 12
const PATIENCE = 120
const WINDOWS = 2
const ROWS_PER_TICK = 3
/** No divisor of any number of rows: steps of it come to every row. */
const STRIDE = 7_919

export interface Sent {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}
export interface ApiWorld {
  readonly cloud: Cloud
  readonly bus: Watch
  /** A token of this person with every scope. */
  token(sub: string): Promise<string>
  /** Sends a request as this person. `body`: undefined for none; `key`: its Idempotency-Key. */
  send(sub: string, method: string, path: string, body?: unknown, key?: string): Promise<Sent>
  /** Looks again until something is there. */
  eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T>
  close(): Promise<void>
}

/** Takes some 40 s. Rejects with the first step that did not come about, with everything stopped. */
export async function startApiWorld(
  options: Pick<LocalOptions, 'parameters' | 'minuteMs'> = {},
): Promise<ApiWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-api-'))
  const stops: (() => Promise<void> | void)[] = [() => rmSync(dir, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  try {
    const cloud = await startEdgeloop({
      ...{ dir, port: 0, mqttPort: 0, pollSeconds: 0 },
      ...options,
    })
    stops.push(() => cloud.close())
    const bus = watch(cloud)
    stops.push(() => bus.stop())
    const world: ApiWorld = { cloud, bus, ...asking(cloud), close }
    await tell(world, dir, stop => stops.push(stop))
    return world
  } catch (error) {
    await close()
    throw error
  }
}

function asking(cloud: Cloud): Pick<ApiWorld, 'token' | 'send' | 'eventually'> {
  const tokens = new Map<string, Promise<string>>()
  const token: ApiWorld['token'] = sub => {
    const known = tokens.get(sub)
    if (known !== undefined) return known
    const minted = mintToken(cloud, { sub, scope: scopes.join(' '), expiresIn: 12 * 3_600 })
    tokens.set(sub, minted)
    return minted
  }
  return {
    token,
    async send(sub, method, path, body, key) {
      const answer = await fetch(`${cloud.outputs['ApiUrl']}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${await token(sub)}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text) }
    },
    async eventually(what, look) {
      const until = Date.now() + PATIENCE * 1_000
      for (;;) {
        const found = await look()
        if (found !== undefined) return found
        if (Date.now() > until) throw new Error(`${what} did not come within ${PATIENCE} s`)
        await new Promise(resolve => setTimeout(resolve, 200))
      }
    },
  }
}

async function tell(
  { cloud, bus, send, eventually }: ApiWorld,
  dir: string,
  onStop: (stop: () => Promise<void> | void) => void,
): Promise<void> {
  const example = load()
  const { model, fleet, slot, hardware, phases } = example
  const config = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
  const s3 = s3Client(config)
  onStop(() => s3.destroy())
  const drop = (Key: string, Body: Uint8Array | string) =>
    s3.send(new PutObjectCommand({ Bucket: String(cloud.outputs['DropBucketName']), Key, Body }))

  const root = await firstRoot(
    ceremonyStack(config, stackNames('dev', cloud.realm.accountId)),
    join(dir, 'root-keys'),
  )
  const things = Array.from({ length: DEVICES }, (_, i) => `${fleet}-${String(i + 1).padStart(4, '0')}`)
  const field = startField({
    ...{ endpoint: cloud.mqtt, devices: await enrolFleet(cloud, { things, fleet, hardware }) },
    ...{ trustRoot: root.link, fleet, hardware, slots: [slot], storage: 'memory' },
  })
  onStop(() => field.stop())
  await bus.holds('all devices online', PATIENCE, () => field.states().every(s => s.online))

  await drop(`models/${model}/model.yaml`, modelYaml(example))
  await bus.until('ModelConfigured', PATIENCE)
  await drop(`datasets/${model}/without a label.csv`, 'humidity,temperature\n1,2\n')
  await drop(`datasets/${model}/${example.drop.name}`, example.drop.bytes)
  const signed = await bus.until('PackageSigned', PATIENCE)
  await bus.until('RolloutPlanned', PATIENCE)
  const approved = await send('release-manager', 'POST', `/v1/rollouts/${model}-v1/approval`, {
    reason: 'tried out in the depot',
  })
  if (approved.status !== 202) throw new Error(`the approval was answered ${JSON.stringify(approved)}`)
  await bus.until('RolloutCompleted', PATIENCE)
  await bus.holds('version 1 on every device', PATIENCE, () => field.states().every(s => s.version === 1))

  const people = replay(field, slot, mixed(phases[0]), ROWS_PER_TICK)
  onStop(() => people.stop())
  people.start()
  const whole = () => bus.events.filter(e => e.type === 'WindowClosed' && e.data['reported'] === DEVICES)
  await bus.holds('windows of all devices', PATIENCE, () => whole().length >= WINDOWS)
  people.moveTo(mixed(phases[1]))
  await bus.until('LabelsRequested', PATIENCE)
  await eventually('a queue of reviews', async () => {
    const { body } = await send('operator', 'GET', `/v1/reviews?model=${model}&limit=2`)
    return (body as { reviews?: unknown[] }).reviews?.length === 2 ? true : undefined
  })
  await bus.until('RetrainSuppressed', PATIENCE)
  people.stop()
  field.flush()

  const { modelDigest } = bus.events.find(e => e.type === 'ModelVersionRegistered')?.data ?? {}
  const { Body } = await s3.send(
    new GetObjectCommand({
      Bucket: String(cloud.outputs['ArtefactBucketName']),
      Key: `blobs/sha256/${modelDigest}`,
    }),
  )
  await field.stop()
  await drop(`imports/${model}/by-hand.json`, (await Body?.transformToByteArray()) ?? '')
  await bus.until('RolloutPlanned', PATIENCE, d => d['rollout'] !== `${model}-v1`)
  if (signed.data['version'] !== 1) throw new Error('the first package is not that of version 1')
}

/** So few devices would each see a stretch of a day only, and differ from one another more than from the baseline. */
const mixed = ({ name, rows }: FieldPhase): FieldPhase => ({
  name,
  rows: rows.flatMap((_, i) => rows[(i * STRIDE) % rows.length] ?? []),
})

/** The example's own, but that people approve rollouts, and that nothing is retrained. */
function modelYaml({ modelYaml: text }: Example): string {
  const config = parse(Buffer.from(text).toString()) as Record<string, Record<string, unknown>>
  return stringify({
    ...config,
    rollout: { ...config['rollout'], approval: true },
    monitoring: { ...config['monitoring'], windowSeconds: 1, minDevices: 5 },
    retrain: { ...config['retrain'], minLabels: 100_000, budget: { trainingsPerMonth: 1 } },
  })
}
