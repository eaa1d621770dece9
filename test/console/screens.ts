/** Every screen in every state that it has. */

import { tokenOf } from './browser.ts'
import type { Answers } from './fake-api.ts'
import { empty, failing, forbidden, full, partial, stale } from './fixtures/answers.ts'

export interface Screen {
  readonly name: string
  readonly hash: string
  readonly answers: Answers
  readonly height?: number
  readonly width?: number
  readonly dark?: true
  /** No request to the API gets through. */
  readonly offline?: true
  /** null: not signed in. */
  readonly token?: string | null
}

const SELECTED = 'models/cold-chain?window=494122&quantity=humidity'
const pages: readonly (readonly [name: string, hash: string, height: number])[] = [
  ['overview', 'overview', 1_120],
  ['fleets', 'fleets', 800],
  ['fleet', 'fleets/containers', 800],
  ['devices', 'fleets/containers/devices', 800],
  ['device', 'devices/containers-0007', 1_500],
  ['enrolments', 'enrolments', 800],
  ['rollouts', 'rollouts', 800],
  ['rollout', 'rollouts/cold-chain-v4', 1_700],
  ['models', 'models', 800],
  ['model', SELECTED, 1_900],
  ['pipeline', 'pipeline?model=cold-chain', 1_300],
  ['lineage', 'lineage?of=0a1b-42', 1_600],
  ['reviews', 'reviews?model=cold-chain', 800],
  ['inputs', 'inputs', 800],
  ['queues', 'dead-letters/reports-dead', 900],
  ['audit', 'audit', 800],
]
const inState = (
  state: string,
  answers: Answers,
  names: readonly string[],
  more: Partial<Screen> = {},
): Screen[] =>
  pages
    .filter(([name]) => names.includes(name))
    .map(([name, hash]) => ({ name: `${name}-${state}`, hash, answers, height: 800, ...more }))
const all = pages.map(([name]) => name)
const without = (...names: readonly string[]): string[] => all.filter(name => !names.includes(name))

const FEW = tokenOf('auditor', ['fleet:read'])

export const screens: readonly Screen[] = [
  { name: 'sign-in', hash: 'overview', answers: full, token: null },
  ...pages.map(([name, hash, height]) => ({ name, hash, answers: full, height })),
  ...pages
    .filter(([name]) =>
      ['overview', 'rollout', 'model', 'pipeline', 'device', 'lineage', 'reviews'].includes(name),
    )
    .map(([name, hash, height]) => ({
      name: `${name}-dark`,
      hash,
      answers: full,
      height,
      dark: true as const,
    })),
  ...inState('empty', empty, without('lineage')),
  { name: 'lineage-empty', hash: 'lineage', answers: full },
  ...inState('stale', stale, ['overview', 'fleet', 'model']),
  ...inState('partial', partial, ['overview', 'fleet', 'device', 'model', 'reviews']),
  ...inState('error', failing, without('overview')),
  {
    name: 'overview-error',
    hash: 'overview',
    answers: { ...failing, getOverview: failing.listModels as never },
  },
  ...inState('offline', full, ['overview', 'rollout'], { offline: true }),
  ...inState('forbidden', forbidden, ['reviews', 'queues', 'rollout']),
  { name: 'rollout-waits', hash: 'rollouts/cold-chain-v5', answers: full, height: 1_000 },
  { name: 'rollout-planned', hash: 'rollouts/cold-chain-v1-5f0c2a91', answers: full, height: 1_000 },
  { name: 'rollout-read-only', hash: 'rollouts/cold-chain-v5', answers: full, token: FEW },
  { name: 'rollout-ended', hash: 'rollouts/cold-chain-v2', answers: full, height: 1_000 },
  { name: 'nowhere', hash: 'no/such/page', answers: full },
  { name: 'overview-narrow', hash: 'overview', answers: full, width: 360, height: 2_000 },
  { name: 'rollout-narrow', hash: 'rollouts/cold-chain-v4', answers: full, width: 360, height: 2_000 },
  { name: 'model-narrow', hash: SELECTED, answers: full, width: 360, height: 2_000 },
  { name: 'overview-wide', hash: 'overview', answers: full, width: 1_920, height: 1_000 },
]
