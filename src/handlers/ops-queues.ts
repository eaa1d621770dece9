import * as z from 'zod'
import { eventBus } from '../adapters/messaging.ts'
import { lambdaFunctions, sqsQueues } from '../adapters/queues.ts'
import { api, routeKey } from '../contracts/api/index.ts'
import { httpRequest } from '../contracts/aws.ts'
import { landings } from '../domain/operators/dead-letters.ts'
import { type QueueDeps, queueCommands, queueQuestions } from '../domain/operators/queues.ts'
import { type CommandLimits, carryOut } from '../runtime/commands.ts'
import type { HttpResponse } from '../runtime/http.ts'
import { lambda } from '../runtime/lambda.ts'
import { answerQuestion } from '../runtime/questions.ts'

type Question = keyof typeof queueQuestions
const names = new Map(
  Object.keys(queueQuestions).map(name => [routeKey(api[name as Question]), name as Question]),
)

/** What could not be handled: looking at it, and having it handled once more. The token has been checked before. */
export const opsQueues =
  (deps: QueueDeps, limits: CommandLimits) =>
  (event: unknown): Promise<HttpResponse> => {
    const name = names.get(httpRequest.parse(event).routeKey)
    if (name !== undefined) {
      const answer = queueQuestions[name] as (deps: QueueDeps, asked: unknown) => Promise<unknown>
      const found = { operation: api[name], answer: (asked: unknown) => answer(deps, asked) }
      return answerQuestion(deps.log, event, () => found)
    }
    const redrive = queueCommands.redrive as (
      deps: QueueDeps,
      asked: unknown,
      by: unknown,
    ) => Promise<unknown>
    return carryOut(
      deps,
      event,
      key =>
        key === routeKey(api.redrive)
          ? { operation: api.redrive, carry: (asked, commander) => redrive(deps, asked, commander) }
          : undefined,
      limits,
    )
  }

export const handler = lambda(
  {
    QUEUES: z
      .string()
      .transform(urls => urls.split(','))
      .pipe(z.array(z.url()).min(1)),
    STACK: z.string().min(1),
    BUS_NAME: z.string().min(1),
    COMMANDS_PER_MINUTE: z.coerce.number().int().min(1),
  },
  (env, core) =>
    opsQueues(
      {
        ...core,
        queues: sqsQueues(),
        functions: lambdaFunctions(),
        bus: eventBus(env.BUS_NAME),
        landings: landings(env.QUEUES, env.STACK),
        stack: env.STACK,
      },
      { perMinute: env.COMMANDS_PER_MINUTE, burst: 2 * env.COMMANDS_PER_MINUTE },
    ),
)
