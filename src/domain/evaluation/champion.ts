import { keys, type ModelRow, type VersionRow } from '../entities.ts'
import type { Core, Objects } from '../ports.ts'
import { blobKey } from '../training/assemble.ts'

const MAX_MODEL = 256 * 1024 * 1024

export interface Champion {
  /** The model file. */
  readonly model: Uint8Array
  /** When it was signed, and with that released; ISO. */
  readonly releasedAt: string
}

/** The version that every device is told to run; undefined before the first. */
export async function championOfModel(
  deps: Core & { readonly artefacts: Objects },
  model: string,
): Promise<Champion | undefined> {
  const number = (await deps.store.get<ModelRow>(keys.model(model)))?.data.champion
  if (number === undefined) return undefined
  const row = (await deps.store.get<VersionRow>(keys.version(model, number)))?.data
  if (row === undefined || !('modelDigest' in row)) return undefined
  const signedAt = row.status === 'PACKAGED' ? row.lineage?.at : undefined
  return {
    model: (await deps.artefacts.get(blobKey(row.modelDigest), { maxBytes: MAX_MODEL })).bytes,
    releasedAt: signedAt ?? row.evaluatedAt ?? row.requestedAt,
  }
}
