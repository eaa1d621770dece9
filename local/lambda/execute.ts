/** Runs one event in an environment of its function, whoever sent it. */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Iam } from '../core/services.ts'
import { functionEnvironment } from './environment.ts'
import { createFunctionLog, type FunctionLog, type LogSink } from './function-log.ts'
import { createPool, type Pool } from './pool.ts'
import type { FunctionFault } from './runtime/protocol.ts'
import { createSandbox, logStreamName, type Sandbox, type SandboxResult } from './sandbox.ts'
import type { FunctionConfig } from './types.ts'

export interface ExecutorOptions extends LogSink {
  readonly iam: Pick<Iam, 'authorize' | 'principalFor' | 'credentialsFor'>
  readonly folder: string
  readonly maxTotal: number
  readonly maxPerFunction: number
  readonly idleMs: number
  readonly reserved?: (functionName: string) => number | undefined
  readonly taskRootOf: (fn: FunctionConfig) => string
}
export interface Outcome {
  /** JSON: the result, or the fault. */
  readonly payload: Buffer
  readonly functionError?: 'Unhandled'
  readonly fault?: FunctionFault
  readonly logTail: readonly string[]
}
export interface Executor {
  /** `urgent` when a caller waits for the answer. Rejects with AwsError when throttled or closing. */
  execute(fn: FunctionConfig, payload: Buffer, requestId: string, urgent: boolean): Promise<Outcome>
  readonly pool: Pool<Environment>
  /** Waits up to `graceMs` for what runs, then ends every environment. */
  close(graceMs: number): Promise<void>
}
interface Environment {
  readonly sandbox: Sandbox
  readonly log: FunctionLog
  /** Lines of the invocation that runs, newest last. */
  tail: string[]
  usable(): boolean
  terminate(): Promise<void>
}

/** Lambda gives the init phase ten seconds, and once more, within the function's timeout, if they do not suffice. */
const initSeconds = 10
const maxResponseBytes = 6 * 1024 * 1024
const tailLines = 100

export function createExecutor(options: ExecutorOptions): Executor {
  const { realm } = options
  const running = new Set<Promise<unknown>>()

  const spawn = (fn: FunctionConfig): Environment => {
    const stream = logStreamName(realm.now())
    const log = createFunctionLog(options, fn, stream, line => {
      environment.tail.push(line)
      if (environment.tail.length > tailLines) environment.tail.shift()
    })
    const taskRoot = options.taskRootOf(fn)
    const tmp = join(options.folder, 'tmp', fn.name)
    mkdirSync(tmp, { recursive: true })
    const credentials = options.iam.credentialsFor(fn.roleName, fn.name)
    const environment: Environment = {
      tail: [],
      log,
      usable: () => environment.sandbox.usable(),
      terminate: () => environment.sandbox.terminate(),
      sandbox: createSandbox({
        data: {
          taskRoot,
          handler: fn.handler,
          functionName: fn.name,
          memoryMb: fn.memoryMb,
          logGroup: fn.logGroup,
          logStream: stream,
          logFormat: fn.logFormat,
          logLevel: fn.applicationLogLevel ?? 'INFO',
        },
        env: functionEnvironment({ fn, realm, credentials, taskRoot, logStream: stream, tmp }),
        initLimitMs: (initSeconds + fn.timeoutSeconds) * 1000,
        onLine: log.line,
      }),
    }
    return environment
  }

  const pool = createPool<Environment>({
    maxTotal: options.maxTotal,
    maxPerFunction: options.maxPerFunction,
    idleMs: options.idleMs,
    ...(options.reserved && { reserved: options.reserved }),
    spawn,
  })

  async function runIn(
    environment: Environment,
    fn: FunctionConfig,
    payload: Buffer,
    requestId: string,
    cold: boolean,
  ) {
    const { sandbox, log } = environment
    environment.tail = []
    log.start(requestId)
    const init = await sandbox.init
    const result: SandboxResult = init.fault
      ? { status: 'error', fault: init.fault, durationMs: 0, heapMb: 0 }
      : await sandbox.invoke(
          {
            requestId,
            payload: payload.length === 0 ? '{}' : payload.toString('utf8'),
            deadline: Date.now() + fn.timeoutSeconds * 1000,
            functionArn: fn.arn,
            traceId: `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')};Sampled=0`,
          },
          fn.timeoutSeconds * 1000,
        )
    const fault = result.fault ?? tooLarge(result.payload)
    if (result.status === 'timeout') log.timedOut(requestId, fn.timeoutSeconds.toFixed(2))
    const report = {
      requestId,
      durationMs: result.durationMs,
      initMs: cold ? init.durationMs : undefined,
      heapMb: result.heapMb,
      status: fault && result.status === 'success' ? ('error' as const) : result.status,
      errorType: fault?.errorType,
    }
    if (fault) log.line(faultLine(fn, requestId, fault))
    log.end(report)
    measured(fn, 'Invocations', 1)
    measured(fn, 'Errors', fault ? 1 : 0)
    measured(fn, 'Duration', result.durationMs)
    return outcome(result.payload, fault && withRequestId(fault, requestId), environment.tail)
  }

  /** Of the function, and of all functions together. */
  const measured = (fn: FunctionConfig, name: string, value: number): void => {
    realm.measure?.('AWS/Lambda', name, { FunctionName: fn.name }, value)
    realm.measure?.('AWS/Lambda', name, {}, value)
  }

  return {
    pool,
    async execute(fn, payload, requestId, urgent) {
      const lease = await pool.acquire(fn, urgent).catch((error: unknown) => {
        measured(fn, 'Throttles', 1)
        throw error
      })
      realm.measure?.('AWS/Lambda', 'ConcurrentExecutions', {}, pool.counts().running)
      const run = runIn(lease.member, fn, payload, requestId, lease.cold)
      running.add(run)
      try {
        const result = await run
        if (result.fault)
          realm.log({
            level: 'error',
            service: 'lambda',
            message: `function ${fn.name} failed: ${result.fault.errorType}: ${result.fault.errorMessage}`,
            functionName: fn.name,
            requestId,
          })
        return result
      } finally {
        running.delete(run)
        lease.release()
      }
    },
    async close(graceMs) {
      pool.refuse()
      let timer: NodeJS.Timeout | undefined
      const grace = new Promise(resolve => {
        timer = setTimeout(resolve, graceMs)
      })
      await Promise.race([Promise.allSettled(running), grace])
      clearTimeout(timer)
      await pool.close()
    },
  }
}

function outcome(
  payload: string | undefined,
  fault: FunctionFault | undefined,
  logTail: readonly string[],
): Outcome {
  if (fault)
    return { payload: Buffer.from(JSON.stringify(fault)), functionError: 'Unhandled', fault, logTail }
  return { payload: Buffer.from(payload ?? 'null'), logTail }
}

function tooLarge(payload: string | undefined): FunctionFault | undefined {
  const bytes = Buffer.byteLength(payload ?? '')
  if (bytes <= maxResponseBytes) return undefined
  const errorMessage = `Response payload size (${bytes} bytes) exceeded maximum allowed payload size (${maxResponseBytes} bytes).`
  return { errorType: 'Function.ResponseSizeTooLarge', errorMessage }
}

/** Faults that the platform and not the function's code reports begin with the request id. */
function withRequestId(fault: FunctionFault, requestId: string): FunctionFault {
  if (fault.errorType !== 'Sandbox.Timedout' && fault.errorType !== 'Runtime.ExitError') return fault
  return { ...fault, errorMessage: `RequestId: ${requestId} Error: ${fault.errorMessage}` }
}

function faultLine(fn: FunctionConfig, requestId: string, fault: FunctionFault): string {
  const timestamp = new Date().toISOString()
  if (fn.logFormat === 'Text')
    return `${timestamp}\t${requestId}\tERROR\tInvoke Error \t${JSON.stringify(fault)}`
  const { errorType, errorMessage, trace } = fault
  return JSON.stringify({
    timestamp,
    level: 'ERROR',
    requestId,
    message: { errorType, errorMessage, stackTrace: trace },
  })
}
