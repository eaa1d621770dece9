import type { CompileTarget } from '../../contracts/model-config.ts'
import { keys, type TargetRow, type VersionRow, versionListing } from '../entities.ts'
import type { Core } from '../ports.ts'
import { type Cause, put, type Row, type Store } from '../store.ts'

export interface TargetProgress {
  readonly compiled: readonly Extract<TargetRow, { status: 'COMPILED' }>[]
  readonly complete: boolean
}
/** How far the targets of a version have come. */
export async function targetProgress(
  store: Store,
  model: string,
  version: number,
  targets: readonly CompileTarget[],
): Promise<TargetProgress> {
  const rows = (await store.query<TargetRow>(keys.target(model, version, '').pk)).map(r => r.data)
  const compiled = rows.filter(row => row.status === 'COMPILED')
  return { compiled, complete: targets.every(t => compiled.some(c => c.hardware === t.hardware)) }
}

/** A target that cannot be compiled ends its version: a fleet of mixed hardware never gets half of a release. */
export async function failTarget(
  { store }: Core,
  target: Extract<TargetRow, { status: 'FAILED' }>,
  before: Row<TargetRow> | undefined,
  cause: Cause,
): Promise<void> {
  const { model, version, hardware, reason } = target
  const row = await store.get<VersionRow>(keys.version(model, version))
  const ended: VersionRow | undefined = row && {
    ...row.data,
    status: 'FAILED',
    reason: `${hardware}: ${reason}`,
  }
  await store.commit(
    [
      put<TargetRow>(keys.target(model, version, hardware), target, before),
      ...(row && ended ? [put(row.key, ended, row, { list: versionListing(model, version) })] : []),
    ],
    [{ type: 'CompilationFailed', data: { model, version, hardware, reason } }],
    cause,
  )
}
