import { Logger } from '@aws-lambda-powertools/logger'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import middy from '@middy/core'
import * as z from 'zod'
import { tableStore } from '../adapters/table.ts'
import { type Core, gaugeUnits, type Log } from '../domain/ports.ts'
import { inContext } from './chain.ts'
import { observed, tellingStore } from './observe.ts'

/** Variables that every function has. */
const common = { TABLE: z.string().min(1) }
type Env<S extends z.ZodRawShape> = z.infer<z.ZodObject<typeof common & S>>

/**
 * The production entry of a function: environment, store, logger and metrics around its logic. Inside Lambda a
 * missing variable fails the first cold start and not the 400th event; outside, nothing is read until the first
 * call, so that tests can import the logic beside it.
 */
export function lambda<S extends z.ZodRawShape, R>(
  shape: S,
  make: (env: Env<S>, core: Core) => (event: unknown) => Promise<R>,
) {
  const logger = new Logger()
  const metrics = new Metrics({ namespace: 'Edgeloop' })
  // Powertools' own middleware warns about every invocation that has nothing to count.
  const publish = (): void => {
    if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics()
  }
  const log: Log = inContext({
    info: (code, fields = {}) => logger.info(code, { ...fields }),
    warn: (code, fields = {}) => logger.warn(code, { ...fields }),
    error: (code, fields = {}) => logger.error(code, { ...fields }),
  })
  let logic: ((event: unknown) => Promise<R>) | undefined
  const build = () => {
    const env = z.object({ ...common, ...shape }).parse(process.env) as Env<S>
    const now = () => new Date()
    return make(env, {
      store: tellingStore(tableStore((env as { TABLE: string }).TABLE, now), log, now),
      now,
      log,
      count: (name, by = 1) => {
        metrics.addMetric(name, MetricUnit.Count, by)
      },
      measure: (name, value) => {
        metrics.addMetric(name, MetricUnit[gaugeUnits[name]], value)
      },
    })
  }
  if (process.env['AWS_LAMBDA_FUNCTION_NAME'] !== undefined) logic = build()
  return middy()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use({ after: publish, onError: publish })
    .handler((event: unknown): Promise<R> => {
      logic ??= build()
      const run = logic
      return observed(log, event, () => run(event))
    })
}
