import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import { api, routeKey } from '../contracts/api/index.ts'
import type { OpsDeps } from '../domain/operators/ask.ts'
import { questions } from '../domain/operators/questions.ts'
import type { HttpResponse } from '../runtime/http.ts'
import { lambda } from '../runtime/lambda.ts'
import { answerQuestion } from '../runtime/questions.ts'

type Name = keyof typeof questions
const names = new Map(Object.keys(questions).map(name => [routeKey(api[name as Name]), name as Name]))

/** Read-only questions of operators. The authorizer has checked token and scope before this runs. */
export const opsQuery =
  (deps: OpsDeps) =>
  (event: unknown): Promise<HttpResponse> =>
    answerQuestion(deps.log, event, key => {
      const name = names.get(key)
      if (name === undefined) return undefined
      const answer = questions[name] as (deps: OpsDeps, asked: unknown) => Promise<unknown>
      return { operation: api[name], answer: asked => answer(deps, asked) }
    })

export const handler = lambda(
  { QUARANTINE_TABLE: z.string().min(1), ARTEFACT_BUCKET: z.string().min(1) },
  (env, core) =>
    opsQuery({
      ...core,
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
    }),
)
