/**
 * The Lambda host: packaged functions in worker threads, with their own roles, limits and logs; synchronous and
 * asynchronous invocation; event source mappings. A worker thread is an isolate, not a wall: run only code that
 * you would run with `node`.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { DynamoDb, Iam, Sqs } from '../core/services.ts'
import { AwsError } from '../core/types.ts'
import { unpack } from './archive.ts'
import { createAsyncInvoker } from './async-invoke.ts'
import { createExecutor } from './execute.ts'
import type { LogSink } from './function-log.ts'
import type { Mapping } from './mapping.ts'
import { createQueueMapping } from './mapping-queue.ts'
import { createStreamMapping } from './mapping-stream.ts'
import { assertInvokable, resourcePolicy } from './permission.ts'
import { assertPayload, asyncLimit, createRestApi, syncLimit } from './rest-api.ts'
import { openStreamPositions } from './stream-positions.ts'
import type { EventInvokeConfig, FunctionConfig, FunctionPermission, Lambda, MappingConfig } from './types.ts'

export interface LambdaOptions extends LogSink {
  readonly iam: Pick<Iam, 'authorize' | 'principalFor' | 'credentialsFor'>
  readonly sqs: Pick<Sqs, 'send' | 'receive' | 'delete' | 'release' | 'onMessage' | 'depth'>
  readonly dynamodb: Pick<DynamoDb, 'readStream' | 'onStream'>
  /** Environments of one function without reserved concurrency; default 4. Not a limit of Lambda, but of one machine. */
  readonly maxPerFunction?: number
  /** Environments of all functions; default 24. */
  readonly maxTotal?: number
  /** How long an environment stays warm, in ms; default 60 000. */
  readonly idleMs?: number
  /** Pauses before the retries of an asynchronous event; Lambda's are one and two minutes, the default 1 s and 2 s. */
  readonly asyncRetryDelaysMs?: readonly number[]
  /** Pause before retry n (from 1) of a stream batch, in ms; default 200 doubling up to 10 000. */
  readonly streamRetryDelayMs?: (retry: number) => number
  /** How long `close` waits for what runs, in ms; default 5000. */
  readonly closeGraceMs?: number
}
interface Known {
  readonly config: FunctionConfig
  readonly taskRoot: string
  readonly permissions: FunctionPermission[]
  invokeConfig: EventInvokeConfig
}

const defaultInvokeConfig: EventInvokeConfig = { maximumRetryAttempts: 2, maximumEventAgeSeconds: 21_600 }

export function createLambda(options: LambdaOptions): Lambda {
  const { realm, iam, sqs, dynamodb, logs } = options
  const folder = join(realm.dir, 'lambda')
  const functions = new Map<string, Known>()
  /** By PutFunctionConcurrency. */
  const reserved = new Map<string, number>()
  const mappings: Mapping[] = []
  const positions = openStreamPositions(realm, folder)

  const find = (nameOrArn: string): Known | undefined => {
    // A qualifier, `:$LATEST` or a version, does not change what runs.
    const name = /^arn:aws:lambda:[^:]*:\d*:function:([^:]+)/.exec(nameOrArn)?.[1] ?? nameOrArn.split(':')[0]
    return functions.get(name ?? '')
  }
  const known = (nameOrArn: string): Known => {
    const found = find(nameOrArn)
    if (!found) throw new AwsError('ResourceNotFoundException', `Function not found: ${nameOrArn}`, 404)
    return found
  }

  const executor = createExecutor({
    realm,
    iam,
    logs,
    folder,
    maxTotal: options.maxTotal ?? 24,
    maxPerFunction: options.maxPerFunction ?? 4,
    idleMs: options.idleMs ?? 60_000,
    reserved: name => reserved.get(name),
    taskRootOf: fn => known(fn.name).taskRoot,
  })
  const asyncInvoker = createAsyncInvoker({
    realm,
    iam,
    send: sqs.send,
    execute: (fn, payload, requestId) => executor.execute(fn, payload, requestId, false),
    configOf: fn => known(fn.name).invokeConfig,
    retryDelaysMs: options.asyncRetryDelaysMs ?? [1000, 2000],
  })

  const createMapping = (config: MappingConfig): Mapping => {
    const fn = known(config.functionName).config
    const execute = (payload: Buffer) => executor.execute(fn, payload, randomUUID(), false)
    const base = { realm, fn, config, execute }
    if (config.eventSourceArn.startsWith('arn:aws:sqs:')) {
      const limit = executor.pool.limit(fn)
      return createQueueMapping({
        ...base,
        sqs,
        concurrency: Math.min(limit, config.maximumConcurrency ?? limit),
      })
    }
    return createStreamMapping({
      ...base,
      dynamodb,
      positions,
      retryDelayMs:
        options.streamRetryDelayMs ?? (retry => Math.min(10_000, 200 * 2 ** Math.min(retry - 1, 10))),
      onFailure: (queueArn, body) => sqs.send(queueArn, body, iam.principalFor(fn.roleName, fn.name)),
    })
  }

  return {
    service: createRestApi({
      functions: () => [...functions.values()].map(each => each.config),
      find: name => find(name)?.config,
      run: (fn, payload, requestId) => executor.execute(fn, payload, requestId, true),
      accept: (fn, payload, requestId) => asyncInvoker.accept(fn, payload, requestId),
      reserve(fn, concurrency) {
        if (concurrency === undefined) reserved.delete(fn.name)
        else reserved.set(fn.name, concurrency)
      },
    }),
    async invokeAsync(functionArn, payload, source) {
      const { config, permissions } = known(functionArn)
      assertInvokable(realm, iam, config, resourcePolicy(config.arn, permissions), source)
      assertPayload(payload, asyncLimit)
      asyncInvoker.accept(config, payload, randomUUID())
    },
    async invoke(functionArn, payload, source) {
      const { config, permissions } = known(functionArn)
      assertInvokable(realm, iam, config, resourcePolicy(config.arn, permissions), source)
      assertPayload(payload, syncLimit)
      const outcome = await executor.execute(config, payload, randomUUID(), true)
      return {
        payload: outcome.payload,
        ...(outcome.functionError && { functionError: outcome.functionError }),
      }
    },
    createFunction(config, archive) {
      const taskRoot = unpack(folder, config.name, archive)
      functions.set(config.name, { config, taskRoot, permissions: [], invokeConfig: defaultInvokeConfig })
    },
    getFunction: nameOrArn => find(nameOrArn)?.config,
    addPermission: (name, permission) => void known(name).permissions.push(permission),
    setEventInvokeConfig(name, config) {
      known(name).invokeConfig = config
    },
    createEventSourceMapping(config) {
      if (config.enabled) mappings.push(createMapping(config))
    },
    start() {
      for (const mapping of mappings) mapping.start()
    },
    status: () => ({ ...executor.pool.counts(), pendingEvents: asyncInvoker.pending() }),
    async close() {
      const stopping = mappings.map(mapping => mapping.stop())
      // Together: what waits in one place may run in the other.
      await Promise.all([executor.close(options.closeGraceMs ?? 5000), asyncInvoker.close(), ...stopping])
      positions.flush()
    },
  }
}
