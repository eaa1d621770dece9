import type { DynamoDb, ServiceOptions } from '../core/services.ts'
import { batchOperations } from './batch-operations.ts'
import { deployTable } from './cloudformation.ts'
import { openDatabase } from './database.ts'
import { resourceNotFound } from './errors.ts'
import { itemOperations } from './item-operations.ts'
import { maintenanceOperations, sweepExpired } from './maintenance-operations.ts'
import { wireOperations } from './operation.ts'
import { readOperations } from './read-operations.ts'
import { streamRecord } from './stream.ts'
import { streamOperations } from './stream-operations.ts'
import { tableOperations } from './table-operations.ts'
import { transactionOperations } from './transaction-operations.ts'

export interface DynamoDbOptions extends ServiceOptions {
  /** Seconds between two sweeps for expired items; AWS takes up to days, this takes 5 seconds by default. */
  readonly timeToLiveSweepSeconds?: number
}

/**
 * DynamoDB with streams. Items live in memory; every commit is in `dir/dynamodb/journal.jsonl` before it is
 * answered. One process at a time may use a folder.
 */
export async function createDynamoDb(options: DynamoDbOptions): Promise<DynamoDb> {
  const { realm } = options
  const db = openDatabase(realm)
  const sweep = setInterval(
    () => {
      try {
        sweepExpired(db)
        db.trimStreams()
      } catch (error) {
        realm.log({ level: 'error', service: 'dynamodb', message: `time to live: ${String(error)}` })
      }
    },
    (options.timeToLiveSweepSeconds ?? 5) * 1000,
  )
  sweep.unref()
  const stream = (arn: string) => {
    const found = db.stream(arn)
    if (found === undefined) throw resourceNotFound(`Requested resource not found: Stream: ${arn} not found`)
    return found
  }
  return {
    services: [
      {
        kind: 'json',
        name: 'dynamodb',
        targetPrefix: 'DynamoDB_20120810',
        jsonVersion: '1.0',
        operations: wireOperations({
          ...tableOperations(db),
          ...maintenanceOperations(db),
          ...itemOperations(db),
          ...batchOperations(db),
          ...transactionOperations(db),
          ...readOperations(db),
        }),
      },
      {
        kind: 'json',
        name: 'dynamodbstreams',
        targetPrefix: 'DynamoDBStreams_20120810',
        jsonVersion: '1.0',
        operations: wireOperations(streamOperations(db)),
      },
    ],
    async createTable(properties) {
      const table = deployTable(db, properties)
      const arn = db.tableArn(table.definition.name)
      return table.stream === undefined ? { arn } : { arn, streamArn: table.stream.identity.arn }
    },
    readStream(streamArn, position, limit) {
      const source = stream(streamArn)
      const { changes, next } = source.read(position, limit)
      const first = next - changes.length
      return {
        records: changes.map((change, at) => streamRecord(source.identity, realm.region, change, first + at)),
        next,
      }
    },
    onStream: (streamArn, listener) => stream(streamArn).listen(listener),
    async close() {
      clearInterval(sweep)
      db.close()
    },
  }
}
