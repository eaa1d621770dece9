import { randomUUID } from 'node:crypto'
import type { SqlFunction } from '../function-table.ts'
import { toInt } from '../values.ts'

/** Functions about the message and the rule. */
export const messageFunctions: Readonly<Record<string, SqlFunction>> = {
  /** `topic()` is the whole topic, `topic(n)` its n-th level, counted from 1. */
  topic: ([level], { topic }) => {
    if (level === undefined) return topic
    const at = toInt(level)
    return at === undefined || at < 1 ? undefined : topic.split('/')[at - 1]
  },
  clientid: (_args, { clientId }) => clientId ?? 'n/a',
  principal: (_args, { principal }) => principal,
  traceid: (_args, { traceId }) => traceId,
  timestamp: (_args, { now }) => now,
  accountid: (_args, { accountId }) => accountId,
  newuuid: () => randomUUID(),
  rand: () => Math.random(),
  sql_version: () => '2016-03-23',
}
