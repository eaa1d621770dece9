import type { Api, OperationName } from './types.ts'

type Row<N extends OperationName> = readonly [Api[N]['method'], Api[N]['path'], Api[N]['scope']]

/** The operations that the console uses. Types hold methods and paths to the contract, and a test the scopes. */
export const routes = {
  getOverview: ['GET', '/v1/overview', 'fleet:read'],
  listFleets: ['GET', '/v1/fleets', 'fleet:read'],
  getFleetReport: ['GET', '/v1/fleets/{fleet}/report', 'fleet:read'],
  listDevices: ['GET', '/v1/fleets/{fleet}/devices', 'fleet:read'],
  getDevice: ['GET', '/v1/devices/{thing}', 'fleet:read'],
  listDeviceWindows: ['GET', '/v1/devices/{thing}/windows', 'fleet:read'],
  listEnrolments: ['GET', '/v1/enrolments', 'fleet:read'],
  changeEnrolment: ['PUT', '/v1/enrolments/{serial}', 'devices:write'],
  revokeDevice: ['POST', '/v1/devices/{thing}/revocation', 'devices:write'],
  requestBurst: ['POST', '/v1/models/{model}/bursts', 'devices:write'],
  listModels: ['GET', '/v1/models', 'fleet:read'],
  getModel: ['GET', '/v1/models/{model}', 'fleet:read'],
  listVersions: ['GET', '/v1/models/{model}/versions', 'fleet:read'],
  getVersion: ['GET', '/v1/models/{model}/versions/{version}', 'fleet:read'],
  listWindows: ['GET', '/v1/models/{model}/versions/{version}/windows', 'fleet:read'],
  getWindow: ['GET', '/v1/models/{model}/versions/{version}/windows/{window}', 'fleet:read'],
  listEpisodes: ['GET', '/v1/models/{model}/episodes', 'fleet:read'],
  barRelease: ['POST', '/v1/models/{model}/bars', 'rollouts:write'],
  requestRetrain: ['POST', '/v1/models/{model}/retrains', 'models:write'],
  resetBreaker: ['POST', '/v1/models/{model}/breaker-resets', 'models:approve'],
  listRollouts: ['GET', '/v1/rollouts', 'fleet:read'],
  getRollout: ['GET', '/v1/rollouts/{rollout}', 'fleet:read'],
  listRolloutDevices: ['GET', '/v1/rollouts/{rollout}/devices', 'fleet:read'],
  planRollout: ['POST', '/v1/rollouts', 'rollouts:write'],
  commandRollout: ['POST', '/v1/rollouts/{rollout}/commands', 'rollouts:write'],
  approveRollout: ['POST', '/v1/rollouts/{rollout}/approval', 'rollouts:approve'],
  listRetrainDecisions: ['GET', '/v1/retrain-decisions', 'fleet:read'],
  getRetrainDecision: ['GET', '/v1/models/{model}/retrain-decisions/{decision}', 'fleet:read'],
  getPredictionLineage: ['GET', '/v1/lineage/predictions/{eventId}', 'fleet:read'],
  getBundleLineage: ['GET', '/v1/lineage/bundles/{digest}', 'fleet:read'],
  getVersionLineage: ['GET', '/v1/lineage/models/{model}/versions/{version}', 'fleet:read'],
  listReviews: ['GET', '/v1/reviews', 'labels:write'],
  claimReview: ['POST', '/v1/reviews/{review}/claim', 'labels:write'],
  labelReview: ['POST', '/v1/reviews/{review}/label', 'labels:write'],
  skipReview: ['POST', '/v1/reviews/{review}/skip', 'labels:write'],
  listRejectedInputs: ['GET', '/v1/rejected-inputs', 'fleet:read'],
  listAudit: ['GET', '/v1/audit', 'fleet:read'],
  listQueues: ['GET', '/v1/dead-letters', 'fleet:read'],
  listDeadLetters: ['GET', '/v1/dead-letters/{queue}', 'queues:write'],
  redrive: ['POST', '/v1/dead-letters/{queue}/redrives', 'queues:write'],
} as const satisfies { readonly [N in OperationName]?: Row<N> }

export type Known = keyof typeof routes
type Names<P extends string> = P extends `${string}{${infer N}}${infer R}` ? N | Names<R> : never
/** What the path of an operation names. */
export type PathParams<N extends Known> = { readonly [K in Names<(typeof routes)[N][1]>]: string | number }
export type Question = { [N in Known]: (typeof routes)[N][0] extends 'GET' ? N : never }[Known]
export type Command = Exclude<Known, Question>
export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>

export const queryText = (query: Query): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === null || value === ''
      ? []
      : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  )
  return given.length === 0 ? '' : `?${given.join('&')}`
}

/** Path and query of a request. */
export function pathOf<N extends Known>(name: N, params: PathParams<N>, query: Query = {}): string {
  const given = params as Readonly<Record<string, string | number>>
  const path = routes[name][1].replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(given[key] ?? ''))
  return path + queryText(query)
}
