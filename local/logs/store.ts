/** Log groups in memory, the newest lines of each, and all of them in files that are only ever appended to. */
import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Realm } from '../core/types.ts'

export interface LogLine {
  /** Counts over all groups, so that lines of one millisecond keep their order. */
  readonly id: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly ingestionTime: number
  readonly stream: string
  readonly message: string
}
export interface LogStream {
  readonly name: string
  readonly creationTime: number
  firstEventTimestamp?: number
  lastEventTimestamp?: number
}
export interface LogGroup {
  readonly name: string
  readonly creationTime: number
  retentionInDays?: number
  readonly streams: Map<string, LogStream>
  lines: LogLine[]
}

/** Lines gather for so long before they are written: opening a file costs more than many lines. */
const GATHER_MS = 50

export type LogStore = ReturnType<typeof createLogStore>

/** `linesPerGroup` lines of a group stay readable; older ones are in `dir/logs/GROUP.log` only. */
export function createLogStore(
  realm: Realm,
  linesPerGroup: number,
  onLine: (message: string) => void = () => {},
) {
  const groups = new Map<string, LogGroup>()
  const folder = join(realm.dir, 'logs')
  const unwritten = new Map<string, string[]>()
  let writing: Promise<void> | undefined
  let nextId = 0

  const group = (name: string): LogGroup => {
    let found = groups.get(name)
    if (!found) {
      found = { name, creationTime: realm.now().getTime(), streams: new Map(), lines: [] }
      groups.set(name, found)
    }
    return found
  }

  async function write(): Promise<void> {
    await mkdir(folder, { recursive: true })
    await new Promise(later => setTimeout(later, GATHER_MS))
    while (unwritten.size > 0) {
      const batches = [...unwritten]
      unwritten.clear()
      for (const [name, lines] of batches) await appendFile(join(folder, fileName(name)), lines.join(''))
    }
  }
  const flush = (): Promise<void> => {
    writing ??= write()
      .catch((error: unknown) => {
        realm.log({ level: 'warn', service: 'logs', message: 'cannot write log files', error: String(error) })
      })
      .finally(() => {
        writing = undefined
      })
    return writing
  }

  return {
    groups,
    group,
    stream(groupName: string, streamName: string): LogStream {
      const { streams } = group(groupName)
      let found = streams.get(streamName)
      if (!found) {
        found = { name: streamName, creationTime: realm.now().getTime() }
        streams.set(streamName, found)
      }
      return found
    },
    append(groupName: string, streamName: string, message: string, timestamp = realm.now().getTime()): void {
      onLine(message)
      const { lines } = group(groupName)
      const stream = this.stream(groupName, streamName)
      stream.firstEventTimestamp ??= timestamp
      stream.lastEventTimestamp = Math.max(timestamp, stream.lastEventTimestamp ?? 0)
      lines.push({
        id: nextId++,
        timestamp,
        ingestionTime: realm.now().getTime(),
        stream: streamName,
        message,
      })
      // Cutting in steps keeps the cost of a line constant.
      if (lines.length > linesPerGroup + Math.ceil(linesPerGroup / 4))
        lines.splice(0, lines.length - linesPerGroup)
      const pending = unwritten.get(groupName) ?? []
      pending.push(`${new Date(timestamp).toISOString()} ${streamName} ${message.trimEnd()}\n`)
      unwritten.set(groupName, pending)
      void flush()
    },
    /** Waits until every line is in its file. */
    async close(): Promise<void> {
      while (unwritten.size > 0 || writing) await flush()
    },
  }
}

const fileName = (group: string): string => `${group.replace(/^\//, '').replaceAll(/[^\w.-]/g, '_')}.log`
