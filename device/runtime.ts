import { loadArtefact } from '../compiler/run.ts'
import type { LoadedModel, ModelRuntime } from './ports.ts'
import { hexDigest } from './update/files.ts'

const MAX_MEMORY_BYTES = 67_108_864

/** Runs Edgeloop's own WebAssembly artefacts; refuses modules with imports or with more memory than the cap. */
export const wasmRuntime: ModelRuntime = {
  name: 'edgeloop-wasm',
  load(bytes) {
    const artefact = loadArtefact(bytes, { maxMemoryBytes: MAX_MEMORY_BYTES })
    const { numFeature, numOutput } = artefact.metadata
    return { numFeature, numOutput, margins: row => artefact.margins(row) }
  },
}

/** One loaded model for all the devices of a process that hold the same bytes. */
export function sharedRuntime(inner: ModelRuntime): ModelRuntime {
  const loaded = new Map<string, WeakRef<LoadedModel>>()
  return {
    name: inner.name,
    load(bytes) {
      const digest = hexDigest(bytes)
      const known = loaded.get(digest)?.deref()
      if (known !== undefined) return known
      const model = inner.load(bytes)
      loaded.set(digest, new WeakRef(model))
      return model
    },
  }
}
