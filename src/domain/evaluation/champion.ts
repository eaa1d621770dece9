import { keys, type ModelRow, type VersionRow } from '../entities.ts'
import type { Core, Objects } from '../ports.ts'
import { blobKey } from '../training/assemble.ts'

const MAX_MODEL = 256 * 1024 * 1024

/** Model file of the version that every device is told to run; undefined before the first. */
export async function championModel(
  deps: Core & { readonly artefacts: Objects },
  model: string,
): Promise<Uint8Array | undefined> {
  const number = (await deps.store.get<ModelRow>(keys.model(model)))?.data.champion
  if (number === undefined) return undefined
  const row = await deps.store.get<VersionRow>(keys.version(model, number))
  if (row === undefined || !('modelDigest' in row.data)) return undefined
  return (await deps.artefacts.get(blobKey(row.data.modelDigest), { maxBytes: MAX_MODEL })).bytes
}
