/** CloudWatch Logs on one machine. */
import type { Logs, ServiceOptions } from '../core/services.ts'
import { logOperations } from './operations.ts'
import { createLogStore } from './store.ts'

export interface LogsOptions extends ServiceOptions {
  /** Lines of a group that stay readable; default 5000. */
  readonly linesPerGroup?: number
  /** Gets every line that comes. */
  readonly onLine?: (message: string) => void
}
export interface LocalLogs extends Logs {
  has(group: string): boolean
  /** The newest lines of a group, oldest first. */
  lines(group: string): readonly { readonly stream: string; readonly message: string }[]
  /** Waits until the files are written. */
  close(): Promise<void>
}

export function createLogs({ realm, linesPerGroup = 5000, onLine }: LogsOptions): LocalLogs {
  const store = createLogStore(realm, linesPerGroup, onLine)
  return {
    service: {
      kind: 'json',
      name: 'logs',
      targetPrefix: 'Logs_20140328',
      jsonVersion: '1.1',
      operations: logOperations(realm, store),
    },
    createLogGroup({ LogGroupName, RetentionInDays }) {
      const group = store.group(LogGroupName)
      if (RetentionInDays !== undefined) group.retentionInDays = RetentionInDays
    },
    put: (group, stream, message) => store.append(group, stream, message),
    has: group => store.groups.has(group),
    lines: group => store.groups.get(group)?.lines ?? [],
    close: () => store.close(),
  }
}
