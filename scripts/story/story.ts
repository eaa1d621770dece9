/**
 * The loop, told with an example. Past dropping files and moving the field nothing here makes a step happen: each
 * is waited for, because the one before it brings it about.
 */

import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type Field, startField } from '../../device/field.ts'
import type { DeviceIdentity } from '../../device/identity.ts'
import type { Example, FieldPhase } from '../../examples/example.ts'
import type { Cloud } from '../../local/cloud.ts'
import { ceremonyStack, firstRoot } from '../lib/ceremony.ts'
import { enrolFleet } from '../lib/enrol.ts'
import { stackNames } from '../lib/stack.ts'
import { type Labeller, startLabeller } from './labeller.ts'
import { type Replay, replay } from './replay.ts'
import { askApi } from './report.ts'
import type { Steps } from './steps.ts'
import { askCloud, impersonate } from './thin-client.ts'
import type { Watch } from './watch.ts'

/** Windows without drift that are awaited before the field moves. */
const CALM_WINDOWS = 2
const ROWS_PER_TICK = 1
const PATIENCE = 120

export interface Told {
  readonly field: Field
  readonly world: Replay
  readonly labeller: Labeller
}
export interface StoryParts {
  readonly cloud: Cloud
  readonly example: Example
  readonly devices: number
  readonly steps: Steps
  readonly watch: Watch
  /** Index of a device whose last value is missing in every row. */
  readonly faulty?: number
  /** Where the field moves instead, and nothing is to be learnt. */
  readonly harmless?: FieldPhase | undefined
  /** Called with whatever has to be stopped, as soon as it runs. */
  readonly onStop: (stop: () => Promise<void> | void) => void
}

export async function tellStory({
  cloud,
  example,
  devices,
  steps,
  watch,
  faulty,
  harmless,
  onStop,
}: StoryParts): Promise<Told> {
  const { model, fleet, slot, hardware, phases } = example
  const config = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
  const s3 = new S3Client({ ...config, forcePathStyle: true })
  const dropBucket = String(cloud.outputs['DropBucketName'])
  const drop = (key: string, bytes: Uint8Array) =>
    s3.send(new PutObjectCommand({ Bucket: dropBucket, Key: key, Body: bytes }))
  const ofVersion = (version: number) => (data: Readonly<Record<string, unknown>>) =>
    data['version'] === version

  const trustRoot = await steps.run('trust root', `enrol ${devices} devices`, async () => {
    const { accountId, dir } = cloud.realm
    const stack = ceremonyStack(config, stackNames('dev', accountId))
    const { link, holders } = await firstRoot(stack, join(dir, 'root-keys'))
    return { link, what: `two of ${holders.length} offline keys name the two keys that sign online` }
  })
  const { field, thin } = await steps.run('enrol', 'drop model.yaml and the first dataset', async () => {
    const names = Array.from({ length: devices }, (_, i) => `${fleet}-${String(i + 1).padStart(4, '0')}`)
    const identities = await enrolFleet(cloud, { things: [...names, `${fleet}-thin`], fleet, hardware })
    const started = startField({
      endpoint: cloud.mqtt,
      devices: identities.slice(0, -1),
      trustRoot: trustRoot.link,
      fleet,
      hardware,
      slots: [slot],
      storage: 'memory',
    })
    onStop(() => started.stop())
    await watch.holds('all devices online', PATIENCE, () => started.states().every(s => s.online))
    return {
      field: started,
      thin: identities.at(-1) as DeviceIdentity,
      what: `${devices} devices let in by a claim, connected over mTLS with a certificate of their own each`,
    }
  })
  const value = (phases[0].rows[0]?.row.length ?? 0) - 1
  const world = replay(
    field,
    slot,
    phases[0],
    ROWS_PER_TICK,
    faulty === undefined ? undefined : { device: faulty, value },
  )
  onStop(() => world.stop())

  await steps.run('drop', 'SageMaker training', async () => {
    await drop(`models/${model}/model.yaml`, example.modelYaml)
    await watch.until('ModelConfigured', PATIENCE)
    await drop(`datasets/${model}/${example.drop.name}`, example.drop.bytes)
    const { data } = await watch.until('DatasetRegistered', PATIENCE)
    return { what: `${example.drop.what}; dataset ${short(data['dataset'])}` }
  })
  await trainAndSign(steps, watch, example, 1)
  await rollOut(steps, watch, field, 1, `field runs ${phases[0].name}`)

  await steps.run('cloud prediction', 'an impostor', async () => {
    const reading = phases[0].rows[0]
    if (reading === undefined) throw new Error('the example has no rows')
    const answer = await askCloud(cloud.mqtt, thin, slot, reading.row)
    if (answer.kind !== 'prediction') throw new Error(`the cloud answered ${answer.message}`)
    return {
      what: `a device without a runtime asked the cloud: class ${answer.prediction} by version ${answer.version}`,
    }
  })

  await steps.run('impostor', `field runs ${phases[0].name}`, async () => {
    await impersonate(cloud.mqtt, thin, `${fleet}-0001`)
    const { data } = await watch.until('InputRejected', PATIENCE, d => d['thing'] === thin.thing)
    return { what: `a device that published as another was cut off and is on record (${data['code']})` }
  })

  world.start()
  const next = harmless ?? phases[1]
  const after = faulty === undefined ? `field moves to ${next.name}` : 'a sensor that died'
  await steps.run(`field in ${phases[0].name}`, after, async () => {
    const closed = () =>
      watch.events.filter(e => e.type === 'WindowClosed' && e.data['reported'] === devices).length
    await watch.holds(
      `${CALM_WINDOWS} windows of all devices`,
      PATIENCE,
      () => closed() >= CALM_WINDOWS || drifted(watch),
    )
    if (drifted(watch)) throw new Error('drift was reported although nothing had changed')
    return {
      what: `${closed()} windows counted by all ${devices} devices, no drift; ${world.inferences()} inferences`,
    }
  })

  if (faulty !== undefined)
    await steps.run('a dead sensor', `field moves to ${next.name}`, () =>
      deadSensor(watch, field.devices[faulty]?.thing),
    )

  const labeller = startLabeller({
    s3,
    model,
    dropBucket,
    artefactBucket: String(cloud.outputs['ArtefactBucketName']),
    truth: world.truth,
  })
  onStop(() => labeller.stop())
  world.moveTo(next)
  await steps.run(`field in ${next.name}`, 'labels for captured samples', async () => {
    const { data } = await watch.until('DriftDetected', PATIENCE)
    const evidence = data['evidence'] as { name: string; distance: number; logE: number; n: number }[]
    const shown = evidence.map(
      e => `${e.name} TV ${e.distance.toFixed(2)} (ln e ${e.logE.toFixed(0)}, n ${e.n})`,
    )
    return { what: `drift in window ${data['window']}: ${shown.join(', ')}` }
  })
  await steps.run('labels', 'retrain decision', async () => {
    const { data } = await watch.until('LabelsReceived', PATIENCE)
    return { what: `${data['matched']} captured samples came back labelled` }
  })
  if (harmless !== undefined) {
    await steps.run('decision', '', () => nothingToLearn(cloud, model, watch))
    return { field, world, labeller }
  }
  await steps.run('decision', 'SageMaker training', async () => {
    const { data } = await watch.until('RetrainApproved', PATIENCE)
    const held = watch.events.filter(e => e.type === 'RetrainSuppressed').length
    return {
      what: `retrain approved by all guards (${data['trigger']}); held back ${held} times before; ${labeller.labelled()} labels`,
    }
  })
  await trainAndSign(steps, watch, example, 2)
  await rollOut(steps, watch, field, 2, 'operators look')
  await steps.run('operators', '', async () => {
    const { champion } = await askApi<{ champion: number }>(cloud, `/v1/models/${model}`)
    const { fleets } = await askApi<{ fleets: { counter: number }[] }>(cloud, '/v1/fleets')
    return {
      what: `the API answers: ${model} version ${champion}, manifest ${fleets[0]?.counter}`,
    }
  })
  return { field, world, labeller }

  async function trainAndSign(to: Steps, at: Watch, { metric }: Example, version: number): Promise<void> {
    await to.run(`train version ${version}`, 'compile and sign', async () => {
      const { data } = await at.until('ModelVersionRegistered', PATIENCE, ofVersion(version))
      const metrics = data['metrics'] as Record<string, number>
      const shown = ['holdout', 'sentinel', 'champion_holdout'].flatMap(set => {
        const value = metrics[`${set}_${metric}`]
        return value === undefined ? [] : [`${set} ${metric.toUpperCase()} ${value.toFixed(4)}`]
      })
      return { what: shown.join(', ') }
    })
    await to.run(`compile, sign ${version}`, 'canary, then everyone', async () => {
      const { data } = await at.until('PackageSigned', PATIENCE, ofVersion(version))
      const [first] = data['packages'] as { hardware: string; package: { sha256: string; length: number } }[]
      return {
        what: `package ${short(first?.package.sha256)} for ${first?.hardware}, ${first?.package.length} bytes`,
      }
    })
  }

  async function rollOut(to: Steps, at: Watch, on: Field, version: number, next: string): Promise<void> {
    await to.run(`roll out version ${version}`, next, async () => {
      const canary = await at.until(
        'PhaseStarted',
        PATIENCE,
        d => d['phase'] === 'canary' && d['rollout'] === `${model}-v${version}`,
      )
      await at.until('RolloutCompleted', PATIENCE, ofVersion(version))
      await at.holds(`version ${version} on every device`, PATIENCE, () =>
        on.states().every(s => s.version === version),
      )
      const exposure = (Number(canary.data['exposure']) * 100).toFixed(0)
      return {
        what: `canary (${exposure} %) passed; all ${devices} devices run version ${version}, each verified its own chain`,
      }
    })
  }
}

async function deadSensor(watch: Watch, faulty: string | undefined): Promise<{ readonly what: string }> {
  const { data } = await watch.until('DeviceDriftDetected', PATIENCE)
  const devices = data['devices'] as { thing: string; evidence: { name: string; distance: number }[] }[]
  if (devices.some(d => d.thing !== faulty)) throw new Error('a device was blamed that is well')
  if (watch.events.some(e => e.type.startsWith('Retrain'))) throw new Error('a dead sensor led to a retrain')
  const [{ name = '', distance = 0 } = {}] = devices[0]?.evidence ?? []
  return { what: `${faulty} is off in ${name} (TV ${distance.toFixed(2)}): a device problem, and no retrain` }
}

/** Labels are there, every other guard is content, and the error is where it was: nothing is trained. */
async function nothingToLearn(cloud: Cloud, model: string, watch: Watch): Promise<{ readonly what: string }> {
  const only = (data: Readonly<Record<string, unknown>>): boolean =>
    JSON.stringify(data['failedGuards']) === '["errorRose"]'
  await watch.until('RetrainSuppressed', PATIENCE, only)
  const labelled = () => watch.events.filter(e => e.type === 'LabelsReceived').length
  const enough = labelled() + CALM_WINDOWS
  await watch.holds(`${CALM_WINDOWS} more batches of labels`, PATIENCE, () => labelled() >= enough)
  if (watch.events.some(e => e.type === 'RetrainApproved')) throw new Error('a harmless shift was trained on')
  const { decisions } = await askApi<{ decisions: Decision[] }>(cloud, '/v1/retrain-decisions')
  const guard = decisions
    .filter(d => d.model === model)
    .flatMap(d => d.guards)
    .find(g => g.guard === 'errorRose' && !g.passed)
  return { what: `no retrain, by the one guard that holds it back: ${guard?.detail}` }
}
interface Decision {
  readonly model: string
  readonly guards: readonly { readonly guard: string; readonly passed: boolean; readonly detail: string }[]
}

const drifted = (watch: Watch): boolean => watch.events.some(e => e.type === 'DriftDetected')
const short = (digest: unknown): string => String(digest).slice(0, 12)
