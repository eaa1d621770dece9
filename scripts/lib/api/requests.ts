import { api, type OperationName, operations } from '../../../src/contracts/api/index.ts'
import type { ExampleRequest } from '../openapi/examples.ts'
import type { ApiWorld, Sent } from './world.ts'

/** Names that are others in every run, by what the contract's examples call them. */
export type Names = Readonly<
  Record<'bundle' | 'window' | 'decision' | 'eventId' | 'review' | 'otherReview', string>
>

interface Step {
  readonly id: OperationName
  /** Person who asks, `operator` unless said. */
  readonly by?: string
  readonly before?: (world: ApiWorld, names: Names) => Promise<unknown>
  readonly after?: (world: ApiWorld) => Promise<unknown>
}
/** Commands in an order in which each finds the state that it needs. */
const COMMANDS: readonly Step[] = [
  { id: 'allowDevices' },
  { id: 'changeEnrolment' },
  { id: 'requestBurst' },
  { id: 'revokeDevice' },
  { id: 'requestRetrain' },
  { id: 'resetBreaker' },
  { id: 'postLabels' },
  { id: 'claimReview' },
  { id: 'labelReview' },
  { id: 'disagreeWithReview', by: 'second-operator' },
  {
    id: 'skipReview',
    before: ({ send }, { otherReview }) => send('operator', 'POST', `/v1/reviews/${otherReview}/claim`, {}),
  },
  {
    id: 'approveRollout',
    after: ({ bus }) => bus.until('PhaseStarted', 60, d => d['rollout'] === 'cold-chain-v2'),
  },
  { id: 'commandRollout' },
  { id: 'planRollout' },
  { id: 'barRelease' },
  { id: 'redrive' },
]
export const steps: readonly Step[] = [
  ...operations.filter(o => o.method === 'GET').map(o => ({ id: o.id as OperationName })),
  ...COMMANDS,
]

/** @throws Error when the world lacks one of them */
export async function namesOf({ send }: ApiWorld): Promise<Names> {
  const ask = async (path: string): Promise<Record<string, Record<string, unknown>[]>> =>
    (await send('operator', 'GET', path)).body as Record<string, Record<string, unknown>[]>
  const model = '/v1/models/cold-chain'
  const version = await ask(`${model}/versions/1`)
  const { windows = [] } = await ask(`${model}/versions/1/windows?limit=1`)
  const { decisions = [] } = await ask('/v1/retrain-decisions?limit=1')
  const { samples = [] } = await ask(`${model}/samples?limit=1`)
  const { reviews = [] } = await ask('/v1/reviews?model=cold-chain&limit=2')
  const found = {
    bundle: (version['packages']?.[0]?.['bundle'] as { sha256?: string } | undefined)?.sha256,
    window: windows[0]?.['window'],
    decision: decisions[0]?.['decision'],
    eventId: samples[0]?.['eventId'],
    review: reviews[0]?.['review'],
    otherReview: reviews[1]?.['review'],
  }
  for (const [name, value] of Object.entries(found))
    if (value === undefined) throw new Error(`the world has no ${name}`)
  return Object.fromEntries(Object.entries(found).map(([name, value]) => [name, String(value)])) as Names
}

/** Puts other text for whole texts of a request. */
export function replaced<T>(value: T, by: ReadonlyMap<string, string>): T {
  if (typeof value === 'string') return (by.get(value) ?? value) as T
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(item => replaced(item, by)) as T
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, by)])) as T
}

/** The contract's example of an operation with the names of this run; undefined when it has none. */
export function exampleOf(id: OperationName, names: Names): ExampleRequest | undefined {
  const { example } = api[id]
  const by = new Map(Object.entries(names).map(([name, value]) => [`{${name}}`, value]))
  return example && replaced(example as ExampleRequest, by)
}

/** Path and query of a request. */
export function urlOf(path: string, request: ExampleRequest): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(request.path?.[name] ?? ''),
  )
  const query = new URLSearchParams(request.query).toString()
  return query === '' ? filled : `${filled}?${query}`
}

/** Does one step with the request that is given. `key`: its Idempotency-Key. */
export async function take(
  world: ApiWorld,
  step: Step,
  names: Names,
  request: ExampleRequest,
  key?: string,
): Promise<Sent> {
  const { method, path } = api[step.id]
  await step.before?.(world, names)
  const sent = await world.send(step.by ?? 'operator', method, urlOf(path, request), request.body, key)
  if (sent.status < 300) await step.after?.(world)
  return sent
}
