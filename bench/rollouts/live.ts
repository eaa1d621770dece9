/**
 * A rollout over real MQTT: devices with a certificate and a connection each, the packaged template on the local cloud.
 *   node bench/rollouts/live.ts [DEVICES]        default 5,000
 * The devices are simulated in processes of their own; protocol, verification and package are the real ones.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IoTClient } from '@aws-sdk/client-iot'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { provisionDevices } from '../../device/provision.ts'
import { ceremonyStack, firstRoot } from '../../scripts/lib/ceremony.ts'
import { buildAndPackage, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { s3Client, stackNames } from '../../scripts/lib/stack.ts'
import { watch } from '../../scripts/story/watch.ts'
import { stumpModel } from '../../test/loop/stump.ts'

const DEVICES = Number(process.argv[2] ?? 5_000)
const FLEET = 'bench'
const HARDWARE = 'gateway'
const PATIENCE = 1_200
const PARTS = 2
/** What functions on two cores can answer; a faster fleet asks again while its answers wait. */
const CONNECTS_PER_SECOND = Number(process.env['CONNECTS_PER_SECOND'] ?? 30)
/** The same for an update, which is two blocks and five reports. */
const BLOCKS_PER_SECOND = Number(process.env['BLOCKS_PER_SECOND'] ?? 24)
const MODEL = `
name: probe
fleet: ${FLEET}
slot: main
task: binary
features: [{ name: x, min: -1000, max: 1000 }]
label: { column: label, classes: ['0', '1'] }
training: { hyperparameters: { num_round: 2, max_depth: 1 } }
evaluation: { metric: auc, floor: 0.8, nonInferiority: 0.1 }
targets: [{ hardware: ${HARDWARE}, compile: edgeloop }]
rollout:
  transfer: { blocksPerSecond: ${BLOCKS_PER_SECOND} }
  phases: [{ name: canary, exposure: 0.1 }, { name: half, exposure: 0.5 }, { name: fleet, exposure: 1 }]
  # Below a thousand devices, a tenth of them proves nothing about 5 %.
  insufficient: ${DEVICES < 1_000 ? 'proceed' : 'hold'}
`
const DATA = `x,label\n${Array.from({ length: 600 }, (_, i) => `${(i % 100) - 50},${(i % 100) - 50 > 10 ? 1 : 0}`).join('\n')}\n`

interface Told {
  readonly online: number
  readonly versions: Readonly<Record<string, number>>
  readonly refused: number
  readonly rss: number
}
const print = (line: string): void => void process.stdout.write(`${line}\n`)
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
const dir = mkdtempSync(join(tmpdir(), 'live-'))
const parts: { readonly child: ChildProcess; told: Told }[] = []
let peak = 0
const memory = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss())
}, 500)
const since = (from: number): string => `${((performance.now() - from) / 1_000).toFixed(1)} s`

async function until(what: string, holds: () => boolean): Promise<void> {
  const from = performance.now()
  while (!holds()) {
    if (performance.now() - from > PATIENCE * 1_000)
      throw new Error(`${what} did not come within ${PATIENCE} s`)
    await new Promise(later => setTimeout(later, 100))
  }
}
const sum = (of: (told: Told) => number): number => parts.reduce((total, { told }) => total + of(told), 0)
const running = (version: number): number => sum(told => told.versions[String(version)] ?? 0)

try {
  print(
    `${DEVICES} devices in ${PARTS} processes; ${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`,
  )
  await buildAndPackage()
  const cloud = await startEdgeloop({ dir: join(dir, 'cloud'), port: 0, mqttPort: 0, pollSeconds: 0 })
  const bus = watch(cloud)
  const { endpoint, realm, credentials } = cloud
  const config = { endpoint, region: realm.region, credentials, maxAttempts: 3 }
  const names = stackNames('dev', realm.accountId)
  const { link } = await firstRoot(ceremonyStack(config, names), join(dir, 'keys'))
  const drop = (Key: string, Body: string | Uint8Array) =>
    s3Client(config).send(new PutObjectCommand({ Bucket: names.dropBucket, Key, Body }))

  let from = performance.now()
  const iot = new IoTClient(config)
  const things = Array.from({ length: DEVICES }, (_, i) => `bench-${String(i).padStart(5, '0')}`)
  const identities = join(dir, 'identities')
  await provisionDevices({
    ...{ iot, things, fleet: FLEET, hardware: HARDWARE, dir: identities, concurrency: 16 },
    policyName: String(cloud.outputs['DevicePolicyName']),
  })
  print(`  provisioned     ${since(from)}`)

  from = performance.now()
  for (let part = 0; part < PARTS; part++) {
    const file = join(dir, `part-${part}.json`)
    const options = {
      ...{ endpoint: cloud.mqtt, identities, trustRoot: link.toString('base64') },
      ...{ fleet: FLEET, hardware: HARDWARE, slot: 'main' },
      connectsPerSecond: CONNECTS_PER_SECOND / PARTS,
      things: things.filter((_, i) => i % PARTS === part),
    }
    writeFileSync(file, JSON.stringify(options))
    const child = fork(fileURLToPath(new URL('live-field.ts', import.meta.url)), [file])
    const entry = { child, told: { online: 0, versions: {}, refused: 0, rss: 0 } as Told }
    child.on('message', told => {
      entry.told = told as Told
    })
    parts.push(entry)
  }
  await until('every device online', () => sum(told => told.online) === DEVICES)
  print(`  online          ${since(from)}`)

  await drop('models/probe/model.yaml', MODEL)
  await bus.until('ModelConfigured', PATIENCE)
  // The cloud knows its devices from their first words.
  for (const [version, key, body] of [
    [1, 'datasets/probe/first.csv', DATA],
    [2, 'imports/probe/second.json', stumpModel(10.5, -3, 3, 1)],
  ] as const) {
    from = performance.now()
    await drop(key, body)
    await bus.until('RolloutPlanned', PATIENCE, d => d['version'] === version)
    const planned = performance.now()
    print(`  version ${version} ready ${since(from)}`)
    for (const phase of ['canary', 'half', 'fleet']) {
      await bus.until(
        'PhaseStarted',
        PATIENCE,
        d => d['rollout'] === `probe-v${version}` && d['phase'] === phase,
      )
      print(`    ${phase.padEnd(7)} began after ${since(planned)}; ${running(version)} devices run it`)
    }
    await bus.until('RolloutCompleted', PATIENCE, d => d['version'] === version)
    print(`    completed after ${since(planned)}; ${running(version)} devices run it`)
    await until(`version ${version} on every device`, () => running(version) === DEVICES)
    print(`    on every device after ${since(planned)}; ${sum(told => told.refused)} refusals`)
  }
  print(
    `  memory: cloud, broker and functions ${megabytes(peak)} at most; devices ${megabytes(sum(told => told.rss))} in ${PARTS} processes`,
  )
  for (const { child } of parts) child.kill('SIGTERM')
  await cloud.close()
} finally {
  clearInterval(memory)
  for (const { child } of parts) child.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
}
