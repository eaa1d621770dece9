/** Messages between the host and a function's worker thread, and how Lambda words a failure. */

/** What a caller gets as the payload of a failed invocation. */
export interface FunctionFault {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: readonly string[]
}

export interface RuntimeData {
  readonly taskRoot: string
  readonly handler: string
  readonly functionName: string
  readonly memoryMb: number
  readonly logGroup: string
  readonly logStream: string
  readonly logFormat: 'Text' | 'JSON'
  readonly logLevel: string
}

export interface InvokeMessage {
  readonly requestId: string
  /** JSON text. */
  readonly payload: string
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly functionArn: string
  readonly traceId: string
}

export type WorkerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'initFault'; readonly fault: FunctionFault }
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'result'; readonly payload: string; readonly heapMb: number }
  | { readonly type: 'fault'; readonly fault: FunctionFault; readonly heapMb: number }
  /** An uncaught error: the thread ends after this. */
  | { readonly type: 'crash'; readonly fault: FunctionFault }

/** An error as Lambda's Node.js runtime reports it; `type` overrides the error's own name. */
export function faultOf(error: unknown, type?: string): FunctionFault {
  if (!(error instanceof Error))
    return { errorType: type ?? typeof error, errorMessage: String(error), trace: [] }
  return {
    errorType: type ?? error.name,
    errorMessage: type === undefined ? error.message : `${error.name}: ${error.message}`,
    trace: (error.stack ?? '').split('\n').map(line => line.trimEnd()),
  }
}
