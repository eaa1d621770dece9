/**
 * Random sequences of conditional writes, transactions, reads and restarts give the same answers as a model that
 * is a plain map. Operations are called directly, as the HTTP front would.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CallContext } from '../../local/core/types.ts'
import { createDynamoDb } from '../../local/dynamodb/index.ts'
import { createHarness, operator, removeFolder } from './dynamodb-harness.ts'

interface Stored {
  readonly n: number
  readonly owner: string
}
type Write =
  | { readonly kind: 'put'; readonly key: string; readonly value: Stored; readonly ifAbsent: boolean }
  | {
      readonly kind: 'add'
      readonly key: string
      readonly amount: number
      readonly atLeast: number | undefined
    }
  | { readonly kind: 'delete'; readonly key: string; readonly owner: string | undefined }
  | { readonly kind: 'check'; readonly key: string; readonly exists: boolean }
type Step =
  | { readonly kind: 'write'; readonly write: Exclude<Write, { kind: 'check' }> }
  | { readonly kind: 'transaction'; readonly writes: readonly Write[] }
  | { readonly kind: 'byOwner'; readonly owner: string }
  | { readonly kind: 'restart' }

const TableName = 'model'
const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const owner = fc.constantFrom('x', 'y', 'z')
const put = fc.record({
  kind: fc.constant('put' as const),
  key,
  value: fc.record({ n: fc.integer({ min: -5, max: 5 }), owner }),
  ifAbsent: fc.boolean(),
})
const add = fc.record({
  kind: fc.constant('add' as const),
  key,
  amount: fc.integer({ min: -3, max: 3 }),
  atLeast: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }),
})
const remove = fc.record({
  kind: fc.constant('delete' as const),
  key,
  owner: fc.option(owner, { nil: undefined }),
})
const check = fc.record({ kind: fc.constant('check' as const), key, exists: fc.boolean() })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('write' as const), write: fc.oneof(put, add, remove) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      writes: fc.uniqueArray(fc.oneof(put, add, remove, check), {
        selector: write => write.key,
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('byOwner' as const), owner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

/** What a write does to the model: its new value (undefined: gone), or `false` when its condition fails. */
function applyToModel(model: ReadonlyMap<string, Stored>, write: Write): Stored | undefined | false {
  const before = model.get(write.key)
  switch (write.kind) {
    case 'put':
      return write.ifAbsent && before !== undefined ? false : write.value
    case 'add':
      if (write.atLeast !== undefined && (before === undefined || before.n < write.atLeast)) return false
      return { n: (before?.n ?? 0) + write.amount, owner: before?.owner ?? '' }
    case 'delete':
      return write.owner !== undefined && before?.owner !== write.owner ? false : undefined
    case 'check':
      return (before !== undefined) === write.exists ? before : false
  }
}

const N = (value: number) => ({ N: String(value) })
function toRequest(write: Write): readonly [string, Record<string, unknown>] {
  const Key = { pk: { S: write.key } }
  switch (write.kind) {
    case 'put':
      return [
        'Put',
        {
          TableName,
          Item: { ...Key, n: N(write.value.n), owner: { S: write.value.owner } },
          ...(write.ifAbsent ? { ConditionExpression: 'attribute_not_exists(pk)' } : {}),
        },
      ]
    case 'add':
      return [
        'Update',
        {
          TableName,
          Key,
          UpdateExpression: 'ADD n :amount',
          ...(write.atLeast === undefined ? {} : { ConditionExpression: 'n >= :least' }),
          ExpressionAttributeValues: {
            ':amount': N(write.amount),
            ...(write.atLeast === undefined ? {} : { ':least': N(write.atLeast) }),
          },
        },
      ]
    case 'delete':
      return [
        'Delete',
        {
          TableName,
          Key,
          ...(write.owner === undefined
            ? {}
            : {
                ConditionExpression: '#o = :owner',
                ExpressionAttributeNames: { '#o': 'owner' },
                ExpressionAttributeValues: { ':owner': { S: write.owner } },
              }),
        },
      ]
    case 'check':
      return [
        'ConditionCheck',
        { TableName, Key, ConditionExpression: `attribute_${write.exists ? '' : 'not_'}exists(pk)` },
      ]
  }
}

const single: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
}
const properties = {
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'owner', AttributeType: 'S' },
    { AttributeName: 'n', AttributeType: 'N' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by-owner',
      KeySchema: [
        { AttributeName: 'owner', KeyType: 'HASH' },
        { AttributeName: 'n', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
  StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
}

async function open(dir: string) {
  const { realm, iam } = createHarness(dir)
  const service = await createDynamoDb({ realm, iam })
  const { streamArn = '' } = await service.createTable(properties)
  const ctx: CallContext = { principal: operator, requestId: 'r', authorize: () => {} }
  const call = async (operation: string, input: object): Promise<Record<string, unknown>> =>
    (await service.services[0]?.operations[operation]?.(input, ctx)) as Record<string, unknown>
  return { service, streamArn, call }
}

type Row = Readonly<Record<string, { readonly S?: string; readonly N?: string }>>
const toStored = (row: Row): readonly [string, Stored] => [
  row['pk']?.S ?? '',
  { n: Number(row['n']?.N ?? 0), owner: row['owner']?.S ?? '' },
]

/** Replays the stream's images: they must lead to what the table holds. */
function fromStream(records: readonly Readonly<Record<string, unknown>>[]): Map<string, Stored> {
  const state = new Map<string, Stored>()
  for (const record of records) {
    const change = record['dynamodb'] as { Keys: Row; NewImage?: Row; OldImage?: Row }
    const id = change.Keys['pk']?.S ?? ''
    expect(change.OldImage === undefined ? undefined : toStored(change.OldImage)[1]).toEqual(state.get(id))
    if (change.NewImage === undefined) state.delete(id)
    else state.set(id, toStored(change.NewImage)[1])
  }
  return state
}

describe('random sequences', () => {
  it('agree with the model, in the table, its index, its stream and after restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
        const dir = mkdtempSync(join(tmpdir(), 'edgeloop-model-'))
        let db = await open(dir)
        const model = new Map<string, Stored>()
        const store = (id: string, value: Stored | undefined) =>
          value === undefined ? model.delete(id) : model.set(id, value)
        try {
          for (const current of steps) {
            if (current.kind === 'restart') {
              await db.service.close()
              db = await open(dir)
            } else if (current.kind === 'byOwner') {
              const output = await db.call('Query', {
                TableName,
                IndexName: 'by-owner',
                KeyConditionExpression: '#o = :o',
                ExpressionAttributeNames: { '#o': 'owner' },
                ExpressionAttributeValues: { ':o': { S: current.owner } },
              })
              const found = (output['Items'] as Row[]).map(row => toStored(row)[1].n)
              const expected = [...model.values()].filter(value => value.owner === current.owner)
              expect(found).toEqual(expected.map(value => value.n).sort((left, right) => left - right))
            } else if (current.kind === 'write') {
              const [kind, input] = toRequest(current.write)
              const result = applyToModel(model, current.write)
              const failure = await db.call(single[kind] ?? '', input).then(
                () => undefined,
                (error: Error) => error.name,
              )
              expect(failure).toBe(result === false ? 'ConditionalCheckFailedException' : undefined)
              if (result !== false) store(current.write.key, result)
            } else {
              const results = current.writes.map(write => applyToModel(model, write))
              const TransactItems = current.writes.map(write => Object.fromEntries([toRequest(write)]))
              const codes = await db.call('TransactWriteItems', { TransactItems }).then(
                () => undefined,
                (error: Error & { extra: { CancellationReasons: { Code: string }[] } }) =>
                  error.extra.CancellationReasons.map(({ Code }) => Code),
              )
              const failed = results.includes(false)
              const expected = results.map(result => (result === false ? 'ConditionalCheckFailed' : 'None'))
              expect(codes).toEqual(failed ? expected : undefined)
              if (!failed)
                current.writes.forEach((write, at) => {
                  store(write.key, results[at] as Stored | undefined)
                })
            }
          }
          const scanned = (await db.call('Scan', { TableName }))['Items'] as Row[]
          expect(new Map(scanned.map(toStored))).toEqual(model)
          expect(fromStream(db.service.readStream(db.streamArn, 0, 10_000).records)).toEqual(model)
        } finally {
          await db.service.close()
          removeFolder(dir)
        }
      }),
      { numRuns: 60 },
    )
  })
})
