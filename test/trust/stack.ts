/** A stack on the local cloud that goes through stack updates, with devices that keep their storage. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IoTClient } from '@aws-sdk/client-iot'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { type Field, startField } from '../../device/field.ts'
import { provisionDevices } from '../../device/provision.ts'
import type { Cloud } from '../../local/cloud.ts'
import { startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { type AwsConfig, s3Client } from '../../scripts/lib/stack.ts'
import { type Watch, watch } from '../../scripts/story/watch.ts'
import { rootOf, type TrustRoot, type TrustState } from '../../verifier/index.ts'

export const FLEET = 'lab'
export const HARDWARE = 'gateway'
const SLOT = 'main'
const VARIABLES = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const

export class Stack {
  readonly dir = mkdtempSync(join(tmpdir(), 'ceremony-'))
  readonly #before = VARIABLES.map(name => [name, process.env[name]] as const)
  readonly #fields: Field[] = []
  #parameters: Readonly<Record<string, string>> = {}
  cloud!: Cloud
  bus!: Watch

  /** A deployment: the first one, or an update with other parameters. Devices lose their connection and stay stopped. */
  async deploy(parameters: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.stopDevices()
    await this.cloud?.close()
    this.#parameters = { ...this.#parameters, ...parameters }
    this.cloud = await startEdgeloop({
      dir: join(this.dir, 'cloud'),
      port: 0,
      mqttPort: 0,
      pollSeconds: 0,
      parameters: this.#parameters,
    })
    this.bus = watch(this.cloud)
    // As an operator's shell would have them.
    const { endpoint, realm, credentials } = this.cloud
    const { accessKeyId, secretAccessKey } = credentials
    const values = [endpoint, realm.region, accessKeyId, secretAccessKey]
    for (const [i, name] of VARIABLES.entries()) process.env[name] = values[i]
  }

  get config(): AwsConfig {
    const { endpoint, realm, credentials } = this.cloud
    return { endpoint, region: realm.region, credentials, maxAttempts: 1 }
  }

  path(...parts: readonly string[]): string {
    return join(this.dir, ...parts)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  async drop(key: string, body: string | Uint8Array): Promise<void> {
    const Bucket = String(this.cloud.outputs['DropBucketName'])
    await s3Client(this.config).send(new PutObjectCommand({ Bucket, Key: key, Body: body }))
  }

  /** What the reconciler would send by itself after some minutes. */
  async checkDue(fn: string, data: Record<string, unknown>): Promise<void> {
    const type = 'CheckDue'
    const metadata = { id: crypto.randomUUID(), type, version: 1, occurredAt: new Date().toISOString() }
    const detail = { metadata: { ...metadata, correlationId: 'test', generation: 0 }, data }
    const event = { id: metadata.id, source: 'edgeloop', 'detail-type': type, detail }
    const lambda = new LambdaClient(this.config)
    const { FunctionError, Payload } = await lambda.send(
      new InvokeCommand({ FunctionName: `edgeloop-dev-${fn}`, Payload: Buffer.from(JSON.stringify(event)) }),
    )
    lambda.destroy()
    if (FunctionError) throw new Error(Buffer.from(Payload ?? []).toString())
  }

  /** Starts devices that are made with this trust root; one that ran before has its storage again. */
  async startDevices(things: readonly string[], trustRoot: Uint8Array): Promise<Field> {
    const iot = new IoTClient(this.config)
    const devices = await provisionDevices({
      ...{ iot, things, fleet: FLEET, hardware: HARDWARE },
      policyName: String(this.cloud.outputs['DevicePolicyName']),
      dir: this.path('identities'),
    })
    iot.destroy()
    const field = startField({
      ...{ endpoint: this.cloud.mqtt, devices, trustRoot, fleet: FLEET, hardware: HARDWARE, slots: [SLOT] },
      storage: { dir: this.path('devices') },
    })
    this.#fields.push(field)
    return field
  }

  async stopDevices(): Promise<void> {
    for (const field of this.#fields.splice(0)) await field.stop()
  }

  /** What a device has written down of all that it trusts. */
  trustOf(thing: string): TrustState {
    const state = readFileSync(this.path('devices', thing, 'state.json'), 'utf8')
    return (JSON.parse(state) as { trust: TrustState }).trust
  }
  rootOf(thing: string): TrustRoot {
    return rootOf(this.trustOf(thing)).value
  }

  /** Lines of a function's log with this code. */
  logged(fn: string, code: string): number {
    return this.cloud.logs
      .lines(`/aws/lambda/edgeloop-dev-${fn}`)
      .filter(line => line.message.includes(`"message":"${code}"`)).length
  }

  /** The private half of a key, as a thief has it. */
  steal(stableName: string): string {
    const folder = this.path('cloud', 'kms')
    for (const file of this.#keyFiles(folder)) {
      const key = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        stableName: string
        secret: string
      }
      if (key.stableName === stableName) return key.secret
    }
    throw new Error(`there is no key ${stableName}`)
  }
  #keyFiles = (folder: string): string[] => readdirSync(folder).filter(name => name.endsWith('.json'))

  async close(): Promise<void> {
    await this.stopDevices()
    await this.cloud?.close()
    for (const [name, value] of this.#before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    rmSync(this.dir, { recursive: true, force: true })
  }
}
