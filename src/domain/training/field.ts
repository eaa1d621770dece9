import type { AdmittedSample } from '../../contracts/admitted-samples.ts'
import { type AdmissionRow, type FieldSet, keys, type ModelRow, type VersionRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core, Objects } from '../ports.ts'
import { readAdmitted, stillFit } from '../sampling/admitted.ts'
import { revocations } from '../sampling/standing.ts'
import type { Row } from '../store.ts'

export interface FieldPart {
  /** Absent where nothing was admitted, or nothing of it still fits. */
  readonly set?: FieldSet
  readonly samples: readonly AdmittedSample[]
}
const NOTHING: FieldPart = { samples: [] }

/** The version that every device is told to run. */
export const championOf = async (
  { store }: Pick<Core, 'store'>,
  { config, champion }: ModelRow,
): Promise<VersionRow | undefined> =>
  champion === undefined
    ? undefined
    : (await store.get<VersionRow>(keys.version(config.name, champion)))?.data

/** The admission that an event speaks of, as it is on record: the event alone would be anybody's word. */
export async function recordedAdmission(
  { store }: Pick<Core, 'store'>,
  { model, decision, digest }: { model: string; decision: string; digest: string },
): Promise<Row<AdmissionRow>> {
  const row = await store.get<AdmissionRow>(keys.admission(model, decision))
  if (row?.data.digest === digest) return row
  throw new EdgeloopError('ILLEGAL_STATE', `decision ${decision} of ${model} has not admitted ${digest}`)
}

/**
 * Field samples for a training: those that were admitted for it, or, for a person's drop, those that the champion was
 * trained on, so that a drop does not unlearn the field. Either way from the admitted object, never from quarantine.
 */
export async function fieldPart(
  deps: Core & { readonly artefacts: Objects },
  { config }: ModelRow,
  source: Pick<FieldSet, 'digest' | 'at'> | undefined,
): Promise<FieldPart> {
  if (source === undefined) return NOTHING
  const { digest, at } = source
  const document = await readAdmitted(deps, config.name, digest)
  const revoked = await revocations(
    deps,
    document.samples.map(s => s.thing),
  )
  const samples = stillFit(document, config, revoked)
  if (samples.length === 0) return NOTHING
  const devices = new Set(samples.map(s => s.thing)).size
  return { set: { digest, samples: samples.length, devices, at }, samples }
}
