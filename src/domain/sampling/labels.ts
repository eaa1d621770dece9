import { parseUntrustedJson, UnsafeJsonError } from '../../../verifier/json.ts'
import { ownsEventId } from '../../contracts/event-id.ts'
import type { GroundTruth } from '../../contracts/labels.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import { keys, type SampleRow } from '../entities.ts'
import { InputError } from '../errors.ts'
import { stratumCounters } from '../monitoring/audit-labels.ts'
import { put, type Row, type Write } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'
import { type Quarantine, sampleTtl } from './quarantine.ts'

const LINE_LIMITS = { maxBytes: 16_384, maxDepth: 8 }
const BATCH = 40
/** More devices than this that gave the same id are not looked through for its owner. */
const SENDERS = 16

/** One line of a ground-truth file as JSON; throws InputError. */
export function parseLine(line: string): unknown {
  try {
    return parseUntrustedJson(Buffer.from(line), LINE_LIMITS)
  } catch (error) {
    if (error instanceof UnsafeJsonError) throw new InputError(error.code, error.message, 'line')
    throw error
  }
}

/** The label as a class's index, or the value; throws InputError. */
export function groundTruthLabel({ groundTruthData }: GroundTruth, config: ModelConfig): number {
  const { data, encoding } = groundTruthData
  return labelOf((encoding === 'BASE64' ? Buffer.from(data, 'base64').toString() : data).trim(), config)
}

export function labelOf(text: string, { task, label }: ModelConfig, field = 'groundTruthData.data'): number {
  if (task === 'regression') {
    const value = Number(text)
    if (text === '' || !Number.isFinite(value))
      throw new InputError('NOT_A_NUMBER', `"${text.slice(0, 40)}" is no finite number`, field)
    return value
  }
  const index = label.classes.indexOf(text)
  if (index < 0)
    throw new InputError(
      'UNKNOWN_CLASS',
      `"${text.slice(0, 40)}" is none of ${label.classes.join(', ')}`,
      field,
    )
  return index
}

interface Labelling {
  readonly quarantine: Quarantine
  readonly now: () => Date
}

/**
 * Attaches labels to samples by event id. Labels and the error statistics they change are written together, so a crash
 * in between leaves both or neither. The first label of a sample stays.
 * @returns how many of the ids are samples
 */
export async function attachLabels(
  { quarantine, now }: Labelling,
  model: string,
  config: ModelConfig,
  labels: readonly (readonly [eventId: string, label: number])[],
): Promise<number> {
  let matched = 0
  for (let at = 0; at < labels.length; at += BATCH) {
    const part = labels.slice(at, at + BATCH)
    const rows = await Promise.all(part.map(([eventId]) => sampleOf(quarantine, model, eventId)))
    matched += rows.filter(row => row !== undefined).length
    const writes = rows.flatMap((row, i) =>
      row === undefined || row.data.label !== undefined || row.data.contested
        ? []
        : labelWrites(row, part[i]?.[1] as number, config, now()),
    )
    await quarantine.commit(merged(writes))
  }
  return matched
}

/** The writes that give a sample its label, or, for undefined, take it away, with the statistics of the audit lane. */
export function labelWrites(
  row: Row<SampleRow>,
  label: number | undefined,
  config: ModelConfig,
  at: Date,
): Write[] {
  const { label: before, labelClass: _, labelledAt: __, ...sample } = row.data
  const labelClass =
    config.task === 'regression' || label === undefined ? undefined : config.label.classes[label]
  const labelled: SampleRow =
    label === undefined
      ? sample
      : { ...sample, label, labelledAt: at.toISOString(), ...(labelClass ? { labelClass } : {}) }
  const write = put(row.key, labelled, row, { ttl: sampleTtl(sample) })
  if (sample.lane !== 'audit') return [write]
  const wrong = (of: number | undefined): number =>
    of !== undefined && config.task !== 'regression' && sample.prediction !== of ? 1 : 0
  const labels = Number(label !== undefined) - Number(before !== undefined)
  const errors = wrong(label) - wrong(before)
  const by = stratumCounters(sample.pi, { labels, errors })
  return [write, { kind: 'add', key: keys.labelStats(sample.model, sample.version), by }]
}

/** Counters of one row in one write, as a transaction takes them. */
function merged(writes: readonly Write[]): Write[] {
  const adds = new Map<string, Extract<Write, { kind: 'add' }>>()
  for (const write of writes) {
    if (write.kind !== 'add') continue
    const id = `${write.key.pk} ${write.key.sk}`
    const by = { ...adds.get(id)?.by }
    for (const [name, more] of Object.entries(write.by)) by[name] = (by[name] ?? 0) + more
    adds.set(id, { ...write, by })
  }
  return [...writes.filter(w => w.kind !== 'add'), ...adds.values()]
}

/** The sample of the device whose id it is: another that gives the id must not keep the label from it. */
export async function sampleOf(
  quarantine: Pick<Quarantine, 'query'>,
  model: string,
  eventId: string,
): Promise<Row<SampleRow> | undefined> {
  const { pk, sk } = keys.sample(model, eventId, '')
  const rows = await quarantine.query<SampleRow>(pk, sk, { limit: SENDERS })
  return rows.find(r => r.data.eventId === eventId && ownsEventId(r.data.thing, eventId, sha256Hex))
}
