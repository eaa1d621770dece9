import * as z from 'zod'
import { tableStore } from '../adapters/table.ts'
import { retrainPolicy, retrainTriggers } from '../contracts/retrain-policy.ts'
import { type DecisionRow, keys, listings, type ModelRow } from '../domain/entities.ts'
import { gatherFacts } from '../domain/retrain/facts.ts'
import { evaluateGuards, failedGuards, type RetrainFacts } from '../domain/retrain/guards.ts'
import { enoughVolume, type Proposal, proposalFor } from '../domain/retrain/propose.ts'
import type { WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put, type Row, type Write } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const TRIGGERS = [
  'DriftDetected',
  'HarmConfirmed',
  'LabelsReceived',
  'RolloutCompleted',
  'RetrainRequested',
  'CheckDue',
] as const
type Trigger = BusEvent<(typeof TRIGGERS)[number]>

/** Something speaks for a retrain: look at all guards, record every one of them, and approve or hold back. */
export const decideRetrain = (deps: WithQuarantine) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, TRIGGERS)
    if (trigger.type === 'CheckDue' && trigger.data.kind !== 'labels') return
    const { model } = trigger.data
    if (model === undefined) return
    const row = await deps.store.get<ModelRow>(keys.model(model))
    if (row === undefined) return
    // A row of an earlier release has fewer keys.
    const retrain = retrainPolicy.parse(row.data.config.retrain)
    const modelRow = { ...row, data: { ...row.data, config: { ...row.data.config, retrain } } }
    const proposal = await proposalFor(deps, modelRow.data, askedFor(trigger))
    if (proposal === undefined) return
    const drift = proposal.trigger === 'drift' ? proposal.episodes[0]?.data : undefined
    const facts = await gatherFacts(deps, modelRow.data, drift)
    if (proposal.trigger === 'volume' && !enoughVolume(modelRow.data, facts)) return
    await decide(deps, row, modelRow.data, proposal, factsOf(proposal, facts), trigger)
  })

function askedFor({ type, data }: Trigger): Parameters<typeof proposalFor>[2] {
  if (type === 'RetrainRequested') return { request: data }
  return type === 'DriftDetected' || type === 'HarmConfirmed' ? { named: data.episode } : {}
}

function factsOf(
  { trigger, episodes: [first], asked }: Proposal,
  facts: Omit<RetrainFacts, 'trigger'>,
): RetrainFacts {
  const answeredBy = first?.data.decision
  return {
    trigger,
    ...facts,
    // A person's word begins a new chain.
    ...(asked ? { asked, generation: 0 } : {}),
    ...(first && !asked
      ? { episode: { episode: first.data.episode, ...(answeredBy ? { answeredBy } : {}) } }
      : {}),
  }
}

async function decide(
  deps: WithQuarantine,
  row: Row<ModelRow>,
  { config, lastTrainingAt }: ModelRow,
  { trigger, episodes, asked }: Proposal,
  facts: RetrainFacts,
  { type, data: event, cause }: Trigger,
): Promise<void> {
  const model = config.name
  const guards = evaluateGuards(facts, config)
  const failed = failedGuards(guards)
  const approved = failed.length === 0
  // The reconciler asks every few minutes: the same answer again is not another decision.
  const instance =
    type === 'CheckDue'
      ? [episodes.map(e => e.data.episode), lastTrainingAt, failed]
      : [event, cause.causationId]
  const digest = sha256Hex(JSON.stringify(instance)).slice(0, 12)
  // Delivered again after it was decided, something else may be what it proposes with.
  const decided = retrainTriggers.map(t => deps.store.get(keys.decision(model, `${t}-${digest}`)))
  if ((await Promise.all(decided)).some(d => d !== undefined)) return
  const decision = `${trigger}-${digest}`
  const key = keys.decision(model, decision)
  const at = facts.now
  const made: DecisionRow = {
    decision,
    model,
    trigger,
    approved,
    facts,
    guards,
    at,
    ...(episodes[0] ? { episode: episodes[0].data.episode } : {}),
  }
  const writes: Write[] = [
    put(key, made, undefined, { list: { pk: listings.decisions, sk: `${at}#${model}#${decision}` } }),
  ]
  if (approved) {
    // One retrain answers every open episode of the version that it replaces.
    for (const episode of episodes)
      if (episode.data.decision === undefined || !config.retrain.episodeDedupe)
        writes.push(put(episode.key, { ...episode.data, decision }, episode))
    // Against two approvals at once: both would have to win on the model's row.
    writes.push(
      put(row.key, { ...row.data, lastTrainingAt: at, retraining: { decision, since: at } }, row, {
        list: { pk: listings.models, sk: model },
      }),
    )
  }
  await deps.store.commit(
    writes,
    [
      approved
        ? { type: 'RetrainApproved', data: { model, decision, trigger } }
        : { type: 'RetrainSuppressed', data: { model, decision, trigger, failedGuards: failed } },
    ],
    approved ? { ...cause, generation: asked ? 0 : facts.generation + 1 } : cause,
  )
  deps.count(approved ? 'RetrainsApproved' : 'RetrainsSuppressed')
  if (failed.includes('maxGeneration')) deps.count('GenerationRefused')
  deps.measure('LoopGeneration', facts.generation + (approved && !asked ? 1 : 0))
}

export const handler = lambda({ QUARANTINE_TABLE: z.string().min(1) }, (env, core) =>
  decideRetrain({ ...core, quarantine: tableStore(env.QUARANTINE_TABLE, core.now) }),
)
