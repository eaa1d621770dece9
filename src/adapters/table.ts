import {
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb'
import { fromCursor, toCursor } from '../domain/cursor.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { outboxRows } from '../domain/outbox.ts'
import type { Page, Range, Row, Store } from '../domain/store.ts'
import { call, clientDefaults, translate } from './aws-errors.ts'
import { toKey, toRow, toTransactItem } from './table-items.ts'

/** DynamoDB's own limit is 100 items; a commit that needs more must be cut by its caller. */
const MAX_ITEMS = 100
const CONTENTION_TRIES = 6

/** The state table. Index `listing` serves lists, index `pending` the reconciler's sweep. */
export function tableStore(
  table: string,
  now: () => Date,
  client = new DynamoDBClient(clientDefaults),
): Store {
  const page = async <T>(
    input: Omit<QueryCommandInput, 'TableName'>,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<Row<T>[]> => {
    const rows: Row<T>[] = []
    let from: QueryCommandInput['ExclusiveStartKey']
    do {
      const answer = await call('query the state table', () =>
        client.send(
          new QueryCommand({
            ...input,
            TableName: table,
            ExclusiveStartKey: from,
            ...(Number.isFinite(limit) ? { Limit: limit - rows.length } : {}),
          }),
        ),
      )
      for (const item of answer.Items ?? []) rows.push(toRow<T>(item))
      from = answer.LastEvaluatedKey
    } while (from !== undefined && rows.length < limit)
    return rows
  }
  const count = async (input: Omit<QueryCommandInput, 'TableName'>, pk: string): Promise<number> => {
    let found = 0
    let from: QueryCommandInput['ExclusiveStartKey']
    do {
      const answer = await call('count in the state table', () =>
        client.send(
          new QueryCommand({
            ...input,
            TableName: table,
            Select: 'COUNT',
            ExpressionAttributeValues: { ':pk': { S: pk } },
            ExclusiveStartKey: from,
          }),
        ),
      )
      found += answer.Count ?? 0
      from = answer.LastEvaluatedKey
    } while (from !== undefined)
    return found
  }
  return {
    async get<T>(key: { pk: string; sk: string }) {
      const answer = await call('read the state table', () =>
        client.send(new GetItemCommand({ TableName: table, Key: toKey(key), ConsistentRead: true })),
      )
      return answer.Item === undefined ? undefined : toRow<T>(answer.Item)
    },
    query: (pk, prefix = '', options = {}) =>
      page(
        {
          ConsistentRead: true,
          KeyConditionExpression: prefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: {
            ':pk': { S: pk },
            ...(prefix === '' ? {} : { ':prefix': { S: prefix } }),
          },
          ScanIndexForward: options.newestFirst !== true,
        },
        options.limit,
      ),
    list: (listing, options = {}) =>
      page(
        {
          IndexName: 'listing',
          KeyConditionExpression: 'lpk = :pk',
          ExpressionAttributeValues: { ':pk': { S: listing } },
          ScanIndexForward: options.newestFirst !== true,
        },
        options.limit,
      ),
    async page<T>(
      range: Range,
      options: {
        readonly limit: number
        readonly cursor?: string | undefined
        readonly newestFirst?: boolean
      },
    ): Promise<Page<T>> {
      const { input, names, fits } = queryOf(range)
      const { limit, cursor, newestFirst } = options
      const from = cursor === undefined ? undefined : fromCursor(cursor, names, fits)
      const { Items = [], LastEvaluatedKey } = await call('query the state table', () =>
        client.send(
          new QueryCommand({
            ...input,
            TableName: table,
            Limit: limit,
            ScanIndexForward: newestFirst !== true,
            ...(from && {
              ExclusiveStartKey: Object.fromEntries(Object.entries(from).map(([k, v]) => [k, { S: v }])),
            }),
          }),
        ),
      )
      const after = (item: (typeof Items)[number] | undefined) =>
        toCursor(Object.fromEntries(names.map(name => [name, item?.[name]?.S ?? ''])))
      return {
        rows: Items.map(item => toRow<T>(item)),
        ...(LastEvaluatedKey === undefined ? {} : { next: after(LastEvaluatedKey) }),
        after: index => after(Items[index]),
      }
    },
    count: pk => count({ ConsistentRead: true, KeyConditionExpression: 'pk = :pk' }, pk),
    countListed: listing => count({ IndexName: 'listing', KeyConditionExpression: 'lpk = :pk' }, listing),
    pendingBefore: (kind, before, limit) =>
      page(
        {
          IndexName: 'pending',
          KeyConditionExpression: '#pending = :kind AND #since < :before',
          ExpressionAttributeNames: { '#pending': 'pending', '#since': 'since' },
          ExpressionAttributeValues: { ':kind': { S: kind }, ':before': { S: before } },
        },
        limit,
      ),
    async commit(writes, events = [], cause) {
      const all = [...writes, ...outboxRows(events, cause, now())]
      if (all.length === 0) return
      if (all.length > MAX_ITEMS)
        throw new EdgeloopError('ILLEGAL_STATE', `a commit of ${all.length} items; at most ${MAX_ITEMS} fit`)
      const TransactItems = all.map(write => toTransactItem(table, write))
      for (let attempt = 1; ; attempt++) {
        try {
          await client.send(new TransactWriteItemsCommand({ TransactItems }))
          return
        } catch (error) {
          if (!(error instanceof TransactionCanceledException))
            throw translate(error, 'commit to the state table')
          const codes = (error.CancellationReasons ?? []).map(r => r.Code)
          const lost = codes.indexOf('ConditionalCheckFailed')
          if (lost >= 0) {
            const { pk, sk } = (all[lost] as { key: { pk: string; sk: string } }).key
            throw new EdgeloopError('CONFLICT', `${pk}/${sk} changed meanwhile`, { cause: error })
          }
          // An item above 400 KB, for one: no repetition will make it fit.
          const invalid = error.CancellationReasons?.find(r => r.Code === 'ValidationError')
          if (invalid !== undefined)
            throw new EdgeloopError('ILLEGAL_STATE', `commit to the state table: ${invalid.Message}`, {
              cause: error,
            })
          // Another transaction touched the same item at this moment; nothing was written.
          if (!codes.includes('TransactionConflict') || attempt === CONTENTION_TRIES)
            throw translate(error, 'commit to the state table')
          await new Promise(resolve => setTimeout(resolve, Math.random() * 25 * 2 ** attempt))
        }
      }
    },
  }
}

/** A range as a query, the attributes of a place in it, and whether a place is in it. */
function queryOf(range: Range) {
  if ('listing' in range)
    return {
      input: {
        IndexName: 'listing',
        KeyConditionExpression: 'lpk = :pk',
        ExpressionAttributeValues: { ':pk': { S: range.listing } },
      },
      names: ['lpk', 'lsk', 'pk', 'sk'],
      fits: (place: Readonly<Record<string, string>>) => place['lpk'] === range.listing,
    }
  const { pk, prefix = '' } = range
  return {
    input: {
      ConsistentRead: true,
      KeyConditionExpression: prefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
      ExpressionAttributeValues: { ':pk': { S: pk }, ...(prefix === '' ? {} : { ':prefix': { S: prefix } }) },
    },
    names: ['pk', 'sk'],
    fits: (place: Readonly<Record<string, string>>) =>
      place['pk'] === pk && place['sk']?.startsWith(prefix) === true,
  }
}
