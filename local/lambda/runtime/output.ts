/**
 * What a function prints, line by line, in the format of its LoggingConfig. Format of the lines: Lambda developer
 * guide, "Log and monitor Node.js Lambda functions".
 */
import { format } from 'node:util'
import { faultOf } from './protocol.ts'

export interface OutputOptions {
  readonly logFormat: 'Text' | 'JSON'
  /** Lines of console methods below this level are dropped; JSON format only, as in Lambda. */
  readonly logLevel: string
  readonly requestId: () => string | undefined
  readonly emit: (line: string) => void
}

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL']
const methods = {
  trace: 'TRACE',
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
} as const

/** Redirects `console` and the standard streams of this thread. Returns a function that sends unfinished lines. */
export function captureOutput(options: OutputOptions): () => void {
  const lowest =
    options.logFormat === 'JSON' ? Math.max(0, levels.indexOf(options.logLevel.toUpperCase())) : 0
  for (const [method, level] of Object.entries(methods)) {
    const line = options.logFormat === 'JSON' ? jsonLine : textLine
    console[method as keyof typeof methods] = (...args: unknown[]) => {
      if (levels.indexOf(level) >= lowest) options.emit(line(level, options.requestId(), args))
    }
  }
  const flushOut = captureStream(process.stdout, options.emit)
  const flushErr = captureStream(process.stderr, options.emit)
  // Node prints warnings past the stream, straight to the process's own stderr.
  process.removeAllListeners('warning')
  process.on('warning', warning => options.emit(`(node) ${warning.name}: ${warning.message}`))
  return () => {
    flushOut()
    flushErr()
  }
}

function captureStream(stream: NodeJS.WriteStream, emit: (line: string) => void): () => void {
  let rest = ''
  const write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8')
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) emit(line)
    const callback = typeof encoding === 'function' ? encoding : done
    if (typeof callback === 'function') queueMicrotask(callback as () => void)
    return true
  }
  stream.write = write as typeof stream.write
  return () => {
    if (rest !== '') emit(rest)
    rest = ''
  }
}

function textLine(level: string, requestId: string | undefined, args: readonly unknown[]): string {
  return `${new Date().toISOString()}\t${requestId ?? 'undefined'}\t${level}\t${format(...args)}`
}

function jsonLine(level: string, requestId: string | undefined, args: readonly unknown[]): string {
  const [first] = args
  const error = args.find(each => each instanceof Error)
  const fault = error && faultOf(error)
  const line = {
    timestamp: new Date().toISOString(),
    level,
    requestId,
    message: args.length === 1 && typeof first === 'object' && !error ? first : format(...args),
    ...(fault && { errorType: fault.errorType, errorMessage: fault.errorMessage, stackTrace: fault.trace }),
  }
  try {
    return JSON.stringify(line)
  } catch {
    return JSON.stringify({ ...line, message: format(...args) })
  }
}
