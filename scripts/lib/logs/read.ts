/** Lines of a stage's functions, from CloudWatch Logs. */
import {
  CloudWatchLogsClient,
  DescribeLogGroupsCommand,
  FilterLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs'
import type { AwsConfig } from '../stack.ts'

/** A line that a function wrote as JSON: `message` is its stable code. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Name without service and stage. */
  readonly fn: string
  readonly code: string
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
}
export interface LogReader {
  /** Functions of the stage that have a log group. */
  functions(): Promise<readonly string[]>
  /**
   * Lines of these functions that a filter pattern of CloudWatch Logs lets through, oldest first. Pages are read until
   * there are no more, or `most` lines; `complete` says which.
   */
  filter(query: {
    readonly functions: readonly string[]
    readonly pattern: string
    readonly since: number
    readonly until?: number
    readonly most?: number
    readonly progress?: (done: number, of: number, lines: number) => void
  }): Promise<{ readonly lines: readonly LogLine[]; readonly complete: boolean }>
  close(): void
}

/** FilterLogEvents may be called five times a second in an account. */
const AT_ONCE = 4
const MOST = 5_000

export function logReader(config: AwsConfig, stage: string, service = 'edgeloop'): LogReader {
  const client = new CloudWatchLogsClient({ ...config, maxAttempts: 6, retryMode: 'adaptive' })
  const prefix = `/aws/lambda/${service}-${stage}-`

  async function ofFunction(
    fn: string,
    query: { readonly pattern: string; readonly since: number; readonly until?: number },
    room: () => number,
  ): Promise<{ lines: LogLine[]; complete: boolean }> {
    const lines: LogLine[] = []
    let nextToken: string | undefined
    do {
      if (room() - lines.length <= 0) return { lines, complete: false }
      const page = await client.send(
        new FilterLogEventsCommand({
          logGroupName: `${prefix}${fn}`,
          startTime: query.since,
          ...(query.until === undefined ? {} : { endTime: query.until }),
          ...(query.pattern === '' ? {} : { filterPattern: query.pattern }),
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      )
      for (const { message = '', timestamp = 0 } of page.events ?? []) {
        const line = parse(fn, message, timestamp)
        if (line) lines.push(line)
      }
      nextToken = page.nextToken
    } while (nextToken !== undefined)
    return { lines, complete: true }
  }

  return {
    async functions() {
      const names: string[] = []
      let nextToken: string | undefined
      do {
        const page = await client.send(
          new DescribeLogGroupsCommand({
            logGroupNamePrefix: prefix,
            ...(nextToken === undefined ? {} : { nextToken }),
          }),
        )
        for (const { logGroupName = '' } of page.logGroups ?? [])
          names.push(logGroupName.slice(prefix.length))
        nextToken = page.nextToken
      } while (nextToken !== undefined)
      return names.sort()
    },
    async filter({ functions, progress, most = MOST, ...query }) {
      const found: LogLine[] = []
      let complete = true
      let done = 0
      const waiting = [...functions]
      const work = async (): Promise<void> => {
        for (let fn = waiting.shift(); fn !== undefined; fn = waiting.shift()) {
          const part = await ofFunction(fn, query, () => most - found.length)
          found.push(...part.lines)
          complete &&= part.complete
          done++
          progress?.(done, functions.length, found.length)
        }
      }
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, functions.length) }, work))
      return { lines: found.sort((a, b) => a.at - b.at), complete }
    },
    close: () => client.destroy(),
  }
}

/** Undefined for lines that are no JSON: the runtime writes some. */
function parse(fn: string, message: string, received: number): LogLine | undefined {
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(message) as Record<string, unknown>
  } catch {
    return undefined
  }
  if (fields === null || typeof fields !== 'object') return undefined
  const written = Date.parse(String(fields['timestamp'] ?? fields['time'] ?? ''))
  const said = fields['message']
  const code = typeof said === 'string' ? said : String(fields['type'] ?? 'UNCAUGHT')
  return {
    at: Number.isNaN(written) ? received : written,
    fn,
    code,
    level: String(fields['level'] ?? ''),
    fields,
  }
}
