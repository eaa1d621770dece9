import { gunzipSync } from 'node:zlib'
import { parseTar } from 'nanotar'
import { EdgeloopError } from '../errors.ts'

const MAX_UNPACKED = 512 * 1024 * 1024

export interface ArchiveFile {
  readonly name: string
  readonly bytes: Uint8Array
}
/** Regular files of a `.tar.gz` that a SageMaker job left. Throws ILLEGAL_STATE when it is none. */
export function extractTarGz(archive: Uint8Array): readonly ArchiveFile[] {
  try {
    // A copy, because parseTar reads the whole ArrayBuffer behind a view, and small Buffers share one.
    const bytes = new Uint8Array(gunzipSync(archive, { maxOutputLength: MAX_UNPACKED }))
    return parseTar(bytes)
      .filter(entry => entry.type === 'file' && entry.data !== undefined)
      .map(entry => ({ name: entry.name.replace(/^\.\//, ''), bytes: entry.data as Uint8Array }))
  } catch (error) {
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `the job's archive cannot be unpacked: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/** SageMaker's XGBoost calls it `xgboost-model` (binary, UBJSON or JSON by version), our trainer `xgboost-model.json`. */
export function findModel(files: readonly ArchiveFile[]): ArchiveFile {
  const found = files.filter(f => /^xgboost-model(\.(json|ubj|model))?$/.test(f.name))
  if (found.length !== 1) {
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `the archive holds ${files.map(f => f.name).join(', ') || 'nothing'}; exactly one xgboost-model is needed`,
    )
  }
  return found[0] as ArchiveFile
}
