import type { Operation } from '../contracts/api/operation.ts'
import { httpCommand } from '../contracts/aws.ts'
import { scopesOf } from '../contracts/scopes.ts'
import { takeToken } from '../domain/device/token-bucket.ts'
import { type BucketRow, keys } from '../domain/entities.ts'
import { EdgeloopError, isRetryable, LimitError } from '../domain/errors.ts'
import { type Commander, causeOf } from '../domain/operators/audit.ts'
import { keepName } from '../domain/operators/people.ts'
import type { Core } from '../domain/ports.ts'
import { put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { follow } from './chain.ts'
import { retryOnConflict } from './events.ts'
import { answering, checked, type HttpResponse, problem, readBody, readParameters, respond } from './http.ts'
import { answered, claimKey, keepAnswer, keyOf, releaseKey, type Vault } from './idempotency.ts'

export interface CommandLimits {
  /** Of one person: commands that come back per minute, and how many may be given at once. */
  readonly perMinute: number
  readonly burst: number
}
type Carry = (
  asked: { readonly path: unknown; readonly query: unknown; readonly body: unknown },
  commander: Commander,
) => Promise<unknown>
interface Carried {
  readonly operation: Operation
  readonly carry: Carry
  readonly vault?: Vault
}

/**
 * One command over HTTP: parameters and body against the contract, the person's token bucket, and Idempotency-Key. With a
 * key, the request's identity is that of the first with this key: what it changes and records is the same however often
 * it comes within a day, and its first answer is given again. Without one, every request is a new one.
 */
export async function carryOut(
  core: Core,
  event: unknown,
  find: (routeKey: string) => Carried | undefined,
  limits: CommandLimits,
): Promise<HttpResponse> {
  const request = httpCommand.parse(event)
  const { requestId: instance, authorizer } = request.requestContext
  const found = find(request.routeKey)
  if (found === undefined) return problem(404, 'NOT_FOUND', `no route ${request.routeKey}`, { instance })
  const { sub, scope, scp, ...claims } = authorizer.jwt.claims
  return answering(core.log, request, async () => {
    const { operation, carry, vault } = found
    const key = keyOf(sub, request.headers)
    const digest = sha256Hex([request.routeKey, request.rawPath, request.body ?? ''].join('\0'))
    const keyed = key && { key, digest, instance, ...(vault ? { vault } : {}) }
    const known = keyed && (await answered(core, keyed))
    if (known !== undefined) return known
    await assertTurn(core, sub, limits)
    const parameters = readParameters(operation, request)
    const asked = {
      ...parameters,
      body: operation.body === undefined ? undefined : checked(operation.body, readBody(request), 'body'),
    }
    const claim = keyed === undefined ? { request: instance } : await claimKey(core, keyed)
    if ('statusCode' in claim) return claim
    const scopes = scopesOf(`${scope ?? ''} ${scp ?? ''}`)
    const commander: Commander = { by: sub, request: claim.request, scopes }
    follow(causeOf(commander))
    const body = await retryOnConflict(() => carry(asked, commander)).catch(async error => {
      if (key !== undefined && !isRetryable(error)) await releaseKey(core, key, claim.request)
      throw error
    })
    await countTurn(core, commander, limits)
    await keepName(core, sub, claims.username ?? claims.preferred_username ?? claims.email)
    const { status } = operation
    return keyed === undefined
      ? respond(status, body)
      : keepAnswer(core, keyed, claim.request, { status, body })
  })
}

const isConflict = (error: unknown): boolean => error instanceof EdgeloopError && error.code === 'CONFLICT'
const bucketOf = (by: string) => keys.commands(sha256Hex(by).slice(0, 32))
interface Turns extends BucketRow {
  readonly request: string
}

/** @throws EdgeloopError LIMIT */
async function assertTurn({ store, now }: Core, by: string, limits: CommandLimits): Promise<void> {
  const before = await store.get<Turns>(bucketOf(by))
  if (takeToken(before?.data, now(), limits) === undefined)
    throw new LimitError(
      `at most ${limits.perMinute} commands a minute; wait some seconds`,
      Math.ceil(60 / limits.perMinute),
    )
}

/**
 * After the command, so that nothing of it depends on this; one that comes again takes no second token. Where so many
 * come at once that this one cannot be counted, it is done all the same, and must not be answered as if it were not.
 */
async function countTurn(
  { store, now, log }: Core,
  { by, request }: Commander,
  limits: CommandLimits,
): Promise<void> {
  try {
    await retryOnConflict(
      async () => {
        const before = await store.get<Turns>(bucketOf(by))
        const after = before?.data.request === request ? undefined : takeToken(before?.data, now(), limits)
        if (after !== undefined) await store.commit([put(bucketOf(by), { ...after, request }, before)])
      },
      { pauseMs: 10 },
    )
  } catch (error) {
    if (!isConflict(error)) throw error
    log.warn('COMMAND_NOT_COUNTED', { by })
  }
}
