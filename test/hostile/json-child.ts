/**
 * Sends every hostile text to every place where it can come in, and prints what became of it. `node json-child.ts json`
 * runs with a heap of 96 MB; `yaml` needs more, since a YAML parser overflows its stack and makes a long message of it.
 */

import { peakMegabytes } from '../../bench/verify/peak.ts'
import { compile } from '../../compiler/index.ts'
import { readIncoming } from '../../device/inbox.ts'
import { topics, uplinkKinds } from '../../src/contracts/mqtt.ts'
import { listings, type RejectionRow } from '../../src/domain/entities.ts'
import { InputError } from '../../src/domain/errors.ts'
import { modelFromImport } from '../../src/domain/training/imported.ts'
import { parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'
import { MODEL_YAML } from '../loop/chain.ts'
import { makeHandlers } from '../loop/handlers.ts'
import { World } from '../loop/world.ts'
import { TEXTS, YAML_TEXTS } from './json-texts.ts'

/** What one entry made of one text: a code, `ok`, or an error that nobody meant. */
export type Outcomes = Readonly<Record<string, string>>
export interface Report {
  readonly outcomes: Readonly<Record<string, Outcomes>>
  readonly polluted: boolean
  /** Highest resident memory, MB. */
  readonly peak: number
  /** Most by which the heap had grown after any text, MB, collected. */
  readonly kept: number
}

type Entry = (bytes: Uint8Array) => Promise<string> | string
const now = Date.parse('2026-03-01T00:00:00Z')
const HANDLERS: Readonly<Record<string, string>> = {
  hello: 'ingest-reports',
  report: 'ingest-reports',
  metrics: 'ingest-metrics',
  samples: 'ingest-samples',
  ask: 'answer-device',
  blob: 'serve-blob',
  predict: 'predict-in-cloud',
}

const guard = (maxBytes: number): Entry => {
  return bytes => {
    try {
      parseUntrustedJson(bytes, { maxBytes, maxDepth: 64 })
      return 'ok'
    } catch (error) {
      return error instanceof UnsafeJsonError ? error.code : String(error)
    }
  }
}

/** Codes of the refusals on record, or `ok` when there is none. */
async function refusals(world: World): Promise<string> {
  const rows = await world.state.store.list<RejectionRow>(listings.rejections)
  return rows.map(row => row.data.code).join() || 'ok'
}

const uplink = (kind: string): Entry => {
  return async bytes => {
    const world = new World(now)
    const data = Buffer.from(bytes).toString('base64')
    const ingress = { data, thing: 'lab-1', kind, client: 'lab-1', receivedAt: now }
    const name = HANDLERS[kind] ?? ''
    const queued = name.startsWith('ingest')
    const event = { Records: [{ messageId: 'm', body: JSON.stringify(ingress) }] }
    const answer = await makeHandlers(world.deps())[name]?.(queued ? event : ingress)
    const failed = (answer as { batchItemFailures?: unknown[] } | undefined)?.batchItemFailures?.length ?? 0
    return failed > 0 ? 'failed' : refusals(world)
  }
}

async function drop(world: World, handler: string, key: string, bytes: Uint8Array): Promise<void> {
  world.state.drops.set(key, { bytes, versionId: 'v1' })
  await makeHandlers(world.deps())[handler]?.({
    id: 'e',
    time: '2026-03-01T00:00:00Z',
    source: 'aws.s3',
    'detail-type': 'Object Created',
    detail: { bucket: { name: 'drops' }, object: { key, 'version-id': 'v1' } },
  })
}
const labels: Entry = async bytes => {
  const world = new World(now)
  await drop(world, 'register-model', 'models/demo/model.yaml', Buffer.from(MODEL_YAML))
  await drop(world, 'ingest-labels', 'labels/demo/file.jsonl', bytes)
  return refusals(world)
}
const imported: Entry = bytes => {
  try {
    modelFromImport(() => compile(bytes))
    return 'ok'
  } catch (error) {
    return error instanceof InputError ? error.reason : String(error)
  }
}
const yaml: Entry = async bytes => {
  const world = new World(now)
  await drop(world, 'register-model', 'models/demo/model.yaml', bytes)
  return refusals(world)
}
const inbox = (topic: string): Entry => {
  return bytes => {
    try {
      readIncoming('lab-1', 'lab', topic, bytes)
      return 'ok'
    } catch (error) {
      return error instanceof UnsafeJsonError ? error.code : (error as Error).name
    }
  }
}

const entries: Readonly<Record<string, Entry>> = {
  guard: guard(64_000_000),
  'guard of one message': guard(131_072),
  ...Object.fromEntries(uplinkKinds.map(kind => [`uplink ${kind}`, uplink(kind)])),
  labels,
  import: imported,
  'model.yaml': yaml,
  'inbox answer': inbox(topics.answer('lab-1', 'a')),
  'inbox hint': inbox(topics.hint('lab-1')),
}

/** Used by what can still be reached, MB; needs `--expose-gc`. */
const live = (): number => {
  if (globalThis.gc === undefined) throw new Error('start node with --expose-gc')
  globalThis.gc()
  return process.memoryUsage().heapUsed / 1e6
}

const outcomes: Record<string, Outcomes> = {}
const before = live()
let kept = 0
const yamlOnly = process.argv[2] === 'yaml'
for (const { what, make } of yamlOnly ? YAML_TEXTS : TEXTS) {
  const bytes = make()
  const found: Record<string, string> = {}
  for (const [name, entry] of Object.entries(yamlOnly ? { 'model.yaml': yaml } : entries)) {
    try {
      found[name] = await entry(bytes)
    } catch (error) {
      found[name] = `threw ${String(error)}`
    }
  }
  outcomes[what] = found
  kept = Math.max(kept, live() - before)
}
const polluted = Object.keys(Object.prototype).length > 0 || 'admin' in {}
const peak = peakMegabytes()
process.stdout.write(JSON.stringify({ outcomes, polluted, peak, kept } satisfies Report))
