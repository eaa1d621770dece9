/** Time to live, with the sweep that deletes expired items, and point-in-time recovery settings. */
import { AwsError } from '../core/types.ts'
import type { Item } from './attribute-value.ts'
import type { Database, Table, Write } from './database.ts'
import { validation } from './errors.ts'
import { optionalBoolean, requiredString, requiredStructure, requiredTableName } from './input.ts'
import { pickKey } from './keys.ts'
import { authorizeTables, type Operations } from './operation.ts'

/** Items that expired longer ago than this are left alone, as the service does to catch wrong units. */
const maxExpiredSeconds = 5 * 365 * 24 * 3600
/** Days that point-in-time recovery reaches back. */
const recoveryDays = 35

export function maintenanceOperations(db: Database): Operations {
  return {
    UpdateTimeToLive(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'UpdateTimeToLive', table: name }])
      const { definition } = db.table(name)
      const specification = requiredStructure(input, 'TimeToLiveSpecification')
      const attribute = requiredString(specification, 'AttributeName')
      const enabled = optionalBoolean(specification, 'Enabled') ?? false
      const { ttl: current, ...rest } = definition
      if (enabled === (current !== undefined))
        throw validation(`TimeToLive is already ${enabled ? 'enabled' : 'disabled'}`)
      if (current !== undefined && current !== attribute)
        throw validation(
          `TimeToLive is active on a different AttributeName: current AttributeName is ${current}`,
        )
      db.define(enabled ? { ...rest, ttl: attribute } : rest)
      return { TimeToLiveSpecification: { AttributeName: attribute, Enabled: enabled } }
    },
    DescribeTimeToLive(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'DescribeTimeToLive', table: name }])
      const { ttl } = db.table(name).definition
      return {
        TimeToLiveDescription: {
          TimeToLiveStatus: ttl === undefined ? 'DISABLED' : 'ENABLED',
          ...(ttl === undefined ? {} : { AttributeName: ttl }),
        },
      }
    },
    UpdateContinuousBackups(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'UpdateContinuousBackups', table: name }])
      const table = backupTable(db, name)
      const specification = requiredStructure(input, 'PointInTimeRecoverySpecification')
      const enabled = optionalBoolean(specification, 'PointInTimeRecoveryEnabled')
      if (enabled === undefined) throw validation('PointInTimeRecoveryEnabled is required')
      return { ContinuousBackupsDescription: describeBackups(db, setRecovery(db, table, enabled)) }
    },
    DescribeContinuousBackups(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'DescribeContinuousBackups', table: name }])
      return { ContinuousBackupsDescription: describeBackups(db, backupTable(db, name)) }
    },
  }
}

/** Deletes expired items of all tables; their stream records name DynamoDB itself as the one who deleted. */
export function sweepExpired(db: Database): void {
  const now = Math.floor(db.realm.now().getTime() / 1000)
  for (const name of db.tableNames()) {
    const table = db.table(name)
    const { ttl, key } = table.definition
    if (ttl === undefined) continue
    const writes: Write[] = []
    for (const { item } of table.items.rows()) {
      if (isExpired(item, ttl, now))
        writes.push({ table, key: pickKey(key, item), item: undefined, expired: true })
    }
    db.commit(writes)
  }
}
function isExpired(item: Item, ttl: string, now: number): boolean {
  const at = Number(item[ttl]?.N ?? Number.NaN)
  return at < now && at > now - maxExpiredSeconds
}

/** Recovery itself does not exist here: the setting is kept and reported, as templates and audits look at it. */
export function setRecovery(db: Database, table: Table, enabled: boolean): Table {
  const { recoverySince, ...rest } = table.definition
  if (enabled === (recoverySince !== undefined)) return table
  return db.define(enabled ? { ...rest, recoverySince: Math.floor(db.realm.now().getTime() / 1000) } : rest)
}

function backupTable(db: Database, name: string): Table {
  const table = db.find(name)
  if (table === undefined) throw new AwsError('TableNotFoundException', `Table not found: ${name}`)
  return table
}

function describeBackups(db: Database, { definition }: Table): object {
  const since = definition.recoverySince
  const latest = Math.floor(db.realm.now().getTime() / 1000)
  return {
    ContinuousBackupsStatus: 'ENABLED',
    PointInTimeRecoveryDescription: {
      PointInTimeRecoveryStatus: since === undefined ? 'DISABLED' : 'ENABLED',
      ...(since === undefined
        ? {}
        : {
            EarliestRestorableDateTime: since,
            LatestRestorableDateTime: Math.max(since, latest),
            RecoveryPeriodInDays: recoveryDays,
          }),
    },
  }
}
