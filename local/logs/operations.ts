/** The operations of CloudWatch Logs that tools use to read and write lines. */
import { AwsError, type CallContext, type JsonOperation, type Realm } from '../core/types.ts'
import { compileFilter } from './filter.ts'
import type { LogGroup, LogLine, LogStore } from './store.ts'

type Json = Readonly<Record<string, unknown>>

export function logOperations(realm: Realm, store: LogStore): Readonly<Record<string, JsonOperation>> {
  const arnOf = (group: string): string =>
    `arn:aws:logs:${realm.region}:${realm.accountId}:log-group:${group}`

  /** The group that a call names by name or ARN, after the permission check. */
  const groupOf = (input: Json, ctx: CallContext, action: string): LogGroup => {
    const given = text(input, 'logGroupName') ?? text(input, 'logGroupIdentifier')
    if (given === undefined) throw invalid('logGroupName is missing')
    const name = given.replace(/^arn:aws:logs:[^:]*:\d*:log-group:/, '').replace(/:\*$/, '')
    ctx.authorize({ action: `logs:${action}`, resource: `${arnOf(name)}:*` })
    const group = store.groups.get(name)
    if (!group) throw notFound('The specified log group does not exist.')
    return group
  }

  return {
    DescribeLogGroups(input: Json, ctx) {
      ctx.authorize({ action: 'logs:DescribeLogGroups', resource: `${arnOf('')}*` })
      const prefix = text(input, 'logGroupNamePrefix') ?? ''
      const part = text(input, 'logGroupNamePattern') ?? ''
      const found = [...store.groups.values()]
        .filter(group => group.name.startsWith(prefix) && group.name.includes(part))
        .sort((a, b) => (a.name < b.name ? -1 : 1))
      const { page, nextToken } = paged(found, input, 50)
      const logGroups = page.map(group => ({
        logGroupName: group.name,
        arn: `${arnOf(group.name)}:*`,
        logGroupArn: arnOf(group.name),
        creationTime: group.creationTime,
        storedBytes: group.lines.reduce((sum, line) => sum + line.message.length, 0),
        metricFilterCount: 0,
        ...(group.retentionInDays !== undefined && { retentionInDays: group.retentionInDays }),
      }))
      return { logGroups, ...nextToken }
    },
    DescribeLogStreams(input: Json, ctx) {
      const group = groupOf(input, ctx, 'DescribeLogStreams')
      const prefix = text(input, 'logStreamNamePrefix') ?? ''
      const found = [...group.streams.values()].filter(stream => stream.name.startsWith(prefix))
      const byTime = input['orderBy'] === 'LastEventTime'
      found.sort((a, b) =>
        byTime ? (a.lastEventTimestamp ?? 0) - (b.lastEventTimestamp ?? 0) : a.name < b.name ? -1 : 1,
      )
      if (input['descending'] === true) found.reverse()
      const { page, nextToken } = paged(found, input, 50)
      const logStreams = page.map(({ name, ...times }) => ({
        logStreamName: name,
        ...times,
        arn: `${arnOf(group.name)}:log-stream:${name}`,
        storedBytes: 0,
      }))
      return { logStreams, ...nextToken }
    },
    GetLogEvents(input: Json, ctx) {
      const group = groupOf(input, ctx, 'GetLogEvents')
      const stream = text(input, 'logStreamName') ?? ''
      if (!group.streams.has(stream)) throw notFound('The specified log stream does not exist.')
      const limit = count(input, 'limit', 10_000)
      const lines = group.lines.filter(line => line.stream === stream && inTime(line, input))
      const [direction, position] = /^([fb])\/(-?\d+)$/.exec(text(input, 'nextToken') ?? '')?.slice(1) ?? []
      const from = Number(position)
      const page =
        direction === 'f'
          ? lines.filter(line => line.id > from).slice(0, limit)
          : direction === 'b'
            ? lines.filter(line => line.id < from).slice(-limit)
            : input['startFromHead'] === true
              ? lines.slice(0, limit)
              : lines.slice(-limit)
      // An empty page gives its own token back: the sign that there is no more.
      const given = Number.isFinite(from) ? from : -1
      return {
        events: page.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })),
        nextForwardToken: `f/${page.at(-1)?.id ?? given}`,
        nextBackwardToken: `b/${page[0]?.id ?? given}`,
      }
    },
    FilterLogEvents(input: Json, ctx) {
      const group = groupOf(input, ctx, 'FilterLogEvents')
      const passes = compileFilter(text(input, 'filterPattern') ?? '')
      const prefix = text(input, 'logStreamNamePrefix') ?? ''
      const names = input['logStreamNames']
      const after = Number(text(input, 'nextToken') ?? -1)
      const limit = count(input, 'limit', 10_000)
      const found = group.lines.filter(
        line =>
          line.id > after &&
          // Unlike GetLogEvents, this operation includes endTime.
          (inTime(line, input) || line.timestamp === input['endTime']) &&
          line.stream.startsWith(prefix) &&
          (!Array.isArray(names) || names.includes(line.stream)) &&
          passes(line.message),
      )
      const page = found.slice(0, limit)
      return {
        events: page.map(line => ({
          logStreamName: line.stream,
          timestamp: line.timestamp,
          message: line.message,
          ingestionTime: line.ingestionTime,
          eventId: String(line.id).padStart(56, '0'),
        })),
        searchedLogStreams: [],
        ...(found.length > page.length && { nextToken: String(page.at(-1)?.id) }),
      }
    },
    CreateLogStream(input: Json, ctx) {
      const group = groupOf(input, ctx, 'CreateLogStream')
      const name = text(input, 'logStreamName') ?? ''
      if (!/^[^:*]{1,512}$/.test(name)) throw invalid(`logStreamName "${name}" is not allowed`)
      if (group.streams.has(name))
        throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists')
      store.stream(group.name, name)
      return {}
    },
    PutLogEvents(input: Json, ctx) {
      const group = groupOf(input, ctx, 'PutLogEvents')
      const stream = text(input, 'logStreamName') ?? ''
      if (!group.streams.has(stream)) throw notFound('The specified log stream does not exist.')
      const events = input['logEvents']
      if (!Array.isArray(events) || events.length === 0) throw invalid('logEvents must be a list, not empty')
      for (const event of events as readonly Json[]) {
        if (typeof event?.['message'] !== 'string' || typeof event['timestamp'] !== 'number')
          throw invalid('each of logEvents needs message and timestamp')
      }
      for (const event of events as readonly { message: string; timestamp: number }[])
        store.append(group.name, stream, event.message, event.timestamp)
      return { nextSequenceToken: '0' }
    },
  }
}

const text = (input: Json, name: string): string | undefined => {
  const value = input[name]
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw invalid(`${name} must be a string`)
}

const count = (input: Json, name: string, fallback: number): number => {
  const value = input[name] ?? fallback
  if (typeof value === 'number' && value >= 1 && value <= 10_000) return Math.floor(value)
  throw invalid(`${name} must be from 1 to 10000`)
}

/** `startTime` is included, `endTime` is not. */
const inTime = (line: LogLine, input: Json): boolean =>
  line.timestamp >= Number(input['startTime'] ?? 0) &&
  line.timestamp < Number(input['endTime'] ?? Number.POSITIVE_INFINITY)

function paged<T>(all: readonly T[], input: Json, fallback: number) {
  const start = Number(text(input, 'nextToken') ?? 0)
  const limit = count(input, 'limit', fallback)
  const page = all.slice(start, start + limit)
  return { page, nextToken: start + limit < all.length ? { nextToken: String(start + limit) } : {} }
}

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message)
const notFound = (message: string): AwsError => new AwsError('ResourceNotFoundException', message)
