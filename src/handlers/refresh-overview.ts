import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { sqsQueues } from '../adapters/queues.ts'
import { tableStore } from '../adapters/table.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { landings } from '../domain/operators/dead-letters.ts'
import { type OverviewDeps, refreshOverview } from '../domain/operators/overview.ts'
import { retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** Each minute, and when a rollout, a model or a decision changes: what operators see first, ready to be read. */
export const refresh = (deps: OverviewDeps) => async (): Promise<void> => {
  await retryOnConflict(() => refreshOverview(deps), { tries: 3 }).catch(error => {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
    // Others make it at the same moment; what they have missed comes within the minute.
    deps.log.info('OVERVIEW_LEFT_TO_OTHERS', {})
  })
}

export const handler = lambda(
  {
    QUARANTINE_TABLE: z.string().min(1),
    ARTEFACT_BUCKET: z.string().min(1),
    STAGE: z.string().min(1),
    STACK: z.string().min(1),
    QUEUES: z
      .string()
      .transform(urls => urls.split(','))
      .pipe(z.array(z.url()).min(1)),
  },
  (env, core) => {
    const queues = sqsQueues()
    const places = landings(env.QUEUES, env.STACK)
    return refresh({
      ...core,
      stage: env.STAGE,
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      depths: () =>
        Promise.all(
          places.map(async ({ queue, url }) => ({ queue, messages: (await queues.state(url)).messages })),
        ),
    })
  },
)
