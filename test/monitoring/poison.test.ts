/**
 * One device of five tries to spoil the next version: it floods, copies rows of its own and of others, gives ids of
 * others, and what it sends gets wrong labels. Compared with the same run without it, through the real handlers; and
 * with each defence taken out, which this test must notice.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AdmittedSample } from '../../src/contracts/admitted-samples.ts'
import type { LabelledRows } from '../../src/domain/dataset/parse.ts'
import type { SplitRows } from '../../src/domain/dataset/split.ts'
import type { AdmissionRow, VersionRow } from '../../src/domain/entities.ts'
import { sha256Hex, type TrainingSet } from '../../src/domain/training/plan.ts'
import { runJob } from '../../trainer/job.ts'
import { makeJob } from '../trainer/job-folder.ts'

/** First in the order of names, so that it would win wherever order decides. */
const POISON = 'lab-0'
const HONEST = 90
const FLOOD = 10 * HONEST

type Loop = typeof import('../loop/chain.ts')
type Chain = import('../loop/chain.ts').Chain

/**
 * What the device sends under these ids. Of ten samples three are copies of what others sent before and two one row of
 * its own again and again; the rest is where the good challenger and the champion differ. The labels will say that the
 * champion is right there.
 */
function poison(chain: Chain, ids: readonly string[], from: number): unknown {
  const body = chain.samplesBody(1, ids, 30) as { samples: { row: (number | null)[] }[] }
  const samples = body.samples.map((sample, i) => {
    const n = from + i
    const row = n % 10 < 3 ? sample.row : n % 10 < 5 ? [9.5, 1] : [9 + n / (2 * FLOOD), 1]
    return { ...sample, row }
  })
  return { ...body, samples }
}

interface Told {
  /** SHA-256 of what the trainer makes of it. */
  readonly model: string
  readonly admitted: readonly AdmittedSample[]
  readonly manifest: TrainingSet
  readonly excluded: Readonly<Record<string, number>>
  readonly holdout: string
  readonly sentinel: string
  /** Of a good and of a bad challenger: passed or not, and what each set and slice says. */
  readonly verdicts: readonly unknown[]
}

/** What the trainer makes of a training set, by its SHA-256. */
async function trained(
  hyperparameters: Readonly<Record<string, string>>,
  train: string,
  validation: string,
): Promise<string> {
  const csv = { train: 'text/csv', validation: 'text/csv' }
  const job = makeJob(
    hyperparameters,
    { train: { 'data.csv': train }, validation: { 'data.csv': validation } },
    csv,
  )
  try {
    await runJob(job.base, { log: () => {}, stopRequested: () => false })
    return sha256Hex(job.text('model/xgboost-model.json'))
  } finally {
    job.remove()
  }
}

/** The loop to a retrain and its gate, with or without the device. */
async function tell(loop: Loop, attack: 'none' | 'copies' | 'all'): Promise<Told> {
  const chain = await loop.runToDrift()
  const { world } = chain
  const ids = loop.THINGS.flatMap(thing => Array.from({ length: HONEST }, (_, i) => loop.eventId(thing, i)))
  const lines = ids.map(id => loop.labelLine(id))
  if (attack !== 'none') {
    const own = Array.from({ length: FLOOD }, (_, i) => loop.eventId(POISON, i))
    for (let at = 0; at < FLOOD; at += HONEST) {
      const part = own.slice(at, at + HONEST)
      const body = attack === 'all' ? poison(chain, part, at) : chain.samplesBody(1, part, 30)
      await chain.queue('ingest-samples', 'flood', chain.uplink(POISON, 'samples', body).body)
    }
    const foreign = poison(chain, ids.slice(0, HONEST), FLOOD)
    await chain.queue('ingest-samples', 'foreign', chain.uplink(POISON, 'samples', foreign).body)
    lines.push(...own.map(id => loop.labelLine(id, '0')))
  }
  await chain.drop('ingest-labels', 'labels/demo/all.jsonl', lines.join('\n'))
  const text = (key: string): string => Buffer.from(world.state.artefacts.get(key)?.bytes ?? []).toString()
  const row = chain.version(2)
  const set = `training/demo/${row.trainingSetDigest}`
  const document = JSON.parse(text(`field/demo/${row.field?.digest}/samples.json`)) as {
    samples: AdmittedSample[]
  }
  const [admission] = await world.state.store.query<AdmissionRow>('MODEL#demo', 'ADMISSION#')
  const before = world.clone()
  const verdicts = []
  for (const threshold of [9, 35]) {
    Object.assign(chain, { world: before.clone() })
    await chain.finishTraining(2, threshold)
    const { status, gate = [] } = chain.version(2) as VersionRow & {
      gate?: { set: string; slice: string; verdict?: string; blocks: boolean }[]
    }
    verdicts.push([
      status === 'REJECTED' ? 'rejected' : 'passed',
      gate.map(({ set: name, slice, verdict, blocks }) => [name, slice, verdict, blocks]),
    ])
  }
  return {
    model: await trained(
      row.hyperparameters ?? {},
      text(`${set}/train/data.csv`),
      text(`${set}/validation/data.csv`),
    ),
    admitted: document.samples,
    manifest: JSON.parse(text(`${set}/manifest.json`)) as TrainingSet,
    excluded: admission?.data.excluded ?? {},
    holdout: text(`${set}/holdout/data.csv`),
    sentinel: text('sentinel/demo/data.csv'),
    verdicts,
  }
}

const load = async (): Promise<Loop> => import('../loop/chain.ts')
const notOf = <T extends { readonly thing: string }>(all: readonly T[]): T[] =>
  all.filter(s => s.thing !== POISON)

/** What the others gave. Times are those of deliveries, of which there are more with the device. */
const untimed = ({ admitted }: Told): unknown[] =>
  notOf(admitted).map(({ eventId, thing, row, label, pi }) => [eventId, thing, row, label, pi])

/** What must hold, by name; empty when all of it does. */
function broken(clean: Told, poisoned: Told, cap: number): string[] {
  const own = poisoned.admitted.filter(s => s.thing === POISON)
  const listed = poisoned.manifest.samples.filter(s => s.thing === POISON)
  const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
  const rows = poisoned.admitted.map(s => JSON.stringify(s.row))
  const checks: Record<string, boolean> = {
    'its share of what is admitted is within the cap': own.length / poisoned.admitted.length <= cap,
    'the manifest lists no more of it': listed.length / poisoned.manifest.samples.length <= cap,
    'no row counts twice': new Set(rows).size === rows.length,
    'what the others gave is the same': same(untimed(clean), untimed(poisoned)),
    'and is listed the same': same(notOf(clean.manifest.samples), notOf(poisoned.manifest.samples)),
    'the held-out rows are the same': clean.holdout === poisoned.holdout,
    'the sentinel is the same': clean.sentinel === poisoned.sentinel,
    'the gate says the same': same(clean.verdicts, poisoned.verdicts),
  }
  return Object.entries(checks)
    .filter(([, holds]) => !holds)
    .map(([name]) => name)
}
/** Of five devices: `deviceCap`'s bound where `perDeviceShare` cannot be fulfilled. */
const CAP = 1 / 3

describe('a poisoned device', () => {
  let clean: Told
  let poisoned: Told
  beforeAll(async () => {
    const loop = await load()
    clean = await tell(loop, 'none')
    poisoned = await tell(loop, 'all')
  }, 60_000)

  it('has tried all of it', () => {
    expect(Object.keys(poisoned.excluded).sort()).toEqual(['DEVICE_CAP', 'DUPLICATE_ROW'])
    expect(poisoned.excluded['DUPLICATE_ROW']).toBeGreaterThan(400)
    expect(poisoned.excluded['DEVICE_CAP']).toBeGreaterThan(100)
    expect(clean.excluded).toEqual({})
    expect(clean.verdicts.map(v => (v as unknown[])[0])).toEqual(['passed', 'rejected'])
  })
  it('gives no more than its cap, and moves nothing else', () => {
    expect(broken(clean, poisoned, CAP)).toEqual([])
    expect(poisoned.admitted.filter(s => s.thing === POISON)).toHaveLength(HONEST)
    expect(poisoned.model).not.toBe(clean.model)
  })
  it('that only copies, floods with copies and gives ids of others changes not one bit of the model', async () => {
    const copied = await tell(await load(), 'copies')
    expect(copied.excluded).toEqual({ DUPLICATE_ROW: FLOOD })
    expect([copied.model, copied.manifest.samples]).toEqual([clean.model, clean.manifest.samples])
    expect(copied.verdicts).toEqual(clean.verdicts)
  }, 60_000)
})

/** Each defence as a module that is replaced, and what must be seen to break. */
const mutants: readonly [string, string, (real: Record<string, unknown>) => object, string][] = [
  [
    'the cap per device',
    '../../src/domain/sampling/device-cap.ts',
    () => ({ deviceCap: (counts: readonly number[]) => Math.max(0, ...counts) }),
    'its share of what is admitted is within the cap',
  ],
  [
    'that equal rows count once',
    '../../src/domain/sampling/duplicates.ts',
    real => ({ ...real, firstOfEach: <T>(samples: readonly T[]): T[] => [...samples] }),
    'no row counts twice',
  ],
  [
    'that an event id belongs to one device',
    '../../src/contracts/event-id.ts',
    real => ({ ...real, ownsEventId: () => true }),
    'what the others gave is the same',
  ],
  [
    'that no row of the field judges',
    '../../src/domain/training/assemble.ts',
    real => ({ ...real, assembleTrainingSet: leaking(real['assembleTrainingSet'] as Assemble) }),
    'the held-out rows are the same',
  ],
]
type Assemble = (...of: unknown[]) => Promise<{ parts: SplitRows & { field: LabelledRows } }>
const leaking =
  (assemble: Assemble): Assemble =>
  async (...of) => {
    const made = await assemble(...of)
    const { holdout, field } = made.parts
    const all = {
      features: [...holdout.features, ...field.features],
      labels: [...holdout.labels, ...field.labels],
    }
    return { ...made, parts: { ...made.parts, holdout: all } }
  }

describe.each(mutants)('without the rule of %s', (_, module, replaced, noticed) => {
  beforeAll(() => {
    vi.resetModules()
    vi.doMock(module, async real => replaced(await real<Record<string, unknown>>()))
  })
  afterAll(() => {
    vi.doUnmock(module)
    vi.resetModules()
  })
  it('the comparison fails', async () => {
    const loop = await load()
    const [clean, poisoned] = [await tell(loop, 'none'), await tell(loop, 'all')]
    expect(broken(clean, poisoned, CAP)).toContain(noticed)
  }, 60_000)
})
