/** A Lambda host over the real IAM and logs, with queues and streams that are lists. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { vi } from 'vitest'
import type { QueueMessage, StreamRecord } from '../../local/core/services.ts'
import type { CloudLogEntry, PolicyStatement, Realm, SendToQueue } from '../../local/core/types.ts'
import { createIam } from '../../local/iam/index.ts'
import { createLambda, type LambdaOptions } from '../../local/lambda/index.ts'
import type { FunctionConfig } from '../../local/lambda/types.ts'
import { createLogs } from '../../local/logs/index.ts'

export const accountId = '123456789012'
export const queueArn = (name: string): string => `arn:aws:sqs:eu-west-1:${accountId}:${name}`
export const trustLambda = {
  Statement: { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
} as const

/** Source files, CommonJS, to an archive as `osls package` makes one. */
export const archive = (files: Readonly<Record<string, string>>): Uint8Array =>
  zipSync(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, strToU8(text)])))

export interface Sent {
  readonly queue: string
  readonly body: string
  readonly as: string
  readonly attributes: Readonly<Record<string, string>>
}

export function makeRealm(): { realm: Realm; entries: CloudLogEntry[]; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-lambda-'))
  const entries: CloudLogEntry[] = []
  const realm: Realm = {
    accountId,
    region: 'eu-west-1',
    endpoint: 'http://127.0.0.1:1',
    dir,
    now: () => new Date(),
    log: entry => entries.push(entry),
  }
  return { realm, entries, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export function makeHost(options: Partial<LambdaOptions> = {}, statements: readonly PolicyStatement[] = []) {
  const { realm, entries, remove } = makeRealm()
  const iam = createIam(realm)
  const logs = createLogs({ realm, iam })
  const logStatement = { Effect: 'Allow', Action: 'logs:*', Resource: '*' } as const
  const addRole = (extra: readonly PolicyStatement[]): void =>
    iam.addRole({
      name: 'role',
      arn: `arn:aws:iam::${accountId}:role/role`,
      trust: trustLambda,
      policies: [{ name: 'p', document: { Statement: [logStatement, ...extra] } }],
    })
  addRole(statements)

  const sent: Sent[] = []
  const visible: QueueMessage[] = []
  const hidden: QueueMessage[] = []
  const deleted: string[] = []
  const listeners = new Set<() => void>()
  const send: SendToQueue = async (queue, body, as, given) => {
    iam.authorize(as, [{ action: 'sqs:SendMessage', resource: queue }])
    sent.push({ queue, body, as: as.arn, attributes: given?.attributes ?? {} })
  }
  const sqs: LambdaOptions['sqs'] = {
    send,
    receive: (_arn, max) => {
      const taken = visible.splice(0, max)
      hidden.push(...taken)
      return taken
    },
    delete: (_arn, handles) => void deleted.push(...handles),
    release: (_arn, handles) => {
      const given = hidden.filter(message => handles.includes(message.receiptHandle))
      visible.unshift(...given)
    },
    onMessage: (_arn, listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    depth: () => ({ visible: visible.length, inFlight: 0, delayed: 0 }),
  }
  const stream: StreamRecord[] = []
  const streamListeners = new Set<() => void>()
  const dynamodb: LambdaOptions['dynamodb'] = {
    readStream: (_arn, position, limit) => {
      const records = stream.slice(position, position + limit)
      return { records, next: position + records.length }
    },
    onStream: (_arn, listener) => {
      streamListeners.add(listener)
      return () => streamListeners.delete(listener)
    },
  }
  const lambda = createLambda({
    realm,
    iam,
    logs,
    sqs,
    dynamodb,
    asyncRetryDelaysMs: [1],
    streamRetryDelayMs: () => 1,
    ...options,
  })

  return {
    realm,
    entries,
    iam,
    logs,
    lambda,
    sent,
    visible,
    deleted,
    stream,
    addRole,
    add(source: string, config: Partial<FunctionConfig> = {}): FunctionConfig {
      const name = config.name ?? 'fn'
      const full: FunctionConfig = {
        name,
        arn: `arn:aws:lambda:eu-west-1:${accountId}:function:${name}`,
        runtime: 'nodejs24.x',
        handler: 'index.handler',
        roleName: 'role',
        memoryMb: 128,
        timeoutSeconds: 20,
        environment: {},
        logGroup: `/aws/lambda/${name}`,
        logFormat: 'Text',
        ...config,
      }
      lambda.createFunction(full, archive({ 'index.cjs': source }))
      lambda.addPermission(name, { service: 'events.amazonaws.com' })
      return full
    },
    async call(fn: FunctionConfig, event: unknown = {}) {
      const source = { service: 'events.amazonaws.com', sourceArn: 'arn:aws:events:::rule/x' }
      const answer = await lambda.invoke(fn.arn, Buffer.from(JSON.stringify(event)), source)
      return { ...answer, body: JSON.parse(answer.payload.toString()) as Record<string, unknown> }
    },
    async callAsync(fn: FunctionConfig, event: unknown = {}) {
      const source = { service: 'events.amazonaws.com', sourceArn: 'arn:aws:events:::rule/x' }
      await lambda.invokeAsync(fn.arn, Buffer.from(JSON.stringify(event)), source)
    },
    put(bodies: readonly string[]): void {
      for (const body of bodies)
        visible.push({
          messageId: `id-${body}`,
          receiptHandle: `handle-${body}`,
          body,
          attributes: { ApproximateReceiveCount: '1' },
          messageAttributes: { kind: { DataType: 'String', StringValue: body } },
        })
      for (const listener of listeners) listener()
    },
    record(records: readonly StreamRecord[]): void {
      stream.push(...records)
      for (const listener of streamListeners) listener()
    },
    async close() {
      await lambda.close()
      await logs.close()
      remove()
    },
  }
}
export type Host = ReturnType<typeof makeHost>

/** Waits for something that happens in other threads. */
export const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000, interval: 10 })
