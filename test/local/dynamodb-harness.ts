/** A test-only HTTP front for JSON services, without signatures, and an IAM that allows everything unless told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Iam } from '../../local/core/services.ts'
import {
  type AuthzRequest,
  AwsError,
  type JsonService,
  type Principal,
  type Realm,
} from '../../local/core/types.ts'

export const operator: Principal = { arn: 'arn:aws:iam::000000000000:user/operator', kind: 'operator' }
export interface Harness {
  readonly realm: Realm
  readonly iam: Iam
  /** Every permission that was asked for, in order. */
  readonly asked: AuthzRequest[]
  /** Decides each request; allows by default. */
  policy: (need: AuthzRequest) => boolean
  /** Milliseconds added to the real clock. */
  clockOffset: number
  serve(services: readonly JsonService[]): Promise<void>
  close(): Promise<void>
}

export function createHarness(dir = mkdtempSync(join(tmpdir(), 'edgeloop-'))): Harness {
  const authorize = (_principal: Principal, needs: readonly AuthzRequest[]) => {
    for (const need of needs) {
      harness.asked.push(need)
      if (!harness.policy(need))
        throw new AwsError('AccessDenied', `not authorized to perform: ${need.action}`, 403)
    }
  }
  let services: readonly JsonService[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      void answer(String(request.headers['x-amz-target']), Buffer.concat(parts)).then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body))
      })
    })
  })
  const answer = async (target: string, body: Buffer): Promise<{ status: number; body: unknown }> => {
    try {
      const [prefix, name = ''] = target.split('.')
      const operation = services.find(service => service.targetPrefix === prefix)?.operations[name]
      if (operation === undefined) throw new AwsError('NotImplemented', target, 501)
      const ctx = {
        principal: operator,
        requestId: 'request',
        authorize: (...needs: readonly AuthzRequest[]) => authorize(operator, needs),
      }
      return { status: 200, body: (await operation(JSON.parse(body.toString()), ctx)) ?? {} }
    } catch (error) {
      if (!(error instanceof AwsError))
        return { status: 500, body: { __type: 'InternalFailure', message: String(error) } }
      return { status: error.status, body: { __type: error.code, message: error.message, ...error.extra } }
    }
  }
  const harness: Harness = {
    realm: {
      accountId: '000000000000',
      region: 'eu-west-1',
      endpoint: '',
      dir,
      now: () => new Date(Date.now() + harness.clockOffset),
      log: () => {},
    },
    iam: { authorize } as unknown as Iam,
    asked: [],
    policy: () => true,
    clockOffset: 0,
    async serve(given) {
      services = given
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      harness.realm.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    async close() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return harness
}

export const removeFolder = (dir: string): void => rmSync(dir, { recursive: true, force: true })

/** What every SDK client of these tests needs. */
export const clientConfig = ({ realm }: Harness) => ({
  endpoint: realm.endpoint,
  region: realm.region,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
})
