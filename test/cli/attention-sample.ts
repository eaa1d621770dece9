/** Everything that can want a person, as the API finds it in a state that has all of it. */
import { type Attention, type Facts, ranked } from '../../src/domain/operators/attention.ts'
import { at, NOW, overview } from './overview-sample.ts'

/** Whose things they are: names that the API of a test knows. */
interface Of {
  readonly model: string
  readonly fleet: string
  readonly rollout: string
  readonly thing: string
  readonly queue: string
}

export function everyAttention({ model, fleet, rollout, thing, queue }: Of): Attention[] {
  const { fleets, rollouts, models } = overview()
  const quiet: Facts = {
    ...{ now: new Date(NOW).toISOString(), fleets: [], rollouts: [], models: [], newest: [], reviews: [] },
    ...{
      ended: [],
      depths: [],
      unpublished: [],
      reconciler: undefined,
      people: {},
      quietMs: () => 7_200_000,
    },
  }
  const aFleet = { ...fleets[0]!, fleet }
  const aRollout = { ...rollouts[0]!, rollout, model, fleet }
  const aModel = { ...models[0]!, model, fleet }
  const off = (deviceProblems: number, offDevices: readonly string[]) => ({
    ...aModel,
    drift: { ...aModel.drift, deviceProblems, offDevices: [...offDevices] },
  })
  const version = { model, version: 3, requestedAt: at(600) }
  // Ten are shown at most, so each state is ranked by itself.
  const states: readonly Partial<Facts>[] = [
    { reconciler: at(3_600), unpublished: [fleet], depths: [{ queue, messages: 2 }] },
    { fleets: [{ ...aFleet, lastSeen: at(86_400) }], reviews: [{ model, open: 7 }] },
    { rollouts: [{ ...aRollout, status: 'PLANNED', waitsForStart: true }] },
    { rollouts: [{ ...aRollout, waitsForApproval: 'canary' }] },
    { rollouts: [{ ...aRollout, status: 'HELD' }] },
    { models: [off(1, [thing])] },
    { models: [off(2, [thing, `${thing}0`])] },
    {
      newest: [
        { ...version, status: 'FAILED', reason: 'no rows' },
        { ...version, status: 'REJECTED', reasons: ['worse'] },
      ] as unknown as Facts['newest'],
      ended: [
        {
          ...{ id: rollout, model, version: 2, fleet, status: 'ROLLED_BACK' },
          history: [{ at: at(60), reason: 'harm' }],
        },
      ] as unknown as Facts['ended'],
    },
  ]
  const known = { [`manifest-unpublished ${fleet}`]: at(3_600) }
  return states.flatMap(state => ranked({ ...quiet, ...state }, known).attention)
}
