import * as z from 'zod'
import { tableStore } from '../adapters/table.ts'
import {
  type DecisionRow,
  type EpisodeRow,
  keys,
  listings,
  type ModelRow,
  type VersionRow,
} from '../domain/entities.ts'
import type { Core } from '../domain/ports.ts'
import { evaluateGuards, type RetrainFacts, type RetrainTrigger } from '../domain/retrain/guards.ts'
import { activeRollout } from '../domain/rollout/record.ts'
import { admissible, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put, type Row, type Write } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const TRIGGERS = ['DriftDetected', 'HarmConfirmed', 'LabelsReceived', 'RolloutCompleted', 'CheckDue'] as const

/** Something speaks for a retrain: look at all guards, record every one of them, and approve or hold back. */
export const decideRetrain = (deps: WithQuarantine) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, TRIGGERS)
    if (trigger.type === 'CheckDue' && trigger.data.kind !== 'labels') return
    const model = modelOf(trigger)
    if (model === undefined) return
    const modelRow = await deps.store.get<ModelRow>(keys.model(model))
    if (modelRow === undefined) return
    const episodes = await openEpisodes(deps, model, modelRow.data.champion)
    const scheduled = episodes.length === 0 && scheduleDue(modelRow.data, deps.now())
    if (episodes.length === 0 && !scheduled) return
    await decide(deps, modelRow, episodes, trigger)
  })

const modelOf = ({ data }: BusEvent<(typeof TRIGGERS)[number]>): string | undefined => data.model

/** The champion's open episodes, harm first; those of versions that are gone explain nothing any more. */
async function openEpisodes(
  deps: Core,
  model: string,
  champion: number | undefined,
): Promise<Row<EpisodeRow>[]> {
  const episodes = await deps.store.query<EpisodeRow>(keys.model(model).pk, 'EPISODE#')
  const open = episodes.filter(e => e.data.decision === undefined && e.data.version === champion)
  return open.sort((a, b) => Number(b.data.cause === 'harm') - Number(a.data.cause === 'harm'))
}

function scheduleDue({ config, lastTrainingAt }: ModelRow, now: Date): boolean {
  const days = config.retrain.schedule?.everyDays
  return (
    days !== undefined &&
    lastTrainingAt !== undefined &&
    now.getTime() - Date.parse(lastTrainingAt) >= days * 86_400_000
  )
}

async function decide(
  deps: WithQuarantine,
  modelRow: Row<ModelRow>,
  episodes: readonly Row<EpisodeRow>[],
  { type, data: event, cause }: BusEvent<(typeof TRIGGERS)[number]>,
): Promise<void> {
  const { config, lastTrainingAt } = modelRow.data
  const model = config.name
  const trigger: RetrainTrigger = episodes[0]?.data.cause ?? 'schedule'
  const facts = await gather(deps, modelRow.data, trigger)
  const guards = evaluateGuards(facts, config)
  const failed = guards.filter(g => !g.passed).map(g => g.guard)
  const approved = failed.length === 0
  // The reconciler asks every few minutes: the same answer again is not another decision.
  const instance =
    type === 'CheckDue'
      ? [episodes.map(e => e.data.episode), lastTrainingAt, failed]
      : [event, cause.causationId]
  const decision = `${trigger}-${sha256Hex(JSON.stringify(instance)).slice(0, 12)}`
  const key = keys.decision(model, decision)
  if ((await deps.store.get(key)) !== undefined) return
  const at = facts.now
  const row: DecisionRow = {
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
    put(key, row, undefined, { list: { pk: listings.decisions, sk: `${at}#${model}#${decision}` } }),
  ]
  if (approved) {
    // One retrain answers every open episode of the version that it replaces.
    for (const episode of episodes) writes.push(put(episode.key, { ...episode.data, decision }, episode))
    // Against two approvals at once: both would have to win on the model's row.
    writes.push(
      put(
        modelRow.key,
        { ...modelRow.data, lastTrainingAt: at, retraining: { decision, since: at } },
        modelRow,
        {
          list: { pk: listings.models, sk: model },
        },
      ),
    )
  }
  await deps.store.commit(
    writes,
    [
      approved
        ? { type: 'RetrainApproved', data: { model, decision, trigger } }
        : { type: 'RetrainSuppressed', data: { model, decision, trigger, failedGuards: failed } },
    ],
    approved ? { ...cause, generation: facts.generation + 1 } : cause,
  )
  if (approved) deps.count('RetrainsApproved')
}

async function gather(
  deps: WithQuarantine,
  { config, lastTrainingAt, champion, retraining }: ModelRow,
  trigger: RetrainTrigger,
): Promise<RetrainFacts> {
  const model = config.name
  const versions = (await deps.store.query<VersionRow>(keys.model(model).pk, 'VERSION#')).map(r => r.data)
  const { admission } = await admissible(deps, config, versions)
  const lastAdmission =
    versions
      .map(v => v.field?.at ?? '')
      .sort()
      .at(-1) ?? ''
  const fresh = admission.admitted.filter(s => (s.labelledAt ?? '') > lastAdmission)
  const newest = versions.at(-1)
  const unplanned =
    newest?.status === 'PACKAGED' &&
    (await deps.store.get(keys.rollout(`${model}-v${newest.version}`))) === undefined
  return {
    trigger,
    now: deps.now().toISOString(),
    ...(lastTrainingAt ? { lastTrainingAt } : {}),
    trainingInProgress:
      approvedLately(retraining, deps.now()) ||
      versions.some(v => v.status === 'REQUESTED' || v.status === 'TRAINING' || v.status === 'REGISTERED'),
    rolloutInFlight: unplanned || (await activeRollout(deps.store, config.fleet, config.slot)) !== undefined,
    newLabels: fresh.length,
    devices: new Set(fresh.map(s => s.thing)).size,
    fieldDevices: admission.devices,
    generation: versions.find(v => v.version === champion)?.generation ?? 0,
  }
}

/** As long as the bus delivers its events; later nothing will come of it by itself, and it must not block for ever. */
const ON_ITS_WAY_MS = 86_400_000
const approvedLately = (retraining: ModelRow['retraining'], now: Date): boolean =>
  retraining !== undefined && now.getTime() - Date.parse(retraining.since) < ON_ITS_WAY_MS

export const handler = lambda({ QUARANTINE_TABLE: z.string().min(1) }, (env, core) =>
  decideRetrain({ ...core, quarantine: tableStore(env.QUARANTINE_TABLE, core.now) }),
)
