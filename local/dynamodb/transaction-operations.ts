/** TransactWriteItems and TransactGetItems. */
import { createHash } from 'node:crypto'
import { AwsError, type CallContext } from '../core/types.ts'
import type { Item } from './attribute-value.ts'
import { consumedByTable, readUnits, type Usage } from './capacity.ts'
import { itemSize } from './compare.ts'
import type { Database } from './database.ts'
import { constraint, validation } from './errors.ts'
import {
  type Input,
  optionalString,
  optionalStructure,
  requiredStructure,
  requiredTableName,
  structures,
} from './input.ts'
import { readItem } from './item-operations.ts'
import { authorizeTables, leadingKey, type Operations } from './operation.ts'
import { planWrite, type WriteKind, type WriteOutcome, type WritePlan } from './plan.ts'

interface Reason {
  readonly Code: string
  readonly Message?: string
  readonly Item?: Item
}
type Attempt = { readonly outcome: WriteOutcome } | { readonly reason: Reason }

const kinds = ['ConditionCheck', 'Put', 'Delete', 'Update'] as const satisfies readonly WriteKind[]
const actions: Readonly<Record<WriteKind, string>> = {
  ConditionCheck: 'ConditionCheckItem',
  Put: 'PutItem',
  Delete: 'DeleteItem',
  Update: 'UpdateItem',
}
const maxItems = 100
const maxTransactionBytes = 4 * 1024 * 1024
/** A ClientRequestToken holds for ten minutes after the request that used it. */
const tokenMilliseconds = 10 * 60 * 1000
const none: Reason = { Code: 'None' }

export function transactionOperations(db: Database): Operations {
  const completed = new Map<
    string,
    { readonly digest: string; readonly until: number; readonly usage: readonly Usage[] }
  >()

  /** Capacity of the earlier request when this one repeats it. Throws IdempotentParameterMismatchException. */
  const repeated = (token: string, digest: string): readonly Usage[] | undefined => {
    const now = db.realm.now().getTime()
    for (const [known, { until }] of completed) {
      if (until > now) break
      completed.delete(known)
    }
    const earlier = completed.get(token)
    if (earlier !== undefined && earlier.digest !== digest)
      throw new AwsError(
        'IdempotentParameterMismatchException',
        'The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical.',
      )
    return earlier?.usage
  }

  return {
    TransactWriteItems(input, ctx) {
      const items = readItems(input).map(item => oneOf(item, kinds))
      authorize(
        db,
        ctx,
        'TransactWriteItems',
        items.map(({ kind, content }) => ({
          action: actions[kind],
          content,
          keyed: content['Item'] ?? content['Key'],
        })),
      )
      const token = optionalString(input, 'ClientRequestToken')
      if (token !== undefined && (token === '' || token.length > 36))
        throw constraint(token, 'clientRequestToken', 'Member must have length between 1 and 36')
      const scoped = token === undefined ? undefined : `${ctx.principal.arn} ${token}`
      const digest = createHash('sha256').update(JSON.stringify(items)).digest('hex')
      const earlier = scoped === undefined ? undefined : repeated(scoped, digest)
      if (earlier !== undefined) return consumedByTable(input, earlier)

      const plans = items.map(({ kind, content }) => planWrite(db, kind, content))
      assertDistinct(plans)
      const outcomes = settle(plans.map(attempt))
      const bytes = outcomes.reduce((sum, { after }) => sum + (after === undefined ? 0 : itemSize(after)), 0)
      if (bytes > maxTransactionBytes)
        throw validation('Collection size of items in the transaction exceeds 4 MB')
      db.commit(plans.map((plan, at) => ({ table: plan.table, key: plan.key, item: outcomes[at]?.after })))
      const usage = outcomes.flatMap(outcome => outcome.usage).map(doubled)
      if (scoped !== undefined)
        completed.set(scoped, { digest, until: db.realm.now().getTime() + tokenMilliseconds, usage })
      return consumedByTable(input, usage)
    },

    TransactGetItems(input, ctx) {
      const gets = readItems(input).map(item => requiredStructure(item, 'Get'))
      authorize(
        db,
        ctx,
        'TransactGetItems',
        gets.map(content => ({ action: 'GetItem', content, keyed: content['Key'] })),
      )
      const reads = gets.map(get => readItem(db, get))
      if (new Set(reads.map(read => read.identity)).size !== reads.length)
        throw validation('Transaction request cannot include multiple operations on one item')
      const usage = gets.map((get, at) => ({
        table: requiredTableName(get),
        units: 2 * readUnits(reads[at]?.bytes ?? 0, true),
      }))
      return {
        Responses: reads.map(({ item }) => (item === undefined ? {} : { Item: item })),
        ...consumedByTable(input, usage),
      }
    },
  }
}

function readItems(input: Input): readonly Input[] {
  const items = structures(input, 'TransactItems')
  if (items.length === 0)
    throw constraint(items, 'transactItems', 'Member must have length greater than or equal to 1')
  if (items.length > maxItems)
    throw constraint(
      `${items.length} items`,
      'transactItems',
      `Member must have length less than or equal to ${maxItems}`,
    )
  return items
}

function oneOf<K extends string>(
  item: Input,
  choices: readonly K[],
): { readonly kind: K; readonly content: Input } {
  const given = choices.filter(choice => item[choice] !== undefined)
  const [kind] = given
  if (kind === undefined || given.length > 1)
    throw validation('TransactItems can only contain one of Check, Put, Update or Delete')
  return { kind, content: optionalStructure(item, kind) ?? {} }
}

function authorize(
  db: Database,
  ctx: CallContext,
  enclosing: string,
  parts: readonly { readonly action: string; readonly content: Input; readonly keyed: unknown }[],
): void {
  authorizeTables(
    db,
    ctx,
    parts.map(({ action, content, keyed }) => {
      const table = requiredTableName(content)
      return { action, table, enclosing, leadingKeys: [leadingKey(db.find(table), keyed)] }
    }),
  )
}

function assertDistinct(plans: readonly WritePlan[]): void {
  if (new Set(plans.map(plan => plan.identity)).size !== plans.length)
    throw validation('Transaction request cannot include multiple operations on one item')
}

/** Runs one item against what is stored. Only failures that depend on the stored item become cancellation reasons. */
function attempt(plan: WritePlan): Attempt {
  try {
    return { outcome: plan.run() }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    if (error.code === 'ConditionalCheckFailedException')
      return { reason: { Code: 'ConditionalCheckFailed', Message: error.message, ...error.extra } }
    if (error.code === 'ValidationException')
      return { reason: { Code: 'ValidationError', Message: error.message } }
    throw error
  }
}

/** Outcomes when every item succeeded. Throws TransactionCanceledException with one reason per item otherwise. */
function settle(attempts: readonly Attempt[]): readonly WriteOutcome[] {
  const reasons = attempts.map(result => ('reason' in result ? result.reason : none))
  if (reasons.some(reason => reason !== none)) {
    const codes = reasons.map(reason => reason.Code).join(', ')
    throw new AwsError(
      'TransactionCanceledException',
      `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
      400,
      { CancellationReasons: reasons },
    )
  }
  return attempts.flatMap(result => ('outcome' in result ? [result.outcome] : []))
}

const doubled = (usage: Usage): Usage => ({ ...usage, units: 2 * usage.units })
