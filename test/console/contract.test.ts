/** What the fake API answers is what the contract says, so that the page is tried with what it will meet. */
import { describe, expect, it } from 'vitest'
import type { OperationName } from '../../console/api/types.ts'
import { api } from '../../src/contracts/api/index.ts'
import { type Answers, Refusal } from './fake-api.ts'
import { empty, full, partial, stale } from './fixtures/answers.ts'

const PARAMS = {
  ...{ fleet: 'containers', thing: 'containers-0007', model: 'cold-chain', version: '3', window: '1' },
  ...{
    rollout: 'cold-chain-v4',
    eventId: '0a1b-42',
    digest: '0',
    queue: 'reports-dead',
    review: 'cold-chain.0a1b-42',
  },
}
const asked = { params: PARAMS, query: {}, body: { command: 'pause' } }

describe.each<[string, Answers]>([
  ['full', full],
  ['empty', empty],
  ['stale', stale],
  ['partial', partial],
])('fixtures: %s', (_, answers) => {
  it.each(Object.keys(answers) as OperationName[])('%s', name => {
    const answer = answers[name]?.(asked)
    expect(answer).not.toBeInstanceOf(Refusal)
    const { success, error } = api[name].answer.safeParse(answer)
    expect(success, error?.message).toBe(true)
  })
})
