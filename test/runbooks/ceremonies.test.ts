/**
 * The runbooks about keys, command by command as they stand there, one after the other on one stack: its first root, new
 * holders, new online keys, stolen ones. A person's typed `yes` is `--yes` here; `npm run deploy` is the same stack again
 * with the parameter that the runbook names.
 */
import { copyFileSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { KMSClient } from '@aws-sdk/client-kms'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '../../local/cloud.ts'
import { operatorToken, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { fetchOnlineKeys } from '../../scripts/lib/online-keys.ts'
import { stackNames } from '../../scripts/lib/stack.ts'
import { tableStore } from '../../src/adapters/table.ts'
import { type FleetRow, keys, listings, type VersionRow } from '../../src/domain/entities.ts'
import { put } from '../../src/domain/store.ts'
import { datasetCsv, eventually, modelYaml } from '../inputs/support.ts'
import { blocksOf, fillIn } from './blocks.ts'
import { openShell, type Shell } from './shell.ts'

const MODEL = 'state'
const FLEET = 'probes'
const place = mkdtempSync(join(tmpdir(), 'edgeloop-ceremonies-'))
const desk = join(place, 'desk')
const parameters: Record<string, string> = {}
/** Ids and ARNs of every key that the stack ever had, the newest of each slot. */
const known: Record<string, { keyid: string; arn: string }> = {}
let cloud: Cloud
let ports = { port: 0, mqttPort: 0 }
let shell: Shell
let serving: NodeJS.Timeout

const config = () => ({
  ...{ endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials },
})
async function env(): Promise<Record<string, string>> {
  const { accessKeyId, secretAccessKey } = cloud.credentials
  return {
    ...{ AWS_ENDPOINT_URL: cloud.endpoint, AWS_REGION: cloud.realm.region },
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    ...{ API: String(cloud.outputs['ApiUrl']), TOKEN: await operatorToken(cloud) },
  }
}
async function start(): Promise<void> {
  cloud = await startEdgeloop({ dir: join(place, 'cloud'), ...ports, parameters, minuteMs: 1_000 })
  ports = { port: Number(new URL(cloud.endpoint).port), mqttPort: cloud.mqtt.port }
}
async function lookAtKeys(): Promise<void> {
  const { alias } = stackNames('dev', cloud.realm.accountId)
  for (const { role, slot, keyid, arn } of await fetchOnlineKeys(new KMSClient(config()), alias))
    known[`${role} ${slot}`] = { keyid, arn }
}
const drop = (key: string, body: string) =>
  new S3Client({ ...config(), forcePathStyle: true }).send(
    new PutObjectCommand({ Bucket: String(cloud.outputs['DropBucketName']), Key: key, Body: body }),
  )
const table = () =>
  tableStore(String(cloud.outputs['StateTableName']), () => new Date(), new DynamoDBClient(config()))
/** The hour in which every beacon is signed anew has passed. */
async function hourLater(): Promise<void> {
  const row = await table().get<FleetRow>(keys.fleet(FLEET))
  if (row === undefined) throw new Error(`there is no fleet ${FLEET}`)
  await table().commit([
    put(row.key, row.data, row, {
      list: { pk: listings.fleets, sk: FLEET },
      pending: { kind: 'beacon', since: new Date(0).toISOString() },
    }),
  ])
  await eventually(
    async () => {
      const fleet = (await table().get<FleetRow>(keys.fleet(FLEET)))?.data
      const signed = fleet?.keyid === known['deployment B']?.keyid && fleet?.published === fleet?.counter
      return signed || undefined
    },
    () => 'the fleet’s manifest was not signed anew',
  )
}
const packaged = (version: number) =>
  eventually(
    async () => {
      const row = await table().get<VersionRow>(keys.version(MODEL, version))
      return row?.data.status === 'PACKAGED' || undefined
    },
    () => `version ${version} was not signed`,
    60_000,
  )
/** On the machines of other people: a key of their own, whose public half they hand out. */
async function others(...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const made = await shell.run(
      `npx edgeloop keys new-root --names ${name} --dir keys --passphrase-file passphrase.txt`,
    )
    expect([made.status, made.err]).toEqual([0, expect.anything()])
  }
  handOut()
}
/** The runbooks name files where they are needed, whosever machine that is. */
function handOut(): void {
  for (const file of globSync('keys/*.pem', { cwd: desk }))
    copyFileSync(join(desk, file), join(desk, basename(file)))
}

beforeAll(async () => {
  await start()
  const request = join(place, 'deploy.request')
  const done = join(place, 'deploy.done')
  shell = openShell(desk, await env(), {
    npm: `[ "$*" = "run deploy -- --stage dev" ] || { echo "npm $*" >&2; exit 127; }\ntouch "${request}"\nwhile [ ! -e "${done}" ]; do sleep 0.1; done\nrm "${done}"`,
  })
  writeFileSync(join(desk, 'passphrase.txt'), 'correct horse battery staple\n')
  let busy = false
  serving = setInterval(async () => {
    if (busy || !existsSync(request)) return
    busy = true
    rmSync(request)
    await cloud.close()
    await start()
    await lookAtKeys()
    writeFileSync(done, '')
    busy = false
  }, 100)
  await lookAtKeys()
  await drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL, 'rollout: { insufficient: proceed }\n'))
}, 60_000)
afterAll(async () => {
  clearInterval(serving)
  await cloud.close()
  rmSync(place, { recursive: true, force: true })
})

/** Runs a runbook's blocks; `between` what other people do after a block, by its number from 0. */
async function hold(
  runbook: string,
  words: Readonly<Record<string, string>>,
  between: Readonly<Record<number, () => Promise<unknown>>> = {},
): Promise<string> {
  let said = ''
  for (const [i, { script, line, before }] of blocksOf(runbook).entries()) {
    // What the person writes into serverless.yml before this deployment.
    for (const [, name = '', value = ''] of before.matchAll(/`(modelKeys|deploymentKeys): ([\w-]+)`/g))
      parameters[name === 'modelKeys' ? 'ModelKeys' : 'DeploymentKeys'] = value
    const role = runbook.includes('deployment') ? 'deployment' : 'model'
    const of = (slot: string) => known[`${role} ${slot}`]
    const filled = fillIn(script, {
      ...words,
      ...{ FLEET, prod: 'dev' },
      ...{ FIRST_DIGITS_OF_A: of('A')?.keyid.slice(0, 12) ?? '', ARN_OF_A: of('A')?.arn ?? '' },
      ...{ FIRST_DIGITS_OF_B: of('B')?.keyid.slice(0, 12) ?? '', ARN_OF_B: of('B')?.arn ?? '' },
    })
    const ran = await shell.run(filled)
    handOut()
    const where = `docs/runbooks/${runbook}.md:${line}`
    expect([where, ran.status, ran.status === 0 ? '' : `${ran.out}${ran.err}`]).toEqual([where, 0, ''])
    said += ran.out
    await between[i]?.()
  }
  return said
}
const sign =
  (name: string, more = '') =>
  async () => {
    const ran = await shell.run(
      `npx edgeloop keys sign --draft draft.json --key ${name}.pem --passphrase-file passphrase.txt ${more}`,
    )
    expect([ran.status, ran.err]).toEqual([0, expect.anything()])
  }
const LATER = { 'alice.pem': 'dave.pem', 'bob.pem': 'erin.pem', 'carol.pem': 'grace.pem' }

describe('on one stack', () => {
  it('first-trust-root', async () => {
    const said = await hold(
      'first-trust-root',
      { 'MODEL@1-HARDWARE': `${MODEL}@1-board` },
      {
        0: () => others('bob', 'carol'),
        3: sign('bob'),
        6: async () => {
          await drop(`datasets/${MODEL}/one.csv`, datasetCsv(200))
          await packaged(1)
        },
      },
    )
    expect(said).toContain('the whole chain holds')
  })
  it('rotate-root', async () => {
    await hold('rotate-root', {}, { 0: () => others('erin', 'frank') })
  })
  it('lost-root-key', async () => {
    await hold('lost-root-key', {})
  })
  it('rotate-model-key', async () => {
    const said = await hold('rotate-model-key', {
      ...{ 'MODEL@VERSION-HARDWARE': `${MODEL}@1-board` },
      ...LATER,
    })
    expect(said).toMatch(/model key B .*signs, and the trust root lists it/)
  })
  it('rotate-deployment-key', async () => {
    await hold('rotate-deployment-key', LATER, { 2: hourLater })
  })
  it('stolen-model-key', async () => {
    const said = await hold(
      'stolen-model-key',
      {
        ...{ 'MODEL=VERSION': `${MODEL}=2`, 'MODEL@VERSION-HARDWARE': `${MODEL}@2-board` },
        ...LATER,
      },
      {
        2: async () => {
          await drop(`datasets/${MODEL}/two.csv`, datasetCsv(200, 7))
          await packaged(2)
        },
      },
    )
    expect(said).toContain('the whole chain holds')
  })
  it('stolen-deployment-key', async () => {
    await hold('stolen-deployment-key', LATER)
  })
})
