/** The way of one version from a drop to the fleet, and what stopped it. */
import type { RolloutSummary, Version, VersionTargets } from '../api/types.ts'
import { plural, words } from './format.ts'

export const stages = ['data', 'training', 'gate', 'compile', 'sign', 'rollout'] as const
export type Stage = (typeof stages)[number]
export interface Station {
  readonly stage: Stage
  readonly state: 'done' | 'running' | 'stopped' | 'waiting' | 'skipped'
  readonly note: string
}

const ENDED_WELL = ['COMPLETED', 'SUPERSEDED']
const ENDED_BADLY = ['ROLLED_BACK', 'ABORTED']

export function stations(
  version: Version,
  rollout: RolloutSummary | undefined,
  targets: VersionTargets = [],
): Station[] {
  const { status } = version
  const imported = version.origin === 'import'
  const rejected = status === 'REJECTED'
  const registered = status === 'REGISTERED' || status === 'PACKAGED'
  const broken = targets.find(t => t.status === 'FAILED')
  const rows = (version.sources ?? []).reduce((sum, source) => sum + source.rows, 0)
  const station = (stage: Stage, state: Station['state'], note: string): Station => ({ stage, state, note })
  return [
    station('data', 'done', dataNote(version, rows)),
    imported
      ? station('training', 'skipped', 'imported')
      : station(
          'training',
          status === 'FAILED'
            ? 'stopped'
            : status === 'REQUESTED' || status === 'TRAINING'
              ? 'running'
              : 'done',
          status === 'FAILED'
            ? (version.reason ?? 'failed')
            : words(status === 'REQUESTED' ? 'requested' : ''),
        ),
    station(
      'gate',
      rejected ? 'stopped' : registered ? 'done' : 'waiting',
      rejected ? (version.reasons ?? [version.reason ?? 'rejected']).join('; ') : '',
    ),
    station(
      'compile',
      broken !== undefined ? 'stopped' : status === 'PACKAGED' ? 'done' : registered ? 'running' : 'waiting',
      broken !== undefined
        ? `${broken.hardware}: ${broken.reason ?? 'failed'}`
        : targets.map(t => `${t.hardware} ${t.status.toLowerCase()}`).join(', '),
    ),
    station(
      'sign',
      status === 'PACKAGED' ? 'done' : 'waiting',
      status === 'PACKAGED' ? plural(version.packages?.length ?? 0, 'package') : '',
    ),
    rolloutStation(rollout, status === 'PACKAGED'),
  ]
}

function dataNote(version: Version, rows: number): string {
  if (version.imported !== undefined) return version.imported.key
  const parts = [
    ...(rows > 0 ? [plural(rows, 'row')] : []),
    ...(version.fieldSamples > 0 ? [plural(version.fieldSamples, 'field sample')] : []),
  ]
  return parts.join(', ')
}

function rolloutStation(rollout: RolloutSummary | undefined, packaged: boolean): Station {
  const stage = 'rollout'
  if (rollout === undefined) return { stage, state: 'waiting', note: packaged ? 'none yet' : '' }
  const note = words(rollout.status)
  if (ENDED_WELL.includes(rollout.status)) return { stage, state: 'done', note }
  if (ENDED_BADLY.includes(rollout.status))
    return { stage, state: 'stopped', note: `${note}: ${rollout.last?.reason ?? ''}` }
  return {
    stage,
    state: 'running',
    note: `${note}${rollout.phase === null ? '' : `, phase ${rollout.phase}`}`,
  }
}
