/** A statement of IoT SQL, version 2016-03-23. */
export interface Statement {
  readonly select: Selection
  /** Topic filter of the FROM clause; absent for rules that only Basic Ingest reaches. */
  readonly from?: string
  readonly where?: Expression
}

export type Selection =
  /** `SELECT VALUE x`: the payload is the value itself, not an object. */
  | { readonly kind: 'value'; readonly expression: Expression }
  | { readonly kind: 'items'; readonly items: readonly SelectItem[] }

export type SelectItem =
  | { readonly kind: 'all' }
  /** `path` has more than one step for `AS a.b`, which makes a nested object. */
  | { readonly kind: 'expression'; readonly expression: Expression; readonly path: readonly string[] }

export type BinaryOperator =
  | 'AND'
  | 'OR'
  | '='
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | 'IN'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'

export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean | null }
  /** A name at the start of a path: a field of the payload, or of the array item in a nested query. */
  | { readonly kind: 'field'; readonly name: string }
  /** `*` as an argument: the whole payload. */
  | { readonly kind: 'payload' }
  | { readonly kind: 'member'; readonly object: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly object: Expression; readonly index: Expression }
  | { readonly kind: 'array'; readonly items: readonly Expression[] }
  | {
      readonly kind: 'object'
      readonly entries: readonly { readonly key: string; readonly value: Expression }[]
    }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'negate'; readonly operand: Expression }
  | {
      readonly kind: 'binary'
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly kind: 'case'
      readonly subject: Expression
      readonly branches: readonly { readonly when: Expression; readonly result: Expression }[]
      readonly otherwise?: Expression
    }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'cast'; readonly operand: Expression; readonly type: CastType }
  /** `(SELECT … FROM path WHERE …)` over the items of an array. */
  | {
      readonly kind: 'query'
      readonly select: Selection
      readonly from: Expression
      readonly where?: Expression
    }

export type CastType = 'string' | 'int' | 'decimal' | 'boolean'

/** The statement cannot be parsed, or uses what this implementation does not have. `offset` counts UTF-16 units. */
export class SqlParseError extends Error {
  readonly offset: number
  constructor(message: string, offset: number) {
    super(`${message} (at character ${offset + 1})`)
    this.name = 'SqlParseError'
    this.offset = offset
  }
}
