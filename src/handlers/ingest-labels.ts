import * as z from 'zod'
import { parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { groundTruth } from '../contracts/labels.ts'
import type { ModelConfig } from '../contracts/model-config.ts'
import { keys, type ModelRow, type SampleRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Objects } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import { type Quarantine, sampleTtl, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put, type Row, type Write } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { dropHandler } from '../runtime/drops.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_BYTES = 32 * 1024 * 1024
const LINE_LIMITS = { maxBytes: 16_384, maxDepth: 8 }
const BATCH = 40

export interface IngestLabelsDeps extends WithQuarantine {
  readonly drops: Objects
}

/**
 * Ground truth was dropped under `labels/{model}/`, one JSON per line in Model Monitor's merge format: each line is
 * joined to its sample by event id. A bad line is refused alone. A label that is there already is not counted twice.
 */
export const ingestLabels = (deps: IngestLabelsDeps) =>
  dropHandler(deps, s3ObjectCreated, 'labels', async ({ key, model, versionId, cause }) => {
    const config = (await deps.store.get<ModelRow>(keys.model(model)))?.data.config
    if (config === undefined) throw new InputError('MODEL_UNKNOWN', `model ${model} is not configured`, 'key')
    const { bytes } = await deps.drops.get(key, { maxBytes: MAX_BYTES, ...(versionId ? { versionId } : {}) })
    const digest = sha256Hex(bytes)
    if ((await deps.store.get(keys.labelFile(model, digest))) !== undefined) return

    const found = new Map<string, number>()
    let refused = 0
    for (const [i, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
      if (line.trim() === '') continue
      try {
        const { eventId, label } = parseLine(line, config)
        found.set(eventId, label)
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        refused++
        const at = new InputError(error.reason, `line ${i + 1}: ${error.message}`, error.field)
        await rejectInput(
          deps,
          { channel: 's3', subject: key, instance: `${digest}#${i + 1}`, model, payload: Buffer.from(line) },
          at,
          cause,
        )
      }
    }
    if (found.size === 0) {
      if (refused > 0) return
      throw new InputError('EMPTY_FILE', 'the file holds no labels', 'file')
    }
    const matched = await apply(deps, model, config, [...found])
    const data = { model, key, matched, unmatched: found.size - matched }
    await deps.store.commit(
      [put(keys.labelFile(model, digest), data, undefined)],
      [{ type: 'LabelsReceived', data }],
      cause,
    )
  })

function parseLine(line: string, config: ModelConfig): { eventId: string; label: number } {
  let value: unknown
  try {
    value = parseUntrustedJson(Buffer.from(line), LINE_LIMITS)
  } catch (error) {
    if (error instanceof UnsafeJsonError) throw new InputError(error.code, error.message, 'line')
    throw error
  }
  const { groundTruthData, eventMetadata } = parseOrReject(groundTruth, value)
  const text =
    groundTruthData.encoding === 'BASE64'
      ? Buffer.from(groundTruthData.data, 'base64').toString()
      : groundTruthData.data
  return { eventId: eventMetadata.eventId, label: labelOf(text.trim(), config) }
}

function labelOf(text: string, { task, label }: ModelConfig): number {
  if (task === 'regression') {
    const value = Number(text)
    if (text === '' || !Number.isFinite(value))
      throw new InputError(
        'NOT_A_NUMBER',
        `"${text.slice(0, 40)}" is no finite number`,
        'groundTruthData.data',
      )
    return value
  }
  const index = label.classes.indexOf(text)
  if (index < 0)
    throw new InputError(
      'UNKNOWN_CLASS',
      `"${text.slice(0, 40)}" is none of ${label.classes.join(', ')}`,
      'groundTruthData.data',
    )
  return index
}

/** Labels and the error statistics they change are written together, so a crash in between leaves both or neither. */
async function apply(
  { quarantine, now }: IngestLabelsDeps,
  model: string,
  config: ModelConfig,
  labels: readonly (readonly [string, number])[],
): Promise<number> {
  const labelledAt = now().toISOString()
  let matched = 0
  for (let at = 0; at < labels.length; at += BATCH) {
    const writes: Write[] = []
    const stats = new Map<number, { labels: number; errors: number }>()
    const rows = await Promise.all(
      labels.slice(at, at + BATCH).map(([eventId]) => sampleOf(quarantine, model, eventId)),
    )
    rows.forEach((row, i) => {
      if (row === undefined) return
      matched++
      if (row.data.label !== undefined) return
      const label = (labels[at + i] as readonly [string, number])[1]
      const labelClass = config.task === 'regression' ? undefined : config.label.classes[label]
      const labelled: SampleRow = { ...row.data, label, labelledAt, ...(labelClass ? { labelClass } : {}) }
      writes.push(put(row.key, labelled, row, { ttl: sampleTtl(row.data) }))
      if (row.data.lane !== 'audit') return
      const { version, prediction } = row.data
      const stat = stats.get(version) ?? { labels: 0, errors: 0 }
      stat.labels++
      if (config.task !== 'regression' && prediction !== label) stat.errors++
      stats.set(version, stat)
    })
    for (const [version, by] of stats) writes.push({ kind: 'add', key: keys.labelStats(model, version), by })
    await quarantine.commit(writes)
  }
  return matched
}

/** An id that two devices gave is no name of either: neither sample gets the label. */
async function sampleOf(
  quarantine: Quarantine,
  model: string,
  eventId: string,
): Promise<Row<SampleRow> | undefined> {
  const { pk, sk } = keys.sample(model, eventId, '')
  const rows = await quarantine.query<SampleRow>(pk, sk, { limit: 2 })
  return rows.length === 1 ? rows[0] : undefined
}

export const handler = lambda(
  { DROP_BUCKET: z.string().min(1), QUARANTINE_TABLE: z.string().min(1) },
  (env, core) =>
    ingestLabels({
      ...core,
      drops: bucketObjects(env.DROP_BUCKET),
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
    }),
)
