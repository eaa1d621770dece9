/** The loop with the probe example on a given template, as far as it goes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Cloud } from '../../local/cloud.ts'
import { askApi } from '../story/report.ts'
import { makeSteps } from '../story/steps.ts'
import { tellStory } from '../story/story.ts'
import { type Watch, watch as watchBus } from '../story/watch.ts'
import { operatorToken, startEdgeloop } from './local-cloud.ts'
import { makeLocalPeople } from './people.ts'
import { probeExample } from './probe-example.ts'
import { overHttps } from './probe-https.ts'
import { comeAndGo } from './probe-identity.ts'
import { redriveAll } from './probe-queues.ts'
import { startWebhookReceiver } from './probe-webhook.ts'
import { signIn } from './sign-in.ts'

/** With fewer, what devices differ by outweighs what they say. */
const DEVICES = 10

/** Runs the loop once, an import after it, devices that come and go, dead letters, and a tick of the clock. Rejects with the first thing that stood in its way. */
export async function probeRun<T>(
  template: string,
  write: (line: string) => void,
  then: (cloud: Cloud) => T,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-probe-'))
  const stops: (() => Promise<void> | void)[] = []
  try {
    const webhook = await startWebhookReceiver()
    stops.push(() => webhook.close())
    const cloud = await startEdgeloop({
      template,
      dir,
      port: 0,
      mqttPort: 0,
      pollSeconds: 0,
      compileSeconds: 3,
      // Its packages are small, and make-deltas has statements too. The webhook's role exists with a webhook only.
      parameters: { DeltaFromBytes: '0', ...webhook.parameters },
    })
    stops.push(() => cloud.close())
    const bus = watchBus(cloud)
    const example = probeExample()
    const steps = makeSteps(write, () => 0)
    await tellStory({ cloud, example, devices: DEVICES, steps, watch: bus, onStop: stop => stops.push(stop) })
    await steps.run('lineage', 'labels', () => askLineage(cloud, example.model))
    await steps.run('labels', 'webhook', () => postLabel(cloud, example.model))
    await steps.run('webhook', 'import', () => webhook.told(bus, example.model))
    await steps.run('import', 'devices', () => importOwn(cloud, bus, example.model))
    await steps.run('devices', 'HTTPS', () => comeAndGo(cloud, s3Of(cloud), bus, example))
    await steps.run('HTTPS', 'dead letters', () => overHttps(cloud, s3Of(cloud), example))
    await steps.run('dead letters', 'the clock', () => redriveAll(cloud))
    await steps.run('clock', 'people', () => tick(cloud, bus))
    await steps.run('people', '', () => lookIn(cloud))
    return then(cloud)
  } finally {
    for (const stop of stops.reverse()) await Promise.resolve(stop()).catch(() => {})
    rmSync(dir, { recursive: true, force: true })
  }
}

const s3Of = (cloud: Cloud) =>
  new S3Client({
    endpoint: cloud.endpoint,
    region: cloud.realm.region,
    credentials: cloud.credentials,
    forcePathStyle: true,
  })

/** Follows the first version back, and looks for a prediction that was never captured. */
async function askLineage(cloud: Cloud, model: string): Promise<{ what: string }> {
  const { anchor } = await askApi<{ anchor: unknown }>(cloud, `/v1/lineage/models/${model}/versions/1`)
  if (anchor === null) throw new Error(`the lineage of ${model}@1 has no anchor`)
  const headers = { authorization: `Bearer ${await operatorToken(cloud)}` }
  const answer = await fetch(`${cloud.outputs['ApiUrl']}/v1/lineage/predictions/nobody-1-1`, { headers })
  if (answer.status !== 404)
    throw new Error(
      `GET /v1/lineage/predictions/nobody-1-1 answered ${answer.status}: ${await answer.text()}`,
    )
  return { what: 'a version was followed back to its data' }
}

/** Gives a label by the API, to a sample that there is not. */
async function postLabel(cloud: Cloud, model: string): Promise<{ what: string }> {
  const line = {
    groundTruthData: { data: '1', encoding: 'CSV' },
    eventMetadata: { eventId: 'nobody-1-1' },
    eventVersion: '0',
  }
  const answer = await fetch(`${cloud.outputs['ApiUrl']}/v1/labels`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await operatorToken(cloud)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model, labels: [line] }),
  })
  const text = await answer.text()
  const { unmatched } = JSON.parse(text) as { unmatched?: number }
  if (answer.status !== 200 || unmatched !== 1)
    throw new Error(`POST /v1/labels answered ${answer.status}: ${text}`)
  return { what: 'a label by the API was looked up in quarantine' }
}

/** Brings a model file of the loop back in as if it had been trained elsewhere. */
async function importOwn(cloud: Cloud, bus: Watch, model: string): Promise<{ what: string }> {
  const s3 = s3Of(cloud)
  const registered = bus.events.find(e => e.type === 'ModelVersionRegistered')
  const Key = `blobs/sha256/${registered?.data['modelDigest']}`
  const { Body } = await s3.send(
    new GetObjectCommand({ Bucket: String(cloud.outputs['ArtefactBucketName']), Key }),
  )
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
  await s3.send(
    new PutObjectCommand({
      Bucket: String(cloud.outputs['DropBucketName']),
      Key: `imports/${model}/own.json`,
      Body: bytes,
    }),
  )
  await bus.until('ModelVersionRegistered', 60, d => d['origin'] === 'import')
  return { what: 'a model file was imported' }
}

/** Somebody signs in as in a browser, and looks at the models through the page's own address. */
async function lookIn(cloud: Cloud): Promise<{ what: string }> {
  const { outputs } = cloud
  const [somebody] = await makeLocalPeople(cloud)
  if (somebody === undefined) throw new Error('the template has no user pool')
  const { accessToken } = await signIn({
    domain: String(outputs['UserPoolDomain']),
    clientId: String(outputs['ConsoleClientId']),
    redirectUri: `${outputs['ConsoleUrl']}/`,
    ...somebody,
  })
  const headers = { authorization: `Bearer ${accessToken}` }
  const answer = await fetch(`${outputs['ConsoleUrl']}/v1/models`, { headers })
  if (answer.status !== 200)
    throw new Error(`GET /v1/models answered ${answer.status}: ${await answer.text()}`)
  return { what: 'a person signed in and saw the models' }
}

async function tick(cloud: Cloud, bus: Watch): Promise<{ what: string }> {
  const group = String(
    Object.values(cloud.resources).find(
      r => r.physicalId.endsWith('-reconcile') && r.type === 'AWS::Lambda::Function',
    )?.physicalId,
  )
  await bus.holds('a tick of the reconciler', 30, () =>
    cloud.logs.lines(`/aws/lambda/${group}`).some(line => line.message.includes('platform.report')),
  )
  return { what: 'the reconciler ran' }
}
