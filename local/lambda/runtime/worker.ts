/** Entry of a function's worker thread: loads the handler, then runs one event at a time. */
import { parentPort, workerData } from 'node:worker_threads'
import { confineModules, type Handler, loadHandler } from './load.ts'
import { captureOutput } from './output.ts'
import { faultOf, type InvokeMessage, type RuntimeData, type WorkerMessage } from './protocol.ts'

const port = parentPort
if (!port) throw new Error('this module runs in a worker thread only')
const data = workerData as RuntimeData
const send = (message: WorkerMessage): void => port.postMessage(message)

let requestId: string | undefined
const flush = captureOutput({
  logFormat: data.logFormat,
  logLevel: data.logLevel,
  requestId: () => requestId,
  emit: text => send({ type: 'line', text }),
})

const crash = (error: unknown, type?: string): void => {
  flush()
  send({ type: 'crash', fault: faultOf(error, type) })
  // Exit codes of Lambda's own runtime client.
  process.exit(type === undefined ? 129 : 128)
}
process.on('uncaughtException', error => crash(error))
process.on('unhandledRejection', reason => crash(reason, 'Runtime.UnhandledPromiseRejection'))

// A thread cannot change the working directory of its process; this much of /var/task can be had.
process.cwd = () => data.taskRoot
if (/--enable-source-maps/.test(process.env['NODE_OPTIONS'] ?? '')) process.setSourceMapsEnabled(true)

const heapMb = (): number => Math.ceil(process.memoryUsage().heapUsed / 1024 / 1024)

async function run(handler: Handler, message: InvokeMessage): Promise<void> {
  requestId = message.requestId
  process.env['_X_AMZN_TRACE_ID'] = message.traceId
  const context = {
    functionVersion: '$LATEST',
    functionName: data.functionName,
    memoryLimitInMB: String(data.memoryMb),
    logGroupName: data.logGroup,
    logStreamName: data.logStream,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: message.functionArn,
    awsRequestId: message.requestId,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  }
  const answer = await outcome(handler, message.payload, context)
  flush()
  requestId = undefined
  send(answer)
}

async function outcome(handler: Handler, payload: string, context: unknown): Promise<WorkerMessage> {
  let result: unknown
  try {
    result = await handler(JSON.parse(payload), context)
  } catch (error) {
    return { type: 'fault', fault: faultOf(error), heapMb: heapMb() }
  }
  try {
    return {
      type: 'result',
      payload: JSON.stringify(result === undefined ? null : result) ?? 'null',
      heapMb: heapMb(),
    }
  } catch (error) {
    const reason = `Unable to stringify response body: ${error instanceof Error ? error.message : String(error)}`
    return {
      type: 'fault',
      fault: { errorType: 'Runtime.MarshalError', errorMessage: reason, trace: [] },
      heapMb: heapMb(),
    }
  }
}

confineModules(data.taskRoot)
const loaded = await loadHandler(data.taskRoot, data.handler)
flush()
if (typeof loaded !== 'function') send({ type: 'initFault', fault: loaded })
else {
  port.on('message', (message: InvokeMessage) => void run(loaded, message))
  send({ type: 'ready' })
}
