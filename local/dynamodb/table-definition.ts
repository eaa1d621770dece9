/** What a table is, apart from its items: plain data, kept in the journal as it stands. */
export type ScalarTag = 'S' | 'N' | 'B'
export interface KeyAttributes {
  readonly hash: string
  readonly range?: string
}
export interface Projection {
  readonly type: 'ALL' | 'KEYS_ONLY' | 'INCLUDE'
  readonly include: readonly string[]
}
export interface IndexDefinition {
  readonly kind: 'global' | 'local'
  readonly name: string
  readonly key: KeyAttributes
  readonly projection: Projection
  readonly throughput?: Throughput
}
export interface Throughput {
  readonly ReadCapacityUnits: number
  readonly WriteCapacityUnits: number
}
export type StreamViewType = 'KEYS_ONLY' | 'NEW_IMAGE' | 'OLD_IMAGE' | 'NEW_AND_OLD_IMAGES'

export interface TableDefinition {
  readonly name: string
  readonly id: string
  /** Epoch seconds. */
  readonly created: number
  readonly key: KeyAttributes
  /** Types of the attributes that keys are made of. */
  readonly attributes: Readonly<Record<string, ScalarTag>>
  readonly indexes: readonly IndexDefinition[]
  readonly billingMode: 'PAY_PER_REQUEST' | 'PROVISIONED'
  readonly throughput: Throughput
  readonly stream?: { readonly label: string; readonly viewType: StreamViewType }
  /** Attribute with the expiry in epoch seconds. */
  readonly ttl?: string
  /** Epoch seconds since when point-in-time recovery is on. */
  readonly recoverySince?: number
  readonly deletionProtection: boolean
  readonly sse?: { readonly type: string; readonly key: string }
  readonly tableClass: string
  readonly tags: Readonly<Record<string, string>>
}

export const keyNames = ({ hash, range }: KeyAttributes): readonly string[] =>
  range === undefined ? [hash] : [hash, range]

export const findIndex = (table: TableDefinition, name: string): IndexDefinition | undefined =>
  table.indexes.find(index => index.name === name)

/** Attributes that an index holds, `undefined` for all. */
export function projectedNames(
  table: TableDefinition,
  index: IndexDefinition,
): ReadonlySet<string> | undefined {
  if (index.projection.type === 'ALL') return undefined
  return new Set([...keyNames(table.key), ...keyNames(index.key), ...index.projection.include])
}
