import { Agent, request } from 'node:http'
import type { ApiWorld } from '../../../scripts/lib/api/world.ts'
import { mintToken } from '../../../scripts/lib/local-cloud.ts'
import type { Answer } from '../documented.ts'
import type { Shot } from './shots.ts'

/** API Gateway itself gives up after 30 s. */
const PATIENCE_MS = 40_000

export interface Sender {
  send(shot: Shot): Promise<Answer>
  close(): void
}

/** Requests over HTTP with the path as it is: `fetch` would tidy it up. */
export async function sender(world: ApiWorld): Promise<Sender> {
  const { hostname, port, pathname } = new URL(String(world.cloud.outputs['ApiUrl']))
  const base = pathname.replace(/\/$/, '')
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const otherScope = await mintToken(world.cloud, { sub: 'fuzzer-0', scope: 'nobody:nothing' })
  const expired = await mintToken(world.cloud, { sub: 'fuzzer-0', scope: 'fleet:read', expiresIn: -3_600 })
  const authorization = async ({ token, sub }: Shot): Promise<Record<string, string>> => {
    if (token === 'none') return {}
    const text = { garbage: 'not.a.token', otherScope, expired, good: '' }[token]
    return { authorization: `Bearer ${text || (await world.token(sub))}` }
  }
  return {
    async send(shot) {
      const headers = { ...shot.headers, ...(await authorization(shot)) }
      const query = new URLSearchParams(
        shot.query.map(([name, text]): [string, string] => [name, text]),
      ).toString()
      const path = `${base}${shot.path}${query === '' ? '' : `?${query}`}`
      return new Promise((done, fail) => {
        const sent = request(
          { agent, hostname, port, path, method: shot.operation.method, headers },
          answer => {
            const parts: Buffer[] = []
            answer.on('data', part => parts.push(part as Buffer))
            answer.on('error', fail)
            answer.on('end', () =>
              done({
                status: answer.statusCode ?? 0,
                headers: Object.fromEntries(Object.entries(answer.headers).map(([k, v]) => [k, String(v)])),
                body: Buffer.concat(parts).toString(),
              }),
            )
          },
        )
        sent.setTimeout(PATIENCE_MS, () => sent.destroy(new Error(`no answer to ${shot.path.slice(0, 200)}`)))
        sent.on('error', fail)
        sent.end(shot.body)
      })
    },
    close: () => agent.destroy(),
  }
}
