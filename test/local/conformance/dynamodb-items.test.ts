import {
  BatchGetItemCommand,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb, tableProperties } from '../dynamodb-cloud.ts'

let cloud: DynamoDbCloud
let number = 0
let pk = ''
const TableName = 'items'
const key = () => ({ pk, sk: '1' })
const put = (attributes: object, rest: object = {}) =>
  cloud.documents.send(new PutCommand({ TableName, Item: { ...key(), ...attributes }, ...rest }))
const get = async () => (await cloud.documents.send(new GetCommand({ TableName, Key: key() }))).Item
const update = (UpdateExpression: string, values?: object, rest: object = {}) =>
  cloud.documents.send(
    new UpdateCommand({
      TableName,
      Key: key(),
      UpdateExpression,
      ...(values === undefined ? {} : { ExpressionAttributeValues: values }),
      ...rest,
    }),
  )

beforeAll(async () => {
  cloud = await startDynamoDb()
  await cloud.service.createTable(tableProperties(TableName))
})
afterAll(() => cloud.stop())
beforeEach(() => {
  pk = `item-${number++}`
})

describe('values', () => {
  it('come back as they were put: nested, sets, binary, empty text, any attribute name', async () => {
    const item = {
      m: { x: [1, '2', null, true], deep: { deeper: [{ y: '' }] } },
      set: new Set(['q', 'w']),
      numbers: new Set([1, 2.5]),
      bytes: new Uint8Array([0, 255, 3]),
      empty: '',
      constructor: 'plain',
      'with.dot and space': 1,
    }
    await put(item)
    expect(await get()).toEqual({ ...key(), ...item })
  })

  it('keep an attribute named __proto__ apart from the prototype', async () => {
    const Item = JSON.parse(`{"pk":{"S":"${pk}"},"sk":{"S":"1"},"__proto__":{"S":"mine"}}`) as Record<
      string,
      never
    >
    const target = 'DynamoDB_20120810.'
    const call = async (operation: string, body: string) => {
      const response = await fetch(cloud.harness.realm.endpoint, {
        method: 'POST',
        headers: { 'x-amz-target': target + operation },
        body,
      })
      return response.text()
    }
    await call('PutItem', JSON.stringify({ TableName, Item }))
    const found = await call('GetItem', JSON.stringify({ TableName, Key: { pk: { S: pk }, sk: { S: '1' } } }))
    expect(found).toContain('"__proto__":{"S":"mine"}')
  })

  it.each([
    ['12345678901234567890123456789012345678', '12345678901234567890123456789012345678'],
    ['1E+3', '1000'],
    ['-0.0', '0'],
    ['1.50', '1.5'],
    ['1e-130', `0.${'0'.repeat(129)}1`],
    ['9.9999999999999999999999999999999999999E+125', `${'9'.repeat(38)}${'0'.repeat(88)}`],
  ])('number %s is kept exactly', async (given, expected) => {
    await cloud.client.send(
      new PutItemCommand({ TableName, Item: { pk: { S: pk }, sk: { S: '1' }, v: { N: given } } }),
    )
    const found = await cloud.client.send(
      new GetItemCommand({ TableName, Key: { pk: { S: pk }, sk: { S: '1' } } }),
    )
    expect(found.Item?.['v']).toEqual({ N: expected })
  })

  it.each([
    [
      { N: '1E126' },
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
    ],
    [
      { N: '1E-131' },
      'Number underflow. Attempting to store a number with magnitude smaller than supported range',
    ],
    [{ N: '1'.repeat(39) }, 'Attempting to store more than 38 significant digits in a Number'],
    [{ N: 'one' }, 'The parameter cannot be converted to a numeric value: one'],
    [{ SS: [] }, 'One or more parameter values were invalid: An string set  may not be empty'],
    [
      { SS: ['a', 'a'] },
      'One or more parameter values were invalid: Input collection [a, a] contains duplicates.',
    ],
    [{ NS: ['1', '1.0'] }, 'Input collection contains duplicates'],
  ])('refuses %j', async (v, message) => {
    const error = await refusal(
      cloud.client.send(
        new PutItemCommand({ TableName, Item: { pk: { S: pk }, sk: { S: '1' }, v: v as never } }),
      ),
    )
    expect([error.name, error.message]).toEqual(['ValidationException', message])
  })

  it('refuses items over 400 KB, put or grown', async () => {
    const over = await refusal(put({ x: 'x'.repeat(410 * 1024) }))
    expect(over.message).toBe('Item size has exceeded the maximum allowed size')
    await put({ x: 'x'.repeat(399 * 1024) })
    const grown = await refusal(update('SET y = :y', { ':y': 'y'.repeat(2 * 1024) }))
    expect(grown.message).toBe('Item size to update has exceeded the maximum allowed size')
    expect((await get())?.['y']).toBeUndefined()
  })

  it('refuses nesting over 32 levels', async () => {
    let nested: unknown = 1
    for (let level = 0; level < 40; level++) nested = [nested]
    expect((await refusal(put({ nested }))).message).toBe('Nesting Levels have exceeded supported limits')
  })
})

describe('keys', () => {
  const send = (Item: Record<string, never>) =>
    refusal(cloud.client.send(new PutItemCommand({ TableName, Item })))
  it.each([
    [{ pk: { S: 'a' } }, 'One or more parameter values were invalid: Missing the key sk in the item'],
    [
      { pk: { N: '1' }, sk: { S: 'a' } },
      'One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N',
    ],
    [
      { pk: { S: '' }, sk: { S: 'a' } },
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    ],
    [
      { pk: { S: 'a' }, sk: { S: 'a' }, g: { N: '1' } },
      'One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g',
    ],
    [
      { pk: { S: 'p'.repeat(2049) }, sk: { S: 'a' } },
      'One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
    ],
  ])('refuses %#', async (item, message) => {
    expect((await send(item as never)).message).toBe(message)
  })

  it('refuses a Key that is not the schema', async () => {
    const error = await refusal(cloud.documents.send(new GetCommand({ TableName, Key: { pk } })))
    expect(error.message).toBe('The provided key element does not match the schema')
  })

  it('names a table that does not exist', async () => {
    const error = await refusal(cloud.documents.send(new GetCommand({ TableName: 'none', Key: { pk } })))
    expect([error.name, error.message]).toEqual(['ResourceNotFoundException', 'Requested resource not found'])
  })
})

describe('conditions', () => {
  it('refuse a write and give the old item back on request', async () => {
    await put({ v: 1 })
    const condition = { ConditionExpression: 'attribute_not_exists(pk)' }
    const plain = await refusal(put({ v: 2 }, condition))
    expect([plain.name, plain['Item']]).toEqual(['ConditionalCheckFailedException', undefined])
    const detailed = await refusal(
      put({ v: 2 }, { ...condition, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
    )
    expect(detailed['Item']).toEqual({ pk: { S: pk }, sk: { S: '1' }, v: { N: '1' } })
    expect(await get()).toEqual({ ...key(), v: 1 })
  })

  const facts = {
    n: 2,
    g: 'x',
    s: new Set(['a', 'b']),
    l: [1, { k: 'v' }],
    m: { k: null },
    text: 'hello',
    bin: new Uint8Array([1, 2]),
  }
  it.each([
    ['n = :two AND attribute_type(g, :S) AND size(g) = :one', { ':two': 2, ':S': 'S', ':one': 1 }, true],
    ['n BETWEEN :one AND :two', { ':one': 1, ':two': 2 }, true],
    ['n IN (:one, :two)', { ':one': 1, ':two': 2 }, true],
    ['NOT n > :two', { ':two': 2 }, true],
    ['n > :one OR absent = :one AND n < :one', { ':one': 1 }, true],
    ['(n > :one OR absent = :one) AND n < :one', { ':one': 1 }, false],
    [
      'contains(s, :a) AND contains(l, :one) AND contains(#t, :ell)',
      { ':a': 'a', ':one': 1, ':ell': 'ell' },
      true,
    ],
    ['begins_with(#t, :he)', { ':he': 'he' }, true],
    ['begins_with(bin, :b)', { ':b': new Uint8Array([1]) }, true],
    ['l[1].k = :v AND attribute_exists(m.k) AND attribute_not_exists(l[2])', { ':v': 'v' }, true],
    ['absent = :v', { ':v': 'v' }, false],
    ['absent <> :v', { ':v': 'v' }, true],
    ['g < :two', { ':two': 2 }, false],
    ['g <> :two', { ':two': 2 }, true],
    ['s = :s', { ':s': new Set(['b', 'a']) }, true],
    ['size(s) >= :two and size(l) = :two AND size(bin) = :two', { ':two': 2 }, true],
    ['size(n) = :two', { ':two': 2 }, false],
  ])('%s', async (ConditionExpression, values, expected) => {
    await put({ ...facts })
    const call = update(
      'SET done = :done',
      { ...values, ':done': true },
      {
        ConditionExpression,
        ...(ConditionExpression.includes('#t') ? { ExpressionAttributeNames: { '#t': 'text' } } : {}),
      },
    )
    if (expected) await call
    else expect((await refusal(call)).name).toBe('ConditionalCheckFailedException')
    expect((await get())?.['done']).toBe(expected ? true : undefined)
  })

  it('guard deletions, which are silent for absent items', async () => {
    const remove = (rest: object) =>
      cloud.documents.send(new DeleteCommand({ TableName, Key: key(), ...rest }))
    expect((await remove({ ReturnValues: 'ALL_OLD' })).Attributes).toBeUndefined()
    await put({ v: 1 })
    const guarded = { ConditionExpression: 'v = :v', ExpressionAttributeValues: { ':v': 2 } }
    expect((await refusal(remove(guarded))).name).toBe('ConditionalCheckFailedException')
    expect((await remove({ ReturnValues: 'ALL_OLD' })).Attributes).toEqual({ ...key(), v: 1 })
    expect(await get()).toBeUndefined()
  })
})

describe('updates', () => {
  it('combine all four sections and functions', async () => {
    await put({ m: { x: 1 }, n: 1, b: 'gone', tags: new Set(['a', 'b']) })
    const { Attributes } = await update(
      'SET m.y = if_not_exists(m.y, :zero), #l = list_append(if_not_exists(#l, :none), :more), n = n + :one, d = :ten - n REMOVE b ADD cnt :one DELETE tags :a',
      { ':zero': 0, ':none': [], ':more': ['x'], ':one': 1, ':ten': 10, ':a': new Set(['a']) },
      { ExpressionAttributeNames: { '#l': 'lst' }, ReturnValues: 'ALL_NEW' },
    )
    expect(Attributes).toEqual({
      ...key(),
      m: { x: 1, y: 0 },
      lst: ['x'],
      n: 2,
      d: 9,
      cnt: 1,
      tags: new Set(['b']),
    })
  })

  it('read every operand from the item before the update', async () => {
    await put({ a: 1, b: 2 })
    await update('SET a = b, b = a')
    expect(await get()).toEqual({ ...key(), a: 2, b: 1 })
  })

  it('create the item when there is none', async () => {
    await update('ADD n :one', { ':one': 1 })
    expect(await get()).toEqual({ ...key(), n: 1 })
  })

  it('address list positions as before the update, appending beyond the end', async () => {
    await put({ l: ['a', 'b', 'c', ['d', 'e']] })
    await update('REMOVE l[0], l[3][0], l[2] SET l[9] = :z', { ':z': 'z' })
    expect((await get())?.['l']).toEqual(['b', ['e'], 'z'])
  })

  it('drop a set that becomes empty', async () => {
    await put({ s: new Set(['a']) })
    await update('DELETE s :a', { ':a': new Set(['a', 'other']) })
    expect(await get()).toEqual(key())
  })

  it('add numbers exactly', async () => {
    await put({ price: 0.1 })
    await update('ADD price :p', { ':p': 0.2 })
    expect((await get())?.['price']).toBe(0.3)
  })

  it.each([
    ['ALL_OLD', { pk: 'PK', sk: '1', v: 1, m: { a: 1, b: 1 } }],
    ['UPDATED_OLD', { v: 1, m: { a: 1 } }],
    ['ALL_NEW', { pk: 'PK', sk: '1', v: 2, m: { a: 2, b: 1 }, w: 2 }],
    ['UPDATED_NEW', { v: 2, m: { a: 2 }, w: 2 }],
  ])('return %s', async (ReturnValues, expected) => {
    await put({ v: 1, m: { a: 1, b: 1 } })
    const { Attributes } = await update('SET v = :v, m.a = :v, w = :v', { ':v': 2 }, { ReturnValues })
    expect(Attributes).toEqual('pk' in expected ? { ...expected, pk } : expected)
  })

  it.each([
    [
      'SET v = absent',
      undefined,
      'The provided expression refers to an attribute that does not exist in the item',
    ],
    [
      'SET absent.a = :v',
      { ':v': 1 },
      'The document path provided in the update expression is invalid for update',
    ],
    ['SET v = v + :v', { ':v': 1 }, 'An operand in the update expression has an incorrect data type'],
    ['ADD v :v', { ':v': 1 }, 'An operand in the update expression has an incorrect data type'],
    [
      'SET pk = :v',
      { ':v': 'x' },
      'One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key',
    ],
    [
      'SET n = :v',
      { ':v': 'x' },
      'One or more parameter values were invalid: Type mismatch for Index Key n Expected: N Actual: S IndexName: by-g',
    ],
    [
      'SET n = if_not_exists(n, :v)',
      { ':v': 'x' },
      'The update expression attempted to update the secondary index key to unsupported type',
    ],
  ])('refuse %s', async (expression, values, message) => {
    await put({ v: 'text' })
    const error = await refusal(update(expression, values))
    expect([error.name, error.message]).toEqual(['ValidationException', message])
    expect(await get()).toEqual({ ...key(), v: 'text' })
  })
})

describe('requests that are wrong', () => {
  const names = (ConditionExpression: string, rest: object) => put({}, { ConditionExpression, ...rest })
  it.each([
    [
      'v = :v',
      {},
      'Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :v',
    ],
    [
      '#v = :v',
      { ExpressionAttributeValues: { ':v': 1 } },
      'Invalid ConditionExpression: An expression attribute name used in the document path is not defined; attribute name: #v',
    ],
    [
      'status = :v',
      { ExpressionAttributeValues: { ':v': 1 } },
      'Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: status',
    ],
    [
      'v = :v',
      { ExpressionAttributeValues: { ':v': 1, ':w': 2 } },
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}',
    ],
    [
      'v = :v',
      { ExpressionAttributeValues: { ':v': 1 }, ExpressionAttributeNames: { '#n': 'n' } },
      'Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}',
    ],
    ['', {}, 'Invalid ConditionExpression: The expression can not be empty;'],
    ['v =', {}, 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="'],
    [
      'v = :v)',
      { ExpressionAttributeValues: { ':v': 1 } },
      'Invalid ConditionExpression: Syntax error; token: ")", near: ":v )"',
    ],
    ['exists(v)', {}, 'Invalid ConditionExpression: Invalid function name; function: exists'],
    ['size(v)', {}, 'Invalid ConditionExpression: Syntax error; token: "<EOF>", near: ")"'],
    [
      'attribute_exists(v, w)',
      {},
      'Invalid ConditionExpression: Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2',
    ],
    [
      'begins_with(v, :v)',
      { ExpressionAttributeValues: { ':v': 1 } },
      'Invalid ConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
    ],
    ['((attribute_exists(v)))', {}, 'Invalid ConditionExpression: The expression has redundant parentheses;'],
    [
      'v = v',
      {},
      'Invalid ConditionExpression: The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [v]',
    ],
    [
      'v BETWEEN :b AND :a',
      { ExpressionAttributeValues: { ':a': 1, ':b': 2 } },
      'Invalid ConditionExpression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}',
    ],
  ])('condition %s', async (expression, rest, message) => {
    const error = await refusal(names(expression, rest))
    expect([error.name, error.message]).toEqual(['ValidationException', message])
  })

  it.each([
    [
      'SET a = :v SET b = :v',
      'Invalid UpdateExpression: The "SET" section can only be used once in an update expression;',
    ],
    [
      'SET a = :v, a.b = :v',
      'Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]',
    ],
    [
      'SET a[0] = :v, a.b = :v',
      'Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [0]], path two: [a, b]',
    ],
    [
      'SET a = contains(b, :v)',
      'Invalid UpdateExpression: The function is not allowed in an update expression; function: contains',
    ],
    [
      'DELETE a :v',
      'Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND',
    ],
    ['CHANGE a = :v', 'Invalid UpdateExpression: Syntax error; token: "CHANGE", near: "CHANGE a"'],
  ])('update %s', async (expression, message) => {
    expect((await refusal(update(expression, { ':v': 1 }))).message).toBe(message)
  })

  it('refuse values without an expression, and legacy parameters by name', async () => {
    const values = await refusal(put({}, { ExpressionAttributeValues: { ':v': 1 } }))
    expect(values.message).toBe(
      'ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
    )
    const legacy = await refusal(
      cloud.client.send(
        new UpdateItemCommand({
          TableName,
          Key: { pk: { S: pk }, sk: { S: '1' } },
          AttributeUpdates: { v: { Value: { N: '1' } } },
        }),
      ),
    )
    expect(legacy.message).toContain('AttributeUpdates')
  })

  it('answer malformed JSON types without failing', async () => {
    for (const body of [
      '[]',
      '"x"',
      '{"TableName":5}',
      '{"TableName":"items","Item":[]}',
      '{"TableName":"items","Item":{"pk":"a"}}',
      '{"TableName":"items","Item":{"pk":{"S":1}}}',
    ]) {
      const response = await fetch(cloud.harness.realm.endpoint, {
        method: 'POST',
        headers: { 'x-amz-target': 'DynamoDB_20120810.PutItem' },
        body,
      })
      expect([body, response.status]).toEqual([body, 400])
    }
  })

  it('refuse an expression nested so deeply that parsing it could exhaust the stack', async () => {
    const deep = `${'NOT '.repeat(1000)}attribute_exists(v)`
    expect((await refusal(names(deep, {}))).message).toContain('nested too deeply')
  })
})

describe('projection and batches', () => {
  it('projects nested paths and closes up list elements', async () => {
    await put({ m: { a: 1, b: { c: 2, d: 3 } }, l: [0, 1, 2, 3], x: 1 })
    const { Item } = await cloud.documents.send(
      new GetCommand({ TableName, Key: key(), ProjectionExpression: 'm.b.c, l[3], l[1], absent, m.a' }),
    )
    expect(Item).toEqual({ m: { a: 1, b: { c: 2 } }, l: [1, 3] })
  })

  it('writes, deletes and reads in batches', async () => {
    const requests = Array.from({ length: 25 }, (_, at) => ({ PutRequest: { Item: { pk, sk: `s${at}` } } }))
    const written = await cloud.documents.send(
      new BatchWriteCommand({ RequestItems: { [TableName]: requests } }),
    )
    expect(written.UnprocessedItems).toEqual({})
    await cloud.documents.send(
      new BatchWriteCommand({
        RequestItems: { [TableName]: [{ DeleteRequest: { Key: { pk, sk: 's0' } } }] },
      }),
    )
    const read = await cloud.documents.send(
      new BatchGetCommand({
        RequestItems: {
          [TableName]: {
            Keys: [
              { pk, sk: 's0' },
              { pk, sk: 's1' },
            ],
            ProjectionExpression: 'sk',
          },
        },
      }),
    )
    expect(read.Responses).toEqual({ [TableName]: [{ sk: 's1' }] })
  })

  it('refuses duplicates and too many items in a batch, and writes nothing of it', async () => {
    const Item = { pk, sk: 'x' }
    const twice = await refusal(
      cloud.documents.send(
        new BatchWriteCommand({
          RequestItems: { [TableName]: [{ PutRequest: { Item } }, { PutRequest: { Item } }] },
        }),
      ),
    )
    expect(twice.message).toBe('Provided list of item keys contains duplicates')
    expect((await cloud.documents.send(new GetCommand({ TableName, Key: Item }))).Item).toBeUndefined()
    const Keys = Array.from({ length: 101 }, (_, at) => ({ pk: { S: pk }, sk: { S: `s${at}` } }))
    const many = await refusal(
      cloud.client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } })),
    )
    expect(many.message).toBe('Too many items requested for the BatchGetItem call')
  })

  it('hands back as unprocessed what exceeds 16 MB', async () => {
    const Keys = Array.from({ length: 50 }, (_, at) => ({ pk, sk: `big${at}` }))
    for (const Key of Keys)
      await cloud.documents.send(new PutCommand({ TableName, Item: { ...Key, x: 'x'.repeat(390 * 1024) } }))
    const read = await cloud.documents.send(new BatchGetCommand({ RequestItems: { [TableName]: { Keys } } }))
    const found = read.Responses?.[TableName]?.length ?? 0
    const left = read.UnprocessedKeys?.[TableName]?.Keys?.length ?? 0
    expect(found).toBeGreaterThan(0)
    expect(left).toBeGreaterThan(0)
    expect(found + left).toBe(50)
  })
})

describe('consumed capacity', () => {
  it('counts a unit per KB written, half a unit per 4 KB read, and indexes', async () => {
    const written = await put({ x: 'x'.repeat(1500), g: 'g', n: 1 }, { ReturnConsumedCapacity: 'INDEXES' })
    expect(written.ConsumedCapacity).toMatchObject({
      TableName,
      CapacityUnits: 6,
      Table: { CapacityUnits: 2 },
      GlobalSecondaryIndexes: { 'by-g': { CapacityUnits: 2 } },
      LocalSecondaryIndexes: { 'by-n': { CapacityUnits: 2 } },
    })
    const read = (ConsistentRead: boolean) =>
      cloud.documents.send(
        new GetCommand({ TableName, Key: key(), ConsistentRead, ReturnConsumedCapacity: 'TOTAL' }),
      )
    expect((await read(false)).ConsumedCapacity).toEqual({ TableName, CapacityUnits: 0.5 })
    expect((await read(true)).ConsumedCapacity).toEqual({ TableName, CapacityUnits: 1 })
  })
})
