import * as z from 'zod'
import { iotRegistry } from '../adapters/devices.ts'
import { tableStore } from '../adapters/table.ts'
import { httpCommand } from '../contracts/aws.ts'
import {
  bar,
  breakerReset,
  burstRequest,
  enrolmentChange,
  enrolmentList,
  labelPost,
  pathParameters,
  retrainRequest,
  reviewAnswer,
  reviewClaim,
  reviewSkip,
  revocation,
  rolloutApproval,
  rolloutCommand,
  rolloutRequest,
} from '../contracts/commands.ts'
import { type EnrolmentEntry, enrolmentEntry } from '../contracts/enrolment.ts'
import { allow } from '../domain/device/allow-list.ts'
import { changeEnrolment } from '../domain/device/change-enrolment.ts'
import { type RevocationDeps, revokeDevice } from '../domain/device/revocation.ts'
import { InputError } from '../domain/errors.ts'
import type { Commander } from '../domain/operators/audit.ts'
import { barRelease } from '../domain/operators/bars.ts'
import { requestBurst } from '../domain/operators/bursts.ts'
import { requestRetrain, resetBreaker } from '../domain/operators/retrains.ts'
import { actOnReview, postLabels } from '../domain/operators/reviews.ts'
import { commandRollout, requestRollout } from '../domain/operators/rollouts.ts'
import { rejectInput } from '../domain/rejection.ts'
import type { ReviewAct } from '../domain/review/act.ts'
import type { WithQuarantine } from '../domain/sampling/quarantine.ts'
import { parseOrReject, retryOnConflict } from '../runtime/events.ts'
import { answering, decoded, type HttpResponse, readBody, respond } from '../runtime/http.ts'
import { lambda } from '../runtime/lambda.ts'

interface Command {
  readonly path: Readonly<Record<string, string>>
  readonly body: unknown
  readonly commander: Commander
}
interface Answer {
  readonly status: number
  readonly body: unknown
}
export type OpsCommandDeps = RevocationDeps & WithQuarantine
type Route = (deps: OpsCommandDeps, command: Command) => Promise<Answer>

/** Commands by API Gateway's route key. 202: committed, and the rest follows from the event. */
export const commands: Readonly<Record<string, Route>> = {
  'POST /v1/enrolments': allowAll,
  'PUT /v1/enrolments/{serial}': async (deps, { path, body, commander }) => ({
    status: 200,
    body: await changeEnrolment(deps, name(path, 'serial'), parseOrReject(enrolmentChange, body), commander),
  }),
  'POST /v1/devices/{thing}/revocation': async (deps, { path, body, commander }) => ({
    status: 202,
    body: await revokeDevice(deps, name(path, 'thing'), parseOrReject(revocation, body), commander),
  }),
  'POST /v1/models/{model}/bars': async (deps, { path, body, commander }) => ({
    status: 202,
    body: await barRelease(deps, name(path, 'model'), parseOrReject(bar, body), commander),
  }),
  'POST /v1/models/{model}/retrains': async (deps, { path, body, commander }) => ({
    status: 202,
    body: await requestRetrain(deps, name(path, 'model'), parseOrReject(retrainRequest, body), commander),
  }),
  'POST /v1/models/{model}/breaker-resets': async (deps, { path, body, commander }) => ({
    status: 200,
    body: await resetBreaker(deps, name(path, 'model'), parseOrReject(breakerReset, body), commander),
  }),
  'POST /v1/models/{model}/bursts': async (deps, { path, body, commander }) => ({
    status: 202,
    body: await requestBurst(deps, name(path, 'model'), parseOrReject(burstRequest, body), commander),
  }),
  'POST /v1/labels': async (deps, { body, commander }) => ({
    status: 200,
    body: await postLabels(deps, parseOrReject(labelPost, body), commander),
  }),
  ...Object.fromEntries(
    (['claim', 'label', 'disagree', 'skip'] as const).map((act): [string, Route] => [
      `POST /v1/reviews/{id}/${act}`,
      async (deps, { path, body, commander }) => ({
        status: 200,
        body: await actOnReview(deps, name(path, 'id'), reviewAct(act, body), commander),
      }),
    ]),
  ),
  'POST /v1/rollouts': async (deps, { body, commander }) => ({
    status: 202,
    body: await requestRollout(deps, parseOrReject(rolloutRequest, body), commander),
  }),
  'POST /v1/rollouts/{rollout}/approval': async (deps, { path, body, commander }) => {
    const approval = { command: 'approve', ...parseOrReject(rolloutApproval, body) } as const
    return { status: 202, body: await commandRollout(deps, name(path, 'rollout'), approval, commander) }
  },
  'POST /v1/rollouts/{rollout}/commands': async (deps, { path, body, commander }) => ({
    status: 202,
    body: await commandRollout(deps, name(path, 'rollout'), parseOrReject(rolloutCommand, body), commander),
  }),
}

/** Commands of operators. The authorizer has checked token and scope before this runs; the token says who. */
export const opsCommand =
  (deps: OpsCommandDeps) =>
  async (event: unknown): Promise<HttpResponse> => {
    const request = httpCommand.parse(event)
    const { routeKey, requestContext, pathParameters: path = {} } = request
    const route = commands[routeKey]
    if (route === undefined) return respond(404, { error: 'NOT_FOUND', message: `no route ${routeKey}` })
    const { sub, scope = '', scp = '' } = requestContext.authorizer.jwt.claims
    const scopes = `${scope} ${scp}`.match(/[^\s[\]]+/g) ?? []
    const commander = { by: sub, request: requestContext.requestId, scopes }
    return answering(deps.log, routeKey, async () => {
      const command = { path, body: readBody(request), commander }
      const { status, body } = await retryOnConflict(() => route(deps, command))
      return respond(status, body)
    })
  }

function reviewAct(act: ReviewAct['act'], body: unknown): ReviewAct {
  if (act === 'claim') {
    parseOrReject(reviewClaim, body)
    return { act }
  }
  return act === 'skip'
    ? { act, ...parseOrReject(reviewSkip, body) }
    : { act, ...parseOrReject(reviewAnswer, body) }
}

const name = (path: Command['path'], parameter: keyof typeof pathParameters): string =>
  parseOrReject(z.object({ [parameter]: pathParameters[parameter] }), {
    [parameter]: decoded(path, parameter),
  })[parameter] as string

async function allowAll(deps: RevocationDeps, { body, commander }: Command): Promise<Answer> {
  const given = parseOrReject(enrolmentList, body)
  const good: { index: number; entry: EnrolmentEntry }[] = []
  const refused: { index: number; error: InputError }[] = []
  for (const [index, value] of given.entries()) {
    const parsed = attempt(() => parseOrReject(enrolmentEntry, value))
    if (parsed instanceof InputError) refused.push({ index, error: parsed })
    else good.push({ index, entry: parsed })
  }
  const outcomes = await allow(
    deps,
    good.map(g => g.entry),
    commander,
  )
  outcomes.forEach((outcome, i) => {
    if (outcome instanceof InputError) refused.push({ index: good[i]?.index ?? i, error: outcome })
  })
  for (const { index, error } of refused) {
    const subject = `POST /v1/enrolments #${index}`
    const payload = Buffer.from(JSON.stringify(given[index]) ?? '')
    await rejectInput(deps, { channel: 'api', subject, instance: commander.request, payload }, error)
  }
  const count = (wanted: string): number => outcomes.filter(o => o === wanted).length
  return {
    status: 200,
    body: {
      allowed: count('ALLOWED'),
      unchanged: count('UNCHANGED'),
      refused: refused
        .sort((a, b) => a.index - b.index)
        .map(({ index, error: { reason, message, field } }) => ({
          index,
          code: reason,
          message,
          ...(field ? { field } : {}),
        })),
    },
  }
}

function attempt<T>(run: () => T): T | InputError {
  try {
    return run()
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  }
}

export const handler = lambda({ QUARANTINE_TABLE: z.string().min(1) }, (env, core) =>
  opsCommand({
    ...core,
    registry: iotRegistry(core.now),
    quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
  }),
)
