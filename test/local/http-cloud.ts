import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Credentials, Iam, Kms, S3 } from '../../local/core/services.ts'
import type {
  CloudLogEntry,
  JsonService,
  PolicyStatement,
  Realm,
  RestService,
  ServiceEvent,
} from '../../local/core/types.ts'
import { startFront } from '../../local/http/front.ts'
import { createIam } from '../../local/iam/index.ts'
import { createKms } from '../../local/kms/index.ts'
import { createS3 } from '../../local/s3/index.ts'
import { createSts } from '../../local/sts/index.ts'

/** A small local cloud for tests: front, IAM, STS, S3 and KMS on a free port and in a temporary folder. */
export interface TestCloud {
  readonly realm: Realm & { now: () => Date }
  readonly iam: Iam
  readonly s3: S3
  readonly kms: Kms
  readonly logs: CloudLogEntry[]
  readonly events: ServiceEvent[]
  readonly client: (credentials?: Credentials) => ClientConfig
  /** Adds a role with these statements and returns a session of it. */
  readonly role: (name: string, statements: readonly PolicyStatement[]) => Credentials
  close(): Promise<void>
}
export interface ClientConfig {
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
  readonly maxAttempts: number
}

type Services = readonly (JsonService | RestService)[]
export interface TestCloudOptions {
  /** A folder to keep; otherwise a temporary one that `close` removes. */
  readonly dir?: string
  readonly services?: Services | ((on: { readonly realm: Realm; readonly iam: Iam }) => Promise<Services>)
}

export const account = '000000000000'

export function testRealm(dir: string, logs: CloudLogEntry[] = []): Realm & { now: () => Date } {
  return {
    accountId: account,
    region: 'eu-west-1',
    endpoint: '',
    dir,
    now: () => new Date(),
    log: entry => void logs.push(entry),
  }
}

export const temporaryDir = (): string => mkdtempSync(join(tmpdir(), 'edgeloop-test-'))

export async function startTestCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const dir = options.dir ?? temporaryDir()
  const logs: CloudLogEntry[] = []
  const events: ServiceEvent[] = []
  const realm = testRealm(dir, logs)
  const iam = createIam(realm)
  const s3 = createS3({ realm, iam, emit: event => void events.push(event) })
  const kms = createKms({ realm, iam })
  const { services: given = [] } = options
  const more = typeof given === 'function' ? await given({ realm, iam }) : given
  const services = [s3.service, kms.service, createSts({ realm, iam }), ...more]
  const front = await startFront({ realm, iam, services, port: 0 })
  return {
    realm,
    iam,
    s3,
    kms,
    logs,
    events,
    client: (credentials = iam.operator) => ({
      endpoint: realm.endpoint,
      region: realm.region,
      credentials,
      maxAttempts: 1,
    }),
    role(name, statements) {
      const policies =
        statements.length === 0 ? [] : [{ name: 'inline', document: { Statement: statements } }]
      iam.addRole({ name, arn: `arn:aws:iam::${account}:role/${name}`, trust: lambdaTrust, policies })
      return iam.credentialsFor(name, `${name}-session`)
    },
    async close() {
      await front.close()
      await s3.close()
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

export const lambdaTrust = {
  Statement: {
    Effect: 'Allow',
    Principal: { Service: 'lambda.amazonaws.com' },
    Action: 'sts:AssumeRole',
  },
} as const

/** Name, HTTP status and message of the error that a call must end in. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ name: string; status: number; message: string }> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const metadata = Reflect.get(error, '$metadata') as { httpStatusCode?: number } | undefined
    return { name: error.name, status: metadata?.httpStatusCode ?? 0, message: error.message }
  }
  throw new Error('the call succeeded, though it should have failed')
}
