/** One execution environment: a worker thread with a function's code, environment, memory limit and log stream. */
import { randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { FunctionFault, InvokeMessage, RuntimeData, WorkerMessage } from './runtime/protocol.ts'

export interface SandboxOptions {
  readonly data: RuntimeData
  /** All of `process.env` that the function sees. */
  readonly env: Readonly<Record<string, string>>
  /** Upper bound of loading the handler, in ms. */
  readonly initLimitMs: number
  readonly onLine: (line: string) => void
}
export interface SandboxResult {
  readonly payload?: string
  readonly fault?: FunctionFault
  readonly status: 'success' | 'error' | 'timeout'
  readonly durationMs: number
  readonly heapMb: number
}
export interface Sandbox {
  /** Undefined once the handler is loaded, else the fault of the init phase. Never rejects. */
  readonly init: Promise<{ readonly fault: FunctionFault | undefined; readonly durationMs: number }>
  /** False when the thread has ended or must not be used again. */
  usable(): boolean
  /** Runs one event; one at a time. Never rejects. */
  invoke(message: InvokeMessage, timeoutMs: number): Promise<SandboxResult>
  terminate(): Promise<void>
}

type Ending = Omit<SandboxResult, 'durationMs'>

export function createSandbox(options: SandboxOptions): Sandbox {
  const worker = new Worker(new URL('./runtime/worker.ts', import.meta.url), {
    workerData: options.data,
    env: options.env,
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    name: options.data.functionName,
    // V8 lets the young generation of each thread grow to 48 MB; dozens of threads share this process.
    resourceLimits: { maxOldGenerationSizeMb: options.data.memoryMb, maxYoungGenerationSizeMb: 6 },
  })
  for (const stream of [worker.stdout, worker.stderr])
    stream.on('data', (chunk: Buffer) => options.onLine(chunk.toString('utf8').trimEnd()))

  let dead = false
  let settle: ((ending: Ending) => void) | undefined
  let crashed: FunctionFault | undefined
  const end = (ending: Ending): void => {
    const done = settle
    settle = undefined
    done?.(ending)
  }

  worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'line') options.onLine(message.text)
    else if (message.type === 'result')
      end({ status: 'success', payload: message.payload, heapMb: message.heapMb })
    else if (message.type === 'fault') end({ status: 'error', fault: message.fault, heapMb: message.heapMb })
    else if (message.type === 'ready') end({ status: 'success', heapMb: 0 })
    else if (message.type === 'initFault') {
      dead = true
      end({ status: 'error', fault: message.fault, heapMb: 0 })
    } else crashed = message.fault
  })
  worker.on('error', (error: NodeJS.ErrnoException) => {
    // Lambda kills a process that outgrows its memory; a thread can only outgrow its heap.
    crashed ??=
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? exitFault('Runtime exited with error: signal: killed', options.data.memoryMb)
        : { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') }
  })
  worker.on('exit', code => {
    dead = true
    const reason =
      code === 0
        ? 'Runtime exited without providing a reason'
        : `Runtime exited with error: exit status ${code}`
    end({ status: 'error', fault: crashed ?? exitFault(reason), heapMb: 0 })
  })

  const run = (limitMs: number, onLimit: () => FunctionFault): Promise<SandboxResult> => {
    const started = performance.now()
    return new Promise<Ending>(resolve => {
      const timer = setTimeout(() => {
        dead = true
        end({ status: 'timeout', fault: onLimit(), heapMb: 0 })
        void worker.terminate()
      }, limitMs)
      settle = ending => {
        clearTimeout(timer)
        resolve(ending)
      }
    }).then(ending => ({ ...ending, durationMs: performance.now() - started }))
  }

  const initLimit = (): FunctionFault => ({
    errorType: 'Sandbox.Timedout',
    errorMessage: `Init timed out after ${(options.initLimitMs / 1000).toFixed(2)} seconds`,
  })
  return {
    init: run(options.initLimitMs, initLimit).then(({ fault, durationMs }) => ({ fault, durationMs })),
    usable: () => !dead,
    invoke(message, timeoutMs) {
      if (dead) {
        const fault = crashed ?? exitFault('Runtime exited without providing a reason')
        return Promise.resolve({ status: 'error', fault, durationMs: 0, heapMb: 0 })
      }
      const result = run(timeoutMs, () => ({
        errorType: 'Sandbox.Timedout',
        errorMessage: `Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
      }))
      worker.postMessage(message)
      return result
    },
    async terminate() {
      dead = true
      await worker.terminate()
    },
  }
}

function exitFault(reason: string, memoryMb?: number): FunctionFault {
  const hint = memoryMb === undefined ? '' : ` (the heap outgrew MemorySize, ${memoryMb} MB)`
  return { errorType: 'Runtime.ExitError', errorMessage: reason + hint }
}

/** A log stream's name, as Lambda gives one to every environment. */
export function logStreamName(now: Date): string {
  const [day = ''] = now.toISOString().split('T')
  return `${day.replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`
}
