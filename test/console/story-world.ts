/**
 * The cold-chain example with a dozen devices, in the local cloud, where a person must let every rollout go on past its
 * canaries. Nothing waits for a browser here; the story makes it go on.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { parse, stringify } from 'yaml'
import { type Field, startField } from '../../device/field.ts'
import { load } from '../../examples/cold-chain/example.ts'
import type { FieldPhase } from '../../examples/example.ts'
import type { Cloud } from '../../local/cloud.ts'
import { ceremonyStack, firstRoot } from '../../scripts/lib/ceremony.ts'
import { enrolFleet } from '../../scripts/lib/enrol.ts'
import { deployLocalConsole, operatorToken, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { makeLocalPeople, type Person } from '../../scripts/lib/people.ts'
import { s3Client, stackNames } from '../../scripts/lib/stack.ts'
import { replay } from '../../scripts/story/replay.ts'
import { type Watch, watch } from '../../scripts/story/watch.ts'
import { build } from './built.ts'

const DEVICES = 12
const PATIENCE = 90
/** No divisor of any number of rows: steps of it come to every row. */
const STRIDE = 7_919

export interface StoryWorld {
  readonly cloud: Cloud
  readonly field: Field
  readonly bus: Watch
  /** Address of the page. */
  readonly url: string
  readonly people: readonly Person[]
  /** Drops model.yaml and the data; version 1 is trained, signed and goes to its canaries. */
  firstVersion(): Promise<void>
  /** The fleet reads May and then July, until people are asked for labels. */
  drift(): Promise<void>
  /** The same model again as version 2. */
  secondVersion(): Promise<void>
  get(path: string): Promise<unknown>
  close(): Promise<void>
}

export async function startStoryWorld(): Promise<StoryWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-story-'))
  const stops: (() => Promise<void> | void)[] = [() => rmSync(dir, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  try {
    const cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0, pollSeconds: 0, minuteMs: 10_000 })
    stops.push(() => cloud.close())
    const bus = watch(cloud)
    stops.push(() => bus.stop())
    const { endpoint, credentials, realm, outputs } = cloud
    const config = { endpoint, region: realm.region, credentials }
    const s3 = s3Client(config)
    stops.push(() => s3.destroy())
    const example = load()
    const { model, fleet, slot, hardware, phases } = example
    const drop = async (Key: string, Body: Uint8Array | string): Promise<void> => {
      await s3.send(new PutObjectCommand({ Bucket: String(outputs['DropBucketName']), Key, Body }))
    }
    const root = await firstRoot(
      ceremonyStack(config, stackNames('dev', realm.accountId)),
      join(dir, 'root-keys'),
    )
    const things = Array.from({ length: DEVICES }, (_, i) => `${fleet}-${String(i + 1).padStart(4, '0')}`)
    const field = startField({
      ...{ endpoint: cloud.mqtt, devices: await enrolFleet(cloud, { things, fleet, hardware }) },
      ...{ trustRoot: root.link, fleet, hardware, slots: [slot], storage: 'memory' },
    })
    stops.push(() => field.stop())
    const [people] = await Promise.all([makeLocalPeople(cloud), deployLocalConsole(cloud, await build())])
    const readings = replay(field, slot, mixed(phases[0]), 3)
    stops.push(() => readings.stop())
    const token = await operatorToken(cloud)
    return {
      ...{ cloud, field, bus, people, close, url: String(outputs['ConsoleUrl']) },
      async firstVersion() {
        await bus.holds('all devices online', PATIENCE, () => field.states().every(s => s.online))
        await drop(`models/${model}/model.yaml`, modelYaml(example.modelYaml))
        await bus.until('ModelConfigured', PATIENCE)
        await drop(`datasets/${model}/${example.drop.name}`, example.drop.bytes)
        await bus.until('PhaseStarted', PATIENCE)
      },
      async drift() {
        readings.start()
        const whole = () =>
          bus.events.filter(e => e.type === 'WindowClosed' && e.data['reported'] === DEVICES)
        await bus.holds('windows of all devices', PATIENCE, () => whole().length >= 2)
        readings.moveTo(mixed(phases[1]))
        await bus.until('ReviewsOpened', PATIENCE)
        readings.stop()
      },
      async secondVersion() {
        const { modelDigest } = bus.events.find(e => e.type === 'ModelVersionRegistered')?.data ?? {}
        const Key = `blobs/sha256/${modelDigest}`
        const { Body } = await s3.send(
          new GetObjectCommand({ Bucket: String(outputs['ArtefactBucketName']), Key }),
        )
        await drop(`imports/${model}/by-hand.json`, (await Body?.transformToByteArray()) ?? '')
        await bus.until('PhaseStarted', PATIENCE, d => d['rollout'] === `${model}-v2`)
      },
      async get(path) {
        const answer = await fetch(`${outputs['ApiUrl']}${path}`, {
          headers: { authorization: `Bearer ${token}` },
        })
        if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}: ${await answer.text()}`)
        return answer.json()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** So few devices would each see a stretch of a day only, and differ from one another more than from the baseline. */
const mixed = ({ name, rows }: FieldPhase): FieldPhase => ({
  name,
  rows: rows.flatMap((_, i) => rows[(i * STRIDE) % rows.length] ?? []),
})

/** The example's own, but that a person lets the canaries' version go to the fleet, and that nothing is retrained. */
function modelYaml(text: Uint8Array): string {
  const config = parse(Buffer.from(text).toString()) as Record<string, Record<string, unknown>>
  return stringify({
    ...config,
    rollout: {
      insufficient: 'proceed',
      phases: [
        { name: 'canary', exposure: 0.3, minDevices: 4, proves: 0.6, deadlineMinutes: 60 },
        { name: 'fleet', exposure: 1, proves: 0.3, deadlineMinutes: 60, approval: true },
      ],
    },
    monitoring: { ...config['monitoring'], windowSeconds: 1, minDevices: 5 },
    retrain: { ...config['retrain'], minLabels: 100_000 },
  })
}
