/** A server that answers an SDK client with whatever the test says AWS would. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface StubAnswer {
  readonly status?: number
  readonly body: unknown
}
export interface Stub {
  readonly config: {
    readonly endpoint: string
    readonly region: string
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
    readonly maxAttempts: number
  }
  /** Operation and body of each call, in order. */
  readonly calls: { readonly operation: string; readonly body: unknown }[]
  close(): Promise<void>
}

export async function awsStub(answer: (operation: string, body: unknown) => StubAnswer): Promise<Stub> {
  const calls: { operation: string; body: unknown }[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
      const call = { operation, body: JSON.parse(Buffer.concat(parts).toString()) as unknown }
      calls.push(call)
      const { status = 200, body } = answer(operation, call.body)
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    config: {
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
      maxAttempts: 1,
    },
    calls,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
