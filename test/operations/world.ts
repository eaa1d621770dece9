/** The packaged template on the local cloud with a trust root, a small field, and the command line pointed at it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type Field, startField } from '../../device/field.ts'
import type { Cloud } from '../../local/cloud.ts'
import { ceremonyStack, type FirstRoot, firstRoot } from '../../scripts/lib/ceremony.ts'
import { enrolFleet } from '../../scripts/lib/enrol.ts'
import { operatorToken, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { stackNames } from '../../scripts/lib/stack.ts'
import { datasetCsv, eventually, modelYaml } from '../inputs/support.ts'

export { datasetCsv, eventually } from '../inputs/support.ts'

export const FLEET = 'probes'
export const HARDWARE = 'board'
export const MODEL = 'state'
const QUICK = `rollout:
  phases:
    - { name: canary, exposure: 0.5, deadlineMinutes: 60 }
    - { name: fleet, exposure: 1, deadlineMinutes: 60 }
  insufficient: proceed
monitoring: { windowSeconds: 3600 }
`

export interface World {
  readonly cloud: Cloud
  readonly dir: string
  readonly root: FirstRoot
  /** Configuration of an SDK client with the administrator's credentials. */
  readonly config: {
    readonly endpoint: string
    readonly region: string
    readonly credentials: Cloud['credentials']
  }
  /** For a child process: endpoint, credentials, token, address of the API. */
  readonly env: Readonly<Record<string, string>>
  readonly drop: (key: string, body: string | Uint8Array) => Promise<void>
  startDevices(things: readonly string[]): Promise<Field>
  /** model.yaml and a dataset; resolves with the key of the dataset when every device runs version 1. */
  release(field: Field): Promise<string>
  close(): Promise<void>
}

export async function startWorld(options: { readonly minuteMs?: number } = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-operations-'))
  const cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0, ...options })
  const config = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
  const s3 = new S3Client({ ...config, forcePathStyle: true })
  const stack = ceremonyStack(config, stackNames('dev', cloud.realm.accountId))
  const root = await firstRoot(stack, join(dir, 'root-keys'))
  const fields: Field[] = []
  const drop: World['drop'] = async (key, body) => {
    const Bucket = String(cloud.outputs['DropBucketName'])
    await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: Buffer.from(body as Uint8Array) }))
  }
  return {
    ...{ cloud, dir, root, config, drop },
    env: {
      AWS_ENDPOINT_URL: cloud.endpoint,
      AWS_REGION: cloud.realm.region,
      AWS_ACCESS_KEY_ID: cloud.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: cloud.credentials.secretAccessKey,
      API: String(cloud.outputs['ApiUrl']),
      TOKEN: await operatorToken(cloud),
    },
    async startDevices(things) {
      const devices = await enrolFleet(cloud, { things, fleet: FLEET, hardware: HARDWARE })
      const field = startField({
        ...{ endpoint: cloud.mqtt, devices, trustRoot: root.link, fleet: FLEET, hardware: HARDWARE },
        ...{ slots: ['state'], storage: 'memory' as const },
      })
      fields.push(field)
      await eventually(
        async () => field.states().every(s => s.online) || undefined,
        () => 'the devices did not connect',
      )
      return field
    },
    async release(field) {
      const key = `datasets/${MODEL}/first.csv`
      await drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL, QUICK))
      // Otherwise the dataset may come first, is refused, and is looked at again when there is a model.
      await eventually(
        async () =>
          cloud.logs
            .lines('/aws/lambda/edgeloop-dev-register-dataset')
            .some(l => l.message.includes('"ModelConfigured"') && l.message.includes('EVENT_HANDLED')) ||
          undefined,
        () => 'the model was not configured',
      )
      await drop(key, datasetCsv(400))
      await eventually(
        async () => field.states().every(s => s.version === 1) || undefined,
        () => `not every device runs version 1: ${JSON.stringify(field.states())}`,
      )
      return key
    },
    async close() {
      await Promise.all(fields.map(field => field.stop()))
      s3.destroy()
      await cloud.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Points commands that run in this process at the world; the returned function takes it back. */
export function pointAt({ env }: World): () => void {
  const before = Object.entries(env).map(([name]) => [name, process.env[name]] as const)
  Object.assign(process.env, env)
  return () => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
}
