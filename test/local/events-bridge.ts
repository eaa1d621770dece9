/** EventBridge with fake targets, for the tests of its API and of delivery. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { afterEach, beforeEach } from 'vitest'
import type { EventBridge } from '../../local/core/services.ts'
import { type AuthzRequest, AwsError, type Principal } from '../../local/core/types.ts'
import { createEventBridge } from '../../local/events/index.ts'
import { serve, type TestRealm, testIam, testRealm } from './events-support.ts'

export const FN = 'arn:aws:lambda:eu-west-1:123456789012:function:f'
export const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:q'
export const DLQ = 'arn:aws:sqs:eu-west-1:123456789012:dlq'

export type Sent = {
  queue: string
  body: string
  as: Principal
  options: Record<string, unknown> | undefined
}
export let realm: TestRealm
export let bridge: EventBridge
export let client: EventBridgeClient
let front: Awaited<ReturnType<typeof serve>>
export let invoked: { arn: string; event: Record<string, unknown>; source: unknown }[]
export let sent: Sent[]
export let needs: AuthzRequest[]
/** Roles that no service may assume. */
export let untrusted: Set<string>

/** What the fakes answer in the present test. */
export const faults = {
  invoke: (): Error | undefined => undefined,
  send: (_queue: string): Error | undefined => undefined,
  allow: true,
  /** An action that IAM refuses. */
  refused: '',
}

/** A fresh bridge behind HTTP for each test of the file. */
export function useBridge(): void {
  beforeEach(async () => {
    realm = testRealm()
    invoked = []
    sent = []
    Object.assign(faults, { invoke: () => undefined, send: () => undefined, allow: true, refused: '' })
    const fake = testIam((_, need) => faults.allow && need.action !== faults.refused)
    needs = fake.needs
    untrusted = fake.untrusted
    bridge = createEventBridge({
      realm,
      iam: fake.iam,
      tickMs: 1,
      retryDelayMs: () => 1,
      destinationTimeoutMs: 200,
      invokeAsync: async (arn, payload, source) => {
        const error = faults.invoke()
        invoked.push({ arn, event: JSON.parse(payload.toString()), source })
        if (error) throw error
      },
      sendToQueue: async (queue, body, as, options) => {
        const error = faults.send(queue)
        if (error) throw error
        sent.push({ queue, body, as, options: options as Record<string, unknown> | undefined })
      },
    })
    bridge.createBus({ Name: 'edge' })
    front = await serve(realm, fake.iam, [bridge.service])
    client = new EventBridgeClient({
      endpoint: realm.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'AKIA', secretAccessKey: 'x' },
      maxAttempts: 1,
    })
  })
  afterEach(async () => {
    client.destroy()
    await bridge.close()
    await front.close()
    realm.remove()
  })
}

export const rule = (target: Record<string, unknown> = {}, rest: Record<string, unknown> = {}) =>
  bridge.createRule({
    Name: 'r',
    EventBusName: 'edge',
    EventPattern: { source: ['app'] },
    Targets: [{ Id: 't', Arn: FN, ...target }],
    ...rest,
  })
export const put = (entry: Record<string, unknown> = {}) =>
  client.send(
    new PutEventsCommand({
      Entries: [
        { Source: 'app', DetailType: 'Done', Detail: '{"n":1,"s":"a\\"b"}', EventBusName: 'edge', ...entry },
      ],
    }),
  )
export const denied = () => new AwsError('AccessDeniedException', 'no permission', 403)
