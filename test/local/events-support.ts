/** Test-only stand-ins: a realm, an IAM that asks a function, and a plain HTTP dispatcher without signatures. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Iam } from '../../local/core/services.ts'
import {
  type AuthzRequest,
  AwsError,
  type CallContext,
  type CloudLogEntry,
  type JsonService,
  type Principal,
  type Realm,
  type RestService,
} from '../../local/core/types.ts'

export interface TestRealm extends Realm {
  readonly logged: CloudLogEntry[]
  clock: Date | undefined
  remove(): void
}
export function testRealm(): TestRealm {
  const dir = mkdtempSync(join(tmpdir(), 'cloud-'))
  const logged: CloudLogEntry[] = []
  const realm: TestRealm = {
    accountId: '123456789012',
    region: 'eu-west-1',
    endpoint: 'http://127.0.0.1:0',
    dir,
    logged,
    clock: undefined,
    now: () => realm.clock ?? new Date(),
    log: entry => void logged.push(entry),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
  return realm
}

export const operator: Principal = { kind: 'operator', arn: 'arn:aws:iam::123456789012:user/operator' }

/** Every need goes through `allows`; roles are known by name, and their session name is their secret. */
export function testIam(allows: (principal: Principal, need: AuthzRequest) => boolean = () => true) {
  const needs: AuthzRequest[] = []
  const untrusted = new Set<string>()
  const deny = (principal: Principal, need: AuthzRequest): never => {
    throw new AwsError(
      'AccessDenied',
      `User: ${principal.arn} is not authorized to perform: ${need.action} on resource: ${need.resource}`,
      403,
    )
  }
  const principalFor = (roleName: string, sessionName: string): Principal => ({
    kind: 'role',
    arn: `arn:aws:sts::123456789012:assumed-role/${roleName}/${sessionName}`,
    roleName,
    sessionName,
  })
  const iam: Iam = {
    addRole: () => {},
    credentialsFor: (roleName, sessionName) => ({
      accessKeyId: `ASIA-${roleName}`,
      secretAccessKey: sessionName,
      sessionToken: sessionName,
    }),
    principalFor,
    assertAssumable: (roleName, service) => {
      if (untrusted.has(roleName))
        throw new AwsError('AccessDenied', `${service} may not assume ${roleName}`, 403)
    },
    operator: { accessKeyId: 'AKIA', secretAccessKey: 'x' },
    resolve: () => undefined,
    authorize: (principal, wanted) => {
      for (const need of wanted) {
        needs.push(need)
        if (!allows(principal, need)) deny(principal, need)
      }
    },
    isAllowed: allows,
    onDenied: () => {},
    denials: [],
    statementUse: () => [],
  }
  return { iam, needs, untrusted }
}

/** Serves the services on an ephemeral port and points `realm.endpoint` at it. */
export async function serve(realm: Realm, iam: Iam, services: readonly (JsonService | RestService)[]) {
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const scope = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(req.headers.authorization ?? '')
    const role = /^ASIA-(.+)$/.exec(scope?.[1] ?? '')?.[1]
    const principal = role ? iam.principalFor(role, String(req.headers['x-amz-security-token'])) : operator
    const ctx: CallContext = {
      principal,
      requestId: 'test',
      authorize: (...needs) => iam.authorize(principal, needs),
    }
    const [prefix, operation = ''] = String(req.headers['x-amz-target'] ?? '').split('.')
    try {
      const json = services.find(each => each.kind === 'json' && each.targetPrefix === prefix)
      if (json?.kind === 'json') {
        const run = json.operations[operation]
        if (!run) throw new AwsError('NotImplemented', operation, 501)
        const output = await run(JSON.parse(body.toString()), ctx)
        return res
          .writeHead(200, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(output))
      }
      const rest = services.find(
        each =>
          each.kind === 'rest' && (scope ? each.signingNames.includes(scope[2] ?? '') : each.name === 'http'),
      )
      if (rest?.kind !== 'rest') return res.writeHead(501).end()
      const url = new URL(`http://localhost${req.url}`)
      const headers = Object.fromEntries(
        Object.entries(req.headers).map(([key, value]) => [key, String(value)]),
      )
      const response = await rest.handle(
        {
          method: req.method ?? '',
          rawPath: (req.url ?? '').split('?')[0] ?? '',
          query: url.searchParams,
          headers,
          body,
          trailers: {},
        },
        ctx,
      )
      return res.writeHead(response.status, response.headers).end(response.body)
    } catch (error) {
      const { code = 'InternalFailure', status = 500 } = error as { code?: string; status?: number }
      return res
        .writeHead(status === 403 ? 400 : status, { 'content-type': 'application/x-amz-json-1.1' })
        .end(JSON.stringify({ __type: code, message: (error as Error).message }))
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  ;(realm as { endpoint: string }).endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Waits until the condition holds; fails by the test's own timeout. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}
