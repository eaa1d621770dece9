/** An overview with a bit of everything, as the contract has it. */
import type { AnswerOf } from '../../scripts/cli/api.ts'
import { api } from '../../src/contracts/api/index.ts'

type Overview = AnswerOf<'getOverview'>
export const NOW = Date.parse('2026-11-22T12:00:00Z')
export const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1_000).toISOString()
const quantity = {
  ...{
    name: 'humidity',
    state: 'drift',
    logE: 17,
    n: 1_000,
    distance: 0.53,
    lowerBound: 0.4,
    upperBound: 0.6,
  },
  ...{ since: 1, correlation: 0.1, scope: 'model', threshold: 5, tolerance: 0.1, nEffective: 400 },
}
export const overview = (more: object = {}): Overview =>
  api.getOverview.answer.parse({
    ...{ asOf: at(20), stage: 'prod', attentionTotal: 0, attention: [], complete: true, people: {} },
    attentionBy: { page: 0, ticket: 0, info: 0 },
    reconciler: { at: at(30), runs: 9 },
    fleets: [
      {
        ...{ fleet: 'containers', registered: 50, connected: 47, silent: 2, revoked: 1, withoutModel: 0 },
        ...{ hardware: [{ hardware: 'gateway-arm64', devices: 50 }], versions: [], history: [] },
        ...{ lastSeen: at(3), onTarget: { devices: 44, of: 49 } },
      },
    ],
    rollouts: [
      {
        ...{
          rollout: 'cold-chain-v3',
          model: 'cold-chain',
          version: 3,
          fleet: 'containers',
          status: 'RUNNING',
        },
        ...{ shadow: false, phase: 'canary', createdAt: at(900), createdBy: 'engine', phaseSince: at(720) },
        phases: [
          { name: 'canary', exposure: 0.2 },
          { name: 'fleet', exposure: 1 },
        ],
        ladder: {
          ...{ expected: 10, waiting: 2, fetching: 2, active: 5, failed: 1, retrying: 0, silent: 0 },
          failureRate: { estimate: 1 / 6, tolerated: 0.35, upperBound: 0.52, stopsAt: 4 },
        },
        ...{ reason: '1 of 6 canaries failed', waitsForApproval: null, waitsForStart: false },
      },
    ],
    models: [
      {
        ...{ model: 'cold-chain', fleet: 'containers', champion: 2, retraining: null },
        harm: { state: 'harmed', labels: 900, errors: 200, estimate: 0.22, lowerBound: 0.18, accepted: 0.05 },
        drift: {
          ...{ episode: 'drift-v2-w1', window: 7, at: at(60), worst: quantity },
          ...{ drifting: 2, insufficient: 0, quantities: 4, deviceProblems: 1, offDevices: ['lab-7'] },
        },
        lastDecision: {
          decision: 'harm-1',
          trigger: 'harm',
          approved: false,
          at: at(90),
          blockedBy: ['budget'],
        },
      },
    ],
    ...more,
  })
export const urgent = {
  ...{ kind: 'harm', severity: 'page', subject: 'cold-chain', scope: '50 devices', since: at(120) },
  ...{ cause: 'labels show 18 % wrong, 5 % accepted', action: 'look', link: '#/models/cold-chain' },
}
