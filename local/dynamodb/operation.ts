import type { CallContext, JsonOperation } from '../core/types.ts'
import type { AttributeValue, Item } from './attribute-value.ts'
import type { Database, Table } from './database.ts'
import { type Input, refuseLegacy, structure } from './input.ts'

export type Operation = (input: Input, ctx: CallContext) => object
export type Operations = Readonly<Record<string, Operation>>

/** Wraps operations for the wire: input that is no structure and legacy parameters are refused up front. */
export function wireOperations(operations: Operations): Readonly<Record<string, JsonOperation>> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (raw: unknown, ctx: CallContext) => {
        const input = structure(raw ?? {})
        refuseLegacy(input)
        return operation(input, ctx)
      },
    ]),
  )
}

export interface TableNeed {
  readonly action: string
  readonly table: string
  readonly index?: string | undefined
  /** Partition keys that the call touches: IAM's `dynamodb:LeadingKeys`. */
  readonly leadingKeys?: readonly (AttributeValue | undefined)[]
  /** IAM's `dynamodb:EnclosingOperation`, for items of a transaction. */
  readonly enclosing?: string
}

/** Throws AccessDenied unless the caller may do all of this. */
export function authorizeTables(db: Database, ctx: CallContext, needs: readonly TableNeed[]): void {
  ctx.authorize(
    ...needs.map(({ action, table, index, leadingKeys, enclosing }) => {
      const keys = leadingKeys?.flatMap(value => (value === undefined ? [] : [keyText(value)]))
      return {
        action: `dynamodb:${action}`,
        resource: db.tableArn(table) + (index === undefined ? '' : `/index/${index}`),
        context: {
          ...(keys === undefined || keys.length === 0 ? {} : { 'dynamodb:LeadingKeys': [...new Set(keys)] }),
          ...(enclosing === undefined ? {} : { 'dynamodb:EnclosingOperation': enclosing }),
        },
      }
    }),
  )
}

/** Partition key of an item that has not been checked yet, as far as it is there. */
export function leadingKey(table: Table | undefined, item: unknown): AttributeValue | undefined {
  if (table === undefined || typeof item !== 'object' || item === null) return undefined
  const value = (item as Item)[table.definition.key.hash]
  return typeof value === 'object' && value !== null ? value : undefined
}

const keyText = (value: AttributeValue): string => String(value.S ?? value.N ?? value.B ?? '')
