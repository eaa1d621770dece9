import type { JournalRecord, Part, StoredVersion, Upload } from './model.ts'

export interface UploadState {
  readonly upload: Upload
  readonly parts: Map<number, Part>
}

/** Everything about a bucket except the bytes. Changed by `apply` only. */
export interface BucketState {
  created: string
  readonly config: Map<string, string>
  /** Versions per key, newest first; never an empty list. */
  readonly objects: Map<string, readonly StoredVersion[]>
  readonly uploads: Map<string, UploadState>
}

export const emptyState = (): BucketState => ({
  created: '',
  config: new Map(),
  objects: new Map(),
  uploads: new Map(),
})

/** Applies one record; returns the body files that nothing refers to any more. */
export function apply(state: BucketState, record: JournalRecord): readonly string[] {
  switch (record.op) {
    case 'bucket':
      state.created = record.created
      return []
    case 'config':
      if (record.value === null) state.config.delete(record.name)
      else state.config.set(record.name, record.value)
      return []
    case 'put': {
      const { key, versionId } = record.version
      const before = state.objects.get(key) ?? []
      // Version "null" exists once: writing it again replaces it.
      const gone = before.filter(version => version.versionId === versionId)
      const kept = before.filter(version => version.versionId !== versionId)
      state.objects.set(key, [record.version, ...kept])
      return filesOf(gone)
    }
    case 'amend': {
      const { key, versionId } = record.version
      const versions = state.objects.get(key) ?? []
      state.objects.set(
        key,
        versions.map(version => (version.versionId === versionId ? record.version : version)),
      )
      return []
    }
    case 'remove': {
      const before = state.objects.get(record.key) ?? []
      const kept = before.filter(version => version.versionId !== record.versionId)
      if (kept.length === 0) state.objects.delete(record.key)
      else state.objects.set(record.key, kept)
      return filesOf(before.filter(version => version.versionId === record.versionId))
    }
    case 'upload':
      state.uploads.set(record.upload.id, { upload: record.upload, parts: new Map() })
      return []
    case 'part': {
      const parts = state.uploads.get(record.uploadId)?.parts
      const before = parts?.get(record.part.number)
      parts?.set(record.part.number, record.part)
      return before === undefined ? [] : [before.file]
    }
    case 'drop': {
      const parts = [...(state.uploads.get(record.uploadId)?.parts.values() ?? [])]
      state.uploads.delete(record.uploadId)
      return parts.map(part => part.file)
    }
  }
}

/** The shortest journal that gives this state. */
export function* compact(state: BucketState): Generator<JournalRecord> {
  yield { op: 'bucket', created: state.created }
  for (const [name, value] of state.config) yield { op: 'config', name, value }
  for (const versions of state.objects.values())
    for (const version of versions.toReversed()) yield { op: 'put', version }
  for (const { upload, parts } of state.uploads.values()) {
    yield { op: 'upload', upload }
    for (const part of parts.values()) yield { op: 'part', uploadId: upload.id, part }
  }
}

const filesOf = (versions: readonly StoredVersion[]): readonly string[] =>
  versions.map(version => version.file).filter(file => file !== '')
