/** A labelling tool beside the probe's cloud: takes what the webhook sends. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Watch } from '../story/watch.ts'

const KEY = 'probe-webhook-key'

export interface WebhookReceiver {
  /** Of the stack. */
  readonly parameters: Readonly<Record<string, string>>
  /** Resolves when a label request was told of; rejects when what came is not what docs/api.md says. */
  told(bus: Watch, model: string): Promise<{ what: string }>
  close(): Promise<void>
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const got: { readonly key: unknown; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    const body = await textOf(request)
    got.push({ key: request.headers['x-edgeloop-webhook-key'], body })
    response.writeHead(204).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    parameters: {
      ReviewWebhookUrl: `http://127.0.0.1:${port}/hooks/edgeloop`,
      ReviewWebhookSecret: KEY,
    },
    async told(bus, model) {
      await bus.holds('the webhook', 30, () => got.length > 0)
      const [first] = got
      if (first?.key !== KEY) throw new Error(`the webhook came with the key ${String(first?.key)}`)
      const { type, samples, reviews } = JSON.parse(first.body) as Record<string, unknown>
      if (type !== 'ReviewsOpened' || !(Number(samples) > 0) || reviews !== `/v1/reviews?model=${model}`)
        throw new Error(`the webhook said ${first.body}`)
      return { what: `a webhook told of ${String(samples)} samples to label` }
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
