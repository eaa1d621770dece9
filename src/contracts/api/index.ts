import type * as z from 'zod'
import { deviceCommands, modelCommands, reviewOperations } from './commands.ts'
import { fleetQuestions } from './fleets.ts'
import { modelQuestions } from './models.ts'
import type { Operation, PathOf } from './operation.ts'
import { systemOperations } from './operations.ts'
import { rolloutOperations } from './rollouts.ts'

/** Every operation of the operators' API, by what handlers call it. docs/openapi.json and infra/routes.yml follow from it. */
export const api = {
  ...systemOperations,
  ...fleetQuestions,
  ...deviceCommands,
  ...modelQuestions,
  ...modelCommands,
  ...rolloutOperations,
  ...reviewOperations,
}
export type Api = typeof api
export type OperationName = keyof Api
export const operations: readonly Operation[] = Object.values(api) as unknown as readonly Operation[]
/** API Gateway's route key. */
export const routeKey = ({ method, path }: Pick<Operation, 'method' | 'path'>): string => `${method} ${path}`

/** Answers are made of rows, which nobody writes into. */
export type Immutable<T> = T extends (infer U)[]
  ? readonly Immutable<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Immutable<T[K]> }
    : T
/** A request's parts, parsed. */
export interface AskedOf<N extends OperationName> {
  readonly path: PathOf<Api[N]['path']>
  readonly query: Immutable<z.infer<Api[N]['query']>>
  readonly body: Api[N] extends { readonly body: infer B extends z.ZodType } ? z.infer<B> : undefined
}
export type AnswerOf<N extends OperationName> = Immutable<z.infer<Api[N]['answer']>>
