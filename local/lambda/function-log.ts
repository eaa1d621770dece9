/** A function's lines on their way to its log group, written with the permissions of the function's role. */
import type { Iam, Logs } from '../core/services.ts'
import type { Realm } from '../core/types.ts'
import type { FunctionConfig } from './types.ts'

export interface LogSink {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'authorize' | 'principalFor'>
  readonly logs: Pick<Logs, 'createLogGroup' | 'put'> & { has(group: string): boolean }
}
export interface InvocationReport {
  readonly requestId: string
  readonly durationMs: number
  readonly initMs: number | undefined
  readonly heapMb: number
  readonly status: 'success' | 'error' | 'timeout'
  readonly errorType: string | undefined
}
export interface FunctionLog {
  line(text: string): void
  start(requestId: string): void
  timedOut(requestId: string, seconds: string): void
  end(report: InvocationReport): void
}

/** One log stream. When the role may not write, lines are lost as in AWS, and the denial is on IAM's record. */
export function createFunctionLog(
  sink: LogSink,
  fn: FunctionConfig,
  stream: string,
  observe: (line: string) => void,
): FunctionLog {
  let allowed: boolean | undefined
  const mayWrite = (): boolean => {
    allowed ??= authorizeLog(sink, fn, stream)
    return allowed
  }
  const line = (text: string): void => {
    observe(text)
    if (mayWrite()) sink.logs.put(fn.logGroup, stream, text)
  }
  const platform = (type: string, record: Readonly<Record<string, unknown>>): void =>
    line(JSON.stringify({ time: sink.realm.now().toISOString(), type: `platform.${type}`, record }))
  const json = fn.logFormat === 'JSON'
  return {
    line,
    start(requestId) {
      if (json) platform('start', { requestId, version: '$LATEST' })
      else line(`START RequestId: ${requestId} Version: $LATEST`)
    },
    timedOut(requestId, seconds) {
      if (!json)
        line(`${sink.realm.now().toISOString()} ${requestId} Task timed out after ${seconds} seconds`)
    },
    end(report) {
      const metrics = metricsOf(report, fn.memoryMb)
      if (json) {
        const { requestId, status, errorType } = report
        platform('report', { requestId, metrics, status, ...(errorType !== undefined && { errorType }) })
        return
      }
      line(`END RequestId: ${report.requestId}`)
      line(
        [
          `REPORT RequestId: ${report.requestId}`,
          `Duration: ${metrics.durationMs} ms`,
          `Billed Duration: ${metrics.billedDurationMs} ms`,
          `Memory Size: ${metrics.memorySizeMB} MB`,
          `Max Memory Used: ${metrics.maxMemoryUsedMB} MB`,
          ...(metrics.initDurationMs === undefined ? [] : [`Init Duration: ${metrics.initDurationMs} ms`]),
          ...(report.status === 'success' ? [] : [`Status: ${report.status}`]),
        ].join('\t'),
      )
    },
  }
}

function metricsOf(report: InvocationReport, memoryMb: number) {
  const rounded = (ms: number): number => Math.round(ms * 100) / 100
  return {
    durationMs: rounded(report.durationMs),
    billedDurationMs: Math.ceil(report.durationMs + (report.initMs ?? 0)),
    memorySizeMB: memoryMb,
    // Of the function's own heap: a thread has no resident set of its own.
    maxMemoryUsedMB: report.heapMb,
    initDurationMs: report.initMs === undefined ? undefined : rounded(report.initMs),
  }
}

function authorizeLog({ realm, iam, logs }: LogSink, fn: FunctionConfig, stream: string): boolean {
  const group = `arn:aws:logs:${realm.region}:${realm.accountId}:log-group:${fn.logGroup}`
  const missing = !logs.has(fn.logGroup)
  try {
    const needs = [
      ...(missing ? [{ action: 'logs:CreateLogGroup', resource: `${group}:log-stream:` }] : []),
      { action: 'logs:CreateLogStream', resource: `${group}:log-stream:${stream}` },
      { action: 'logs:PutLogEvents', resource: `${group}:log-stream:${stream}` },
    ]
    iam.authorize(iam.principalFor(fn.roleName, fn.name), needs)
  } catch (error) {
    realm.log({
      level: 'warn',
      service: 'lambda',
      message: `lines of function ${fn.name} are lost: ${error instanceof Error ? error.message : String(error)}`,
      functionName: fn.name,
    })
    return false
  }
  if (missing) logs.createLogGroup({ LogGroupName: fn.logGroup })
  return true
}
