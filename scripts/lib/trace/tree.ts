/** Log lines of a chain as a tree: who handled what, what came of it, and who handled that. */
import { forOperators } from '../../../src/contracts/events/index.ts'
import type { LogLine } from '../logs/read.ts'

export interface Emitted {
  readonly type: string
  readonly id: string
  readonly at: number
  /** Names, numbers and digests of its data. */
  readonly about: Readonly<Record<string, unknown>>
  /** How long it lay in the outbox, ms; absent while it lies there, as far as the logs say. */
  readonly waitedMs?: number
  readonly handled: readonly Step[]
}
export interface Step {
  readonly fn: string
  /** Event or other thing that it handled. */
  readonly what: string
  readonly request: string
  /** When it began. */
  readonly at: number
  readonly durationMs?: number
  readonly outcome: 'done' | 'refused' | 'failed' | 'unknown'
  readonly error?: string
  readonly wrote: readonly string[]
  readonly rows: number
  /** Other lines of it, by code. */
  readonly said: readonly { readonly at: number; readonly code: string; readonly level: string }[]
  readonly emitted: readonly Emitted[]
}
export interface Tree {
  readonly roots: readonly Step[]
  readonly from: number
  readonly to: number
  /** What is missing, in sentences. */
  readonly gaps: readonly string[]
}

interface Draft {
  readonly line: LogLine
  readonly fn: string
  readonly request: string
  readonly eventId: string
  readonly lines: LogLine[]
  end?: LogLine
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
/** An event that waited longer than this is worth a word. */
const LATE_MS = 60_000

export function treeOf(lines: readonly LogLine[]): Tree {
  const published = new Map<string, LogLine>()
  const drafts = new Map<string, Draft>()
  for (const line of lines) {
    if (line.code === 'EVENT_PUBLISHED') published.set(text(line.fields['eventId']), line)
    else gather(drafts, line)
  }
  const steps = [...drafts.values()]
  const origins = new Map<string, Draft>()
  for (const draft of steps)
    for (const line of draft.lines) for (const name of namesOf(line)) origins.set(name, draft)
  const parentOf = (draft: Draft): Draft | undefined => {
    const [parent] = sourcesOf(draft).flatMap(name => origins.get(name) ?? [])
    return parent === draft ? undefined : parent
  }
  const children = Map.groupBy(
    steps.filter(step => parentOf(step) !== undefined),
    step => parentOf(step) as Draft,
  )
  const gaps: string[] = []
  const seen = new Set<Draft>()
  const build = (draft: Draft): Step => {
    seen.add(draft)
    const own = (children.get(draft) ?? []).filter(child => !seen.has(child))
    return stepOf(draft, own, published, build, gaps)
  }
  const roots = steps.filter(step => parentOf(step) === undefined).map(build)
  // What only hangs together in a circle is shown all the same.
  for (const step of steps) if (!seen.has(step)) roots.push(build(step))
  const times = lines.map(l => l.at)
  return { roots, from: Math.min(...times), to: Math.max(...times), gaps }
}

/**
 * What an emitted event is known by to those who come after it: its id; a training by its job, since SageMaker's own
 * event says no more; a rollout by its id, since reports move it on.
 */
function namesOf({ code, fields }: LogLine): string[] {
  if (code !== 'EVENT_EMITTED') return []
  const name = { TrainingStarted: 'job', RolloutPlanned: 'rollout' }[text(fields['emitted'])]
  return [text(fields['emittedId']), ...(name === undefined ? [] : [text(fields[name])])]
}
/** What a step may have come from, the nearest first. */
function sourcesOf({ line, end, eventId, lines }: Draft): string[] {
  const { fields } = end ?? line
  const rollouts = lines.filter(l => l.code === 'EVENT_EMITTED').map(l => text(l.fields['rollout']))
  return [eventId, text(fields['causationId']), text(fields['job']), ...rollouts].filter(name => name !== '')
}

/** One step per request and event: a batch has several, a retry is a request of its own. */
function gather(drafts: Map<string, Draft>, line: LogLine): void {
  const { fields, fn } = line
  const request = text(fields['function_request_id']) || text(fields['requestId'])
  const eventId = text(fields['eventId'])
  const key = `${request} ${eventId} ${text(fields['record'])}`
  const draft: Draft = drafts.get(key) ?? { line, fn, request, eventId, lines: [] }
  drafts.set(key, draft)
  draft.lines.push(line)
  if (line.code === 'EVENT_HANDLED') draft.end = line
}

function stepOf(
  draft: Draft,
  children: readonly Draft[],
  published: ReadonlyMap<string, LogLine>,
  build: (draft: Draft) => Step,
  gaps: string[],
): Step {
  const { end, fn, request, lines } = draft
  const fields = (end ?? draft.line).fields
  const emissions = lines.filter(l => l.code === 'EVENT_EMITTED')
  const belongs = (child: Draft, emission: LogLine): boolean => {
    const names = namesOf(emission)
    return sourcesOf(child).some(source => names.includes(source))
  }
  const left = new Set(children)
  const emitted = emissions.map((line): Emitted => {
    const mine = [...left].filter(child => belongs(child, line))
    for (const child of mine) left.delete(child)
    return emissionOf(line, published, mine.map(build), gaps)
  })
  const outcome = text(fields['outcome'])
  const key = text(fields['key'])
  const durationMs = end === undefined ? undefined : Number(end.fields['durationMs'] ?? 0)
  const failed = outcome === 'failed'
  if (failed) gaps.push(`${fn} failed: ${text(fields['error'])}`)
  return {
    ...{ fn, request },
    what: [text(fields['eventType']) || text(fields['kind']) || text(fields['route']), key]
      .filter(Boolean)
      .join(' '),
    at: end === undefined ? draft.line.at : end.at - (durationMs ?? 0),
    ...(durationMs === undefined ? {} : { durationMs }),
    outcome: outcome === 'done' || outcome === 'refused' || failed ? outcome : 'unknown',
    ...(failed ? { error: text(fields['error']) } : {}),
    wrote: (fields['wrote'] ?? []) as readonly string[],
    rows: Number(fields['rows'] ?? 0),
    said: lines
      .filter(l => l.code !== 'EVENT_EMITTED' && l.code !== 'EVENT_HANDLED')
      .map(({ at, code, level }) => ({ at, code, level })),
    emitted,
  }
}

function emissionOf(
  { at, fields }: LogLine,
  published: ReadonlyMap<string, LogLine>,
  handled: readonly Step[],
  gaps: string[],
): Emitted {
  const [type, id] = [text(fields['emitted']), text(fields['emittedId'])]
  const out = published.get(id)
  if (out === undefined) gaps.push(`${type} ${id} is in the outbox, as far as the logs say`)
  else if (handled.length === 0 && !forOperators.some(t => t === type) && type !== 'DeviceReported')
    gaps.push(`${type} ${id} was published, and no function's line says that it came`)
  const waitedMs = out === undefined ? undefined : Number(out.fields['waitedMs'] ?? 0)
  if (waitedMs !== undefined && waitedMs > LATE_MS)
    gaps.push(`${type} ${id} lay in the outbox for ${Math.round(waitedMs / 1000)} s`)
  return { type, id, at, about: aboutOf(fields), ...(waitedMs === undefined ? {} : { waitedMs }), handled }
}

const ABOUT = [
  ...['model', 'version', 'dataset', 'job', 'hardware', 'rollout', 'phase', 'fleet', 'counter', 'decision'],
  ...['trigger', 'thing', 'outcome', 'code', 'kind', 'window'],
] as const
const aboutOf = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(ABOUT.flatMap(name => (fields[name] === undefined ? [] : [[name, fields[name]]])))
