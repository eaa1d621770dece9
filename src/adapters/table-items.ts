import type { AttributeValue, TransactWriteItem } from '@aws-sdk/client-dynamodb'
import type { Key, Row, Write } from '../domain/store.ts'

type Item = Record<string, AttributeValue>
const COUNTER = 'c_'

/** `data` is one JSON text: numbers keep their exact form, and nothing needs a schema inside DynamoDB. */
export function toRow<T>(item: Item): Row<T> {
  const counters: Record<string, number> = {}
  for (const [name, value] of Object.entries(item)) {
    if (name.startsWith(COUNTER)) counters[name.slice(COUNTER.length)] = Number(value.N)
  }
  return {
    key: { pk: item['pk']?.S ?? '', sk: item['sk']?.S ?? '' },
    rev: Number(item['rev']?.N ?? 0),
    data: (item['data']?.S === undefined ? {} : JSON.parse(item['data'].S)) as T,
    counters,
  }
}

export const toKey = (key: Key): Item => ({ pk: { S: key.pk }, sk: { S: key.sk } })

const NAMES = { '#rev': 'rev' }

/** One write as part of a transaction. Counters survive a put only where the put expects the row it read. */
export function toTransactItem(table: string, write: Write): TransactWriteItem {
  switch (write.kind) {
    case 'put': {
      // An update and not a put, so that counters of the same row stay.
      const sets = ['#data = :data', '#rev = :next']
      const removes: string[] = []
      const names: Record<string, string> = { '#data': 'data', '#rev': 'rev' }
      const next = typeof write.expect === 'number' ? write.expect + 1 : 1
      const values: Item = { ':data': { S: JSON.stringify(write.data) }, ':next': { N: String(next) } }
      const optional: Record<string, AttributeValue | undefined> = {
        lpk: write.list && { S: write.list.pk },
        lsk: write.list && { S: write.list.sk },
        pending: write.pending && { S: write.pending.kind },
        since: write.pending && { S: write.pending.since },
        ttl: write.ttl === undefined ? undefined : { N: String(write.ttl) },
      }
      for (const [name, value] of Object.entries(optional)) {
        names[`#${name}`] = name
        if (value === undefined) removes.push(`#${name}`)
        else {
          sets.push(`#${name} = :${name}`)
          values[`:${name}`] = value
        }
      }
      const condition = conditionOf(write.expect)
      if (condition?.values) Object.assign(values, condition.values)
      return {
        Update: {
          TableName: table,
          Key: toKey(write.key),
          UpdateExpression: `SET ${sets.join(', ')}${removes.length > 0 ? ` REMOVE ${removes.join(', ')}` : ''}`,
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: values,
          ...(condition ? { ConditionExpression: condition.expression } : {}),
        },
      }
    }
    case 'add': {
      const names: Record<string, string> = {}
      const values: Item = {}
      const adds = Object.entries(write.by).map(([name, by], i) => {
        names[`#c${i}`] = COUNTER + name
        values[`:c${i}`] = { N: String(by) }
        return `#c${i} :c${i}`
      })
      const sets: string[] = []
      const optional: Record<string, AttributeValue | undefined> = {
        pending: write.pending && { S: write.pending.kind },
        since: write.pending && { S: write.pending.since },
        ttl: write.ttl === undefined ? undefined : { N: String(write.ttl) },
      }
      for (const [name, value] of Object.entries(optional)) {
        if (value === undefined) continue
        names[`#${name}`] = name
        values[`:${name}`] = value
        sets.push(`#${name} = if_not_exists(#${name}, :${name})`)
      }
      return {
        Update: {
          TableName: table,
          Key: toKey(write.key),
          UpdateExpression: `ADD ${adds.join(', ')}${sets.length > 0 ? ` SET ${sets.join(', ')}` : ''}`,
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: values,
        },
      }
    }
    case 'remove':
      return { Delete: { TableName: table, Key: toKey(write.key) } }
    case 'check': {
      const condition = conditionOf(write.expect)
      return {
        ConditionCheck: {
          TableName: table,
          Key: toKey(write.key),
          ConditionExpression: condition?.expression ?? '',
          ExpressionAttributeNames: NAMES,
          ...(condition?.values ? { ExpressionAttributeValues: condition.values } : {}),
        },
      }
    }
  }
}

function conditionOf(expect: number | 'absent' | 'any'): { expression: string; values?: Item } | undefined {
  if (expect === 'any') return undefined
  if (expect === 'absent') return { expression: 'attribute_not_exists(#rev)' }
  // A row that only additions have made has no revision and reads as 0.
  if (expect === 0) return { expression: 'attribute_exists(pk) AND attribute_not_exists(#rev)' }
  return { expression: '#rev = :rev', values: { ':rev': { N: String(expect) } } }
}
