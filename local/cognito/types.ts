/** A user pool as the template declares it, and the people in it. */

/** AWS::Cognito::UserPoolClient, with defaults filled in. */
export interface Client {
  readonly id: string
  readonly name: string
  /** Of a confidential client. */
  readonly secret: string | undefined
  readonly flows: readonly string[]
  readonly scopes: readonly string[]
  readonly callbackUrls: readonly string[]
  readonly logoutUrls: readonly string[]
  /** Lifetimes in seconds. */
  readonly accessSeconds: number
  readonly idSeconds: number
  readonly refreshSeconds: number
  /** Seconds that a used refresh token goes on working; undefined: no rotation. */
  readonly rotationGraceSeconds: number | undefined
}
export interface PasswordPolicy {
  readonly minimumLength: number
  /** What a password must hold, each with the word of the refusal. */
  readonly demands: readonly { readonly pattern: RegExp; readonly what: string }[]
}
export interface Pool {
  readonly id: string
  readonly arn: string
  readonly name: string
  readonly caseSensitive: boolean
  readonly passwords: PasswordPolicy
  /** Pre token generation trigger, event version 2. */
  readonly triggerArn: string | undefined
  readonly clients: Map<string, Client>
  /** Custom scopes: `identifier/name`. */
  readonly scopes: Set<string>
  readonly groups: Map<string, Group>
  readonly users: Users
}
export interface Group {
  readonly name: string
  readonly description: string
  readonly precedence: number | undefined
}
export interface User {
  readonly sub: string
  readonly username: string
  readonly createdAt: string
  attributes: Readonly<Record<string, string>>
  groups: readonly string[]
  /** Undefined until AdminSetUserPassword with Permanent. */
  password: PasswordHash | undefined
  enabled: boolean
}
export interface PasswordHash {
  readonly salt: string
  readonly hash: string
}
export interface Users {
  find(username: string): User | undefined
  bySub(sub: string): User | undefined
  add(user: User): void
  list(): readonly User[]
  /** To be called after a change. */
  save(): void
  close(): Promise<void>
}
