import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'
import type { ModelFile } from '../trust/oms.ts'

const FIXED = { mtime: 0, uid: 0, gid: 0, mode: '644', user: '', group: '' } as const

/**
 * Plain ustar, files in code-point order, with fixed times and owners: equal contents give equal bytes, so an
 * interrupted packaging that runs again makes the same package.
 */
export function packageArchive(files: readonly ModelFile[]): Uint8Array {
  const sorted = [...files].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  return createTar(
    sorted.map(file => ({ name: file.name, data: file.bytes })),
    { attrs: FIXED },
  )
}

/** What Neo wants: a `.tar.gz` with exactly one XGBoost model file. */
export function modelArchive(model: Uint8Array): Uint8Array {
  const name = model[0] === 0x7b ? 'xgboost-model.json' : 'xgboost-model.ubj'
  return gzipSync(createTar([{ name, data: model }], { attrs: FIXED }), { level: 9 })
}
