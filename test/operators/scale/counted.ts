import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'

/** What one question asked of DynamoDB. */
export interface Reads {
  queries: number
  gets: number
  scans: number
  writes: number
  /** Items that came, of both. */
  items: number
  /** Bytes of these as JSON on the wire. */
  bytes: number
  /** Most items that one query asked for. */
  largest: number
}
const none = (): Reads => ({ queries: 0, gets: 0, scans: 0, writes: 0, items: 0, bytes: 0, largest: 0 })

interface Answer {
  readonly Items?: readonly unknown[]
  readonly Item?: unknown
}

/** Counts every request that this client sends. `reads()` says what there was since it was asked last. */
export function counting(client: DynamoDBClient): { reads(): Reads } {
  let now = none()
  client.middlewareStack.add(
    (next, context) => async args => {
      const result = await next(args)
      const { commandName } = context as { commandName?: string }
      const { Items, Item } = result.output as Answer
      const found = Items ?? (Item === undefined ? [] : [Item])
      if (commandName === 'QueryCommand') {
        now.queries++
        now.largest = Math.max(
          now.largest,
          (args.input as { Limit?: number }).Limit ?? Number.POSITIVE_INFINITY,
        )
      } else if (commandName === 'GetItemCommand') now.gets++
      else if (commandName === 'TransactWriteItemsCommand') now.writes++
      else now.scans++
      now.items += found.length
      now.bytes += JSON.stringify(found).length
      return result
    },
    { step: 'initialize', name: 'countReads' },
  )
  return {
    reads() {
      const then = now
      now = none()
      return then
    },
  }
}
