/** The packaged template in the local cloud, with its own user pool and people in it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cloud } from '../../local/cloud.ts'
import { type LocalOptions, startEdgeloop } from '../../scripts/lib/local-cloud.ts'
import { type SignedIn, type SignInRequest, signIn } from '../../scripts/lib/sign-in.ts'
import type { CallConfig } from '../../scripts/lib/signed-call.ts'
import { list, ofType, readTemplate, text } from '../template-rules/template.ts'

export interface Route {
  readonly key: string
  readonly method: string
  /** With a name that nothing has in the place of each parameter. */
  readonly path: string
  readonly scopes: readonly string[]
  readonly authorizer: string
}

/** Every route of the packaged template. */
export const routes: readonly Route[] = ofType(readTemplate(), 'AWS::ApiGatewayV2::Route').map(
  ([, route]) => {
    const key = text(route['RouteKey'])
    const [method = '', path = ''] = key.split(' ')
    return {
      key,
      method,
      path: path.replaceAll(/\{[^}]+\}/g, 'nobody'),
      scopes: list(route['AuthorizationScopes']).map(String),
      authorizer: `${text(route['AuthorizationType'])} ${text(route['AuthorizerId'])}`,
    }
  },
)

export interface Office {
  readonly cloud: Cloud
  readonly config: CallConfig
  /** Status of a request to the API's own address. */
  ask(route: Pick<Route, 'method' | 'path'>, token?: string): Promise<number>
  /** As in a browser, with the console's client. */
  signIn(username: string, password: string, more?: Partial<SignInRequest>): Promise<SignedIn>
  close(): Promise<void>
}

export async function startOffice(options: Partial<LocalOptions> = {}): Promise<Office> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-operators-'))
  const cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0, ...options })
  const { endpoint, credentials, realm, outputs } = cloud
  return {
    cloud,
    config: { endpoint, credentials, region: realm.region },
    async ask({ method, path }, token) {
      const answer = await fetch(`${outputs['ApiUrl']}${path}`, {
        method,
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(method !== 'GET' && { body: '{}' }),
      })
      await answer.arrayBuffer()
      return answer.status
    },
    signIn: (username, password, more = {}) =>
      signIn({
        domain: String(outputs['UserPoolDomain']),
        clientId: String(outputs['ConsoleClientId']),
        redirectUri: `${outputs['ConsoleUrl']}/`,
        ...{ username, password, ...more },
      }),
    async close() {
      await cloud.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
