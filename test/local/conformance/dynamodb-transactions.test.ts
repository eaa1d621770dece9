import {
  GetCommand,
  PutCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb, tableProperties } from '../dynamodb-cloud.ts'

let cloud: DynamoDbCloud
let number = 0
let pk = ''
const TableName = 'transactions'
type TransactItems = NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>
const transact = (TransactItems: TransactItems, rest: object = {}) =>
  cloud.documents.send(new TransactWriteCommand({ TransactItems, ...rest }))
const put = (sk: string, attributes: object = {}) => ({ Put: { TableName, Item: { pk, sk, ...attributes } } })
const get = async (sk: string) =>
  (await cloud.documents.send(new GetCommand({ TableName, Key: { pk, sk } }))).Item

beforeAll(async () => {
  cloud = await startDynamoDb()
  await cloud.service.createTable(tableProperties(TableName))
})
afterAll(() => cloud.stop())
beforeEach(() => {
  pk = `t${number++}`
})

describe('TransactWriteItems', () => {
  it('writes all four kinds at once', async () => {
    await transact([put('a', { v: 1 }), put('gone')])
    await transact([
      { ConditionCheck: { TableName, Key: { pk, sk: 'a' }, ConditionExpression: 'attribute_exists(pk)' } },
      { Delete: { TableName, Key: { pk, sk: 'gone' } } },
      {
        Update: {
          TableName,
          Key: { pk, sk: 'b' },
          UpdateExpression: 'SET x = :x',
          ExpressionAttributeValues: { ':x': 1 },
        },
      },
      put('c'),
    ])
    expect(await Promise.all(['a', 'gone', 'b', 'c'].map(get))).toEqual([
      { pk, sk: 'a', v: 1 },
      undefined,
      { pk, sk: 'b', x: 1 },
      { pk, sk: 'c' },
    ])
  })

  it('writes nothing when one condition fails, and says which, with the old item on request', async () => {
    await transact([put('old', { v: 1 })])
    const error = await refusal(
      transact([
        put('new'),
        {
          Update: {
            TableName,
            Key: { pk, sk: 'old' },
            UpdateExpression: 'SET v = :w',
            ConditionExpression: 'v = :w',
            ExpressionAttributeValues: { ':w': 2 },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          },
        },
        { ConditionCheck: { TableName, Key: { pk, sk: 'x' }, ConditionExpression: 'attribute_exists(pk)' } },
        { Update: { TableName, Key: { pk, sk: 'y' }, UpdateExpression: 'SET v = w' } },
      ]),
    )
    expect(error.name).toBe('TransactionCanceledException')
    expect(error.message).toBe(
      'Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ConditionalCheckFailed, ValidationError]',
    )
    expect(error['CancellationReasons']).toEqual([
      { Code: 'None' },
      {
        Code: 'ConditionalCheckFailed',
        Message: 'The conditional request failed',
        Item: { pk: { S: pk }, sk: { S: 'old' }, v: { N: '1' } },
      },
      { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' },
      {
        Code: 'ValidationError',
        Message: 'The provided expression refers to an attribute that does not exist in the item',
      },
    ])
    expect(await get('new')).toBeUndefined()
    expect(await get('old')).toEqual({ pk, sk: 'old', v: 1 })
  })

  it('is idempotent by its token for ten minutes', async () => {
    const increment: TransactItems = [
      {
        Update: {
          TableName,
          Key: { pk, sk: 'n' },
          UpdateExpression: 'ADD n :one',
          ExpressionAttributeValues: { ':one': 1 },
        },
      },
    ]
    const ClientRequestToken = `token-${pk}`
    await transact(increment, { ClientRequestToken })
    await transact(increment, { ClientRequestToken })
    expect((await get('n'))?.['n']).toBe(1)
    const other = await refusal(transact([put('other')], { ClientRequestToken }))
    expect(other.name).toBe('IdempotentParameterMismatchException')
    expect(await get('other')).toBeUndefined()
    cloud.harness.clockOffset += 11 * 60 * 1000
    await transact(increment, { ClientRequestToken })
    expect((await get('n'))?.['n']).toBe(2)
  })

  it('may be tried again with its token after it was cancelled', async () => {
    const ClientRequestToken = `again-${pk}`
    const guarded: TransactItems = [
      put('a'),
      { ConditionCheck: { TableName, Key: { pk, sk: 'gate' }, ConditionExpression: 'attribute_exists(pk)' } },
    ]
    expect((await refusal(transact(guarded, { ClientRequestToken }))).name).toBe(
      'TransactionCanceledException',
    )
    await transact([put('gate')])
    await transact(guarded, { ClientRequestToken })
    expect(await get('a')).toBeDefined()
  })

  it('refuses two operations on one item, more than 100 items, and none', async () => {
    const twice = await refusal(
      transact([
        put('a'),
        { ConditionCheck: { TableName, Key: { pk, sk: 'a' }, ConditionExpression: 'attribute_exists(pk)' } },
      ]),
    )
    expect([twice.name, twice.message]).toEqual([
      'ValidationException',
      'Transaction request cannot include multiple operations on one item',
    ])
    const many = await refusal(transact(Array.from({ length: 101 }, (_, at) => put(`s${at}`))))
    expect(many.message).toContain('Member must have length less than or equal to 100')
    await transact(Array.from({ length: 100 }, (_, at) => put(`s${at}`)))
    expect((await refusal(transact([]))).message).toContain(
      'Member must have length greater than or equal to 1',
    )
  })

  it('refuses more than 4 MB', async () => {
    const x = 'x'.repeat(390 * 1024)
    const error = await refusal(transact(Array.from({ length: 11 }, (_, at) => put(`s${at}`, { x }))))
    expect(error.name).toBe('ValidationException')
    expect(await get('s0')).toBeUndefined()
  })

  it('consumes twice the capacity', async () => {
    const output = await transact([put('a'), put('b')], { ReturnConsumedCapacity: 'TOTAL' })
    expect(output.ConsumedCapacity).toEqual([{ TableName, CapacityUnits: 4 }])
  })
})

describe('TransactGetItems', () => {
  it('gives items and gaps in order, projected', async () => {
    await transact([put('a', { v: 1, w: 2 })])
    const output = await cloud.documents.send(
      new TransactGetCommand({
        TransactItems: [
          { Get: { TableName, Key: { pk, sk: 'none' } } },
          { Get: { TableName, Key: { pk, sk: 'a' }, ProjectionExpression: 'w' } },
        ],
      }),
    )
    expect(output.Responses).toEqual([{}, { Item: { w: 2 } }])
  })
})

describe('concurrent requests', () => {
  it('let exactly one of many conditional writes win', async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 40 }, (_, winner) =>
        cloud.documents.send(
          new PutCommand({
            TableName,
            Item: { pk, sk: 'lock', winner },
            ConditionExpression: 'attribute_not_exists(pk)',
          }),
        ),
      ),
    )
    const winners = attempts.flatMap(({ status }, at) => (status === 'fulfilled' ? [at] : []))
    expect(winners).toHaveLength(1)
    expect((await get('lock'))?.['winner']).toBe(winners[0])
  })

  it('lose no increment under optimistic locking', async () => {
    await transact([put('counter', { n: 0 })])
    const add = async (): Promise<void> => {
      for (;;) {
        const before = (await get('counter'))?.['n'] as number
        const call = cloud.documents.send(
          new UpdateCommand({
            TableName,
            Key: { pk, sk: 'counter' },
            UpdateExpression: 'SET n = :next',
            ConditionExpression: 'n = :before',
            ExpressionAttributeValues: { ':before': before, ':next': before + 1 },
          }),
        )
        const done = await call.then(
          () => true,
          error => {
            if ((error as Error).name !== 'ConditionalCheckFailedException') throw error
            return false
          },
        )
        if (done) return
      }
    }
    await Promise.all(Array.from({ length: 20 }, add))
    expect((await get('counter'))?.['n']).toBe(20)
  })

  it('keep the sum over accounts in every transactional read while transfers run', async () => {
    const accounts = ['a', 'b', 'c', 'd']
    await transact(accounts.map(sk => put(sk, { balance: 100 })))
    const change = (sk: string, amount: number) => ({
      Update: {
        TableName,
        Key: { pk, sk },
        UpdateExpression: 'SET balance = balance + :amount',
        ConditionExpression: 'balance >= :needed',
        ExpressionAttributeValues: { ':amount': amount, ':needed': Math.max(0, -amount) },
      },
    })
    const transfer = (at: number) =>
      transact([
        change(accounts[at % 4]!, -((at * 7) % 60)),
        change(accounts[(at + 1 + (at % 3)) % 4]!, (at * 7) % 60),
      ]).catch(error => {
        if ((error as Error).name !== 'TransactionCanceledException') throw error
      })
    const total = async () => {
      const output = await cloud.documents.send(
        new TransactGetCommand({
          TransactItems: accounts.map(sk => ({ Get: { TableName, Key: { pk, sk } } })),
        }),
      )
      return output.Responses?.reduce((sum, { Item }) => sum + Number(Item?.['balance']), 0)
    }
    const totals = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        await transfer(at)
        return total()
      }),
    )
    expect(new Set(totals)).toEqual(new Set([400]))
  })
})
