import type { AnswerOf, AskedOf } from '../../contracts/api/index.ts'
import { EdgeloopError } from '../errors.ts'
import type { Bus, Core, Functions, QueueMessage, Queues } from '../ports.ts'
import type { Commands, Questions } from './ask.ts'
import { auditPut, type Commander, commitOnce } from './audit.ts'
import { type Landing, type QueueKind, runbooks, view, wayBack } from './dead-letters.ts'

export interface QueueDeps extends Core {
  readonly queues: Queues
  readonly functions: Functions
  readonly bus: Bus
  /** Every place where failures land. */
  readonly landings: readonly Landing[]
  /** Service and stage, which the names of queues and functions begin with. */
  readonly stack: string
}
type Redriven = AnswerOf<'redrive'>
type Left = Redriven['left'][number]

const PAGE = 10
/** Looking takes a second or two; should it break off, the messages come back after this. */
const LOOK_SECONDS = 10
/** Longer than the function's timeout, so that one call never meets a message twice. */
const HAND_OVER_SECONDS = 60
/** The caller waits, and API Gateway gives up after 30 s. */
const HAND_OVER_FOR_MS = 12_000
/** Slow enough that many messages about one row pass each other (docs/runbooks/dead-letters.md). */
const MOVED_PER_SECOND = 10
const UNDER_WAY: readonly string[] = ['RUNNING', 'CANCELLING']

export const queueQuestions: Questions<'listQueues' | 'listDeadLetters', QueueDeps> = {
  async listQueues({ queues, landings }) {
    const states = landings.map(async ({ queue, url, kind }) => {
      const { arn, messages, inFlight } = await queues.state(url)
      const redrive = kind === 'dead-letters' ? await queues.newestMove(arn) : undefined
      return { queue, kind, messages, inFlight, runbook: runbooks[kind], redrive: redrive ?? null }
    })
    return { queues: await Promise.all(states) }
  },
  async listDeadLetters(deps, { path }) {
    const landing = landingOf(deps, path.queue)
    const messages = await look(deps, landing)
    return { queue: landing.queue, messages: messages.map(message => view(landing, message, deps.stack)) }
  },
}
export const queueCommands: Commands<'redrive', QueueDeps> = {
  redrive(deps, { path, body }, commander) {
    const landing = landingOf(deps, path.queue)
    const { kind } = landing
    if (kind === 'dead-letters') return moveBack(deps, landing, body, commander)
    return handOver(deps, { ...landing, kind }, body, commander)
  },
}

/** @throws EdgeloopError NOT_FOUND */
function landingOf({ landings }: QueueDeps, queue: string): Landing {
  const found = landings.find(landing => landing.queue === queue)
  if (found !== undefined) return found
  const names = landings.map(landing => landing.queue).join(', ')
  throw new EdgeloopError('NOT_FOUND', `there is no dead-letter queue "${queue}"; there are ${names}`)
}

/** Up to ten messages, which others see again afterwards. */
async function look({ queues, log }: QueueDeps, { queue, url }: Landing): Promise<QueueMessage[]> {
  const seen = new Map<string, QueueMessage>()
  try {
    // SQS often gives fewer than there are.
    for (let waitSeconds = 1; seen.size < PAGE; waitSeconds = 0) {
      const options = { max: PAGE - seen.size, hiddenSeconds: LOOK_SECONDS, waitSeconds }
      const fresh = (await queues.receive(url, options)).filter(({ id }) => !seen.has(id))
      if (fresh.length === 0) break
      for (const message of fresh) seen.set(message.id, message)
    }
  } finally {
    await show({ queues, log }, { queue, url }, [...seen.values()])
  }
  return [...seen.values()]
}

/** Where it fails, they come back by themselves a little later. */
async function show(
  { queues, log }: Pick<QueueDeps, 'queues' | 'log'>,
  { queue, url }: Pick<Landing, 'queue' | 'url'>,
  messages: readonly QueueMessage[],
): Promise<void> {
  try {
    for (let at = 0; at < messages.length; at += PAGE)
      await queues.show(
        url,
        messages.slice(at, at + PAGE).map(({ receipt }) => receipt),
      )
  } catch (error) {
    log.warn('DEAD_LETTERS_HIDDEN', { queue, messages: messages.length, error: String(error) })
  }
}

type Asked = AskedOf<'redrive'>['body']

/** On record before anything is moved, so that nothing ever was without a record. */
const record = (
  { store, now }: QueueDeps,
  commander: Commander,
  subject: string,
  what: { readonly change: unknown; readonly before: unknown; readonly part?: number },
): Promise<void> =>
  commitOnce(
    store,
    commander,
    auditPut(commander, now().toISOString(), { action: 'REDRIVE', subject, ...what }),
  )

/** SQS moves all of them back to the queue that they came from. */
async function moveBack(
  deps: QueueDeps,
  { queue, url }: Landing,
  { reason }: Asked,
  commander: Commander,
): Promise<Redriven> {
  const { arn, messages } = await deps.queues.state(url)
  const newest = await deps.queues.newestMove(arn)
  if (newest !== undefined && UNDER_WAY.includes(newest.status))
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `its messages are being moved back since ${newest.at}: ${newest.moved} of about ${newest.toMove ?? '?'} so far`,
    )
  await record(deps, commander, queue, { change: { reason }, before: { messages } })
  return { queue, task: await deps.queues.moveBack(arn, MOVED_PER_SECOND), redriven: messages, left: [] }
}

/** One by one to where each was meant to go. What cannot go there stays, and says why. */
async function handOver(
  deps: QueueDeps,
  landing: Landing & { readonly kind: Exclude<QueueKind, 'dead-letters'> },
  { reason, max }: Asked,
  commander: Commander,
): Promise<Redriven> {
  const { queue, url, kind } = landing
  const { messages } = await deps.queues.state(url)
  await record(deps, commander, queue, { change: { reason, max }, before: { messages } })
  const start = deps.now()
  const done: string[] = []
  const left = new Map<string, { readonly message: QueueMessage; readonly why: string }>()
  const late: QueueMessage[] = []
  for (let met = 0; met < max && deps.now().getTime() - start.getTime() < HAND_OVER_FOR_MS; ) {
    const options = { max: Math.min(PAGE, max - met), hiddenSeconds: HAND_OVER_SECONDS, waitSeconds: 1 }
    const found = await deps.queues.receive(url, options)
    // What came back at once must not go round and round.
    const batch = found.filter(({ sentAt }) => sentAt < start.toISOString())
    late.push(...found.filter(message => !batch.includes(message)))
    if (batch.length === 0) break
    met += batch.length
    const outcomes = await Promise.all(batch.map(message => handOne(deps, url, kind, message)))
    for (const [i, message] of batch.entries()) {
      const why = outcomes[i]
      if (why === undefined) done.push(message.id)
      else left.set(message.id, { message, why })
    }
  }
  const stayed = [...left.values()]
  await show(deps, landing, [...stayed.map(({ message }) => message), ...late])
  const reasons: Left[] = stayed.map(({ message, why }) => ({ messageId: message.id, why }))
  const change = { reason, redriven: done, left: reasons }
  // Given once more, it hands over others, and both are on record.
  await record(deps, commander, queue, { change, before: { messages }, part: start.getTime() })
  return { queue, task: null, redriven: done.length, left: reasons }
}

/** Removed only after it was handed over: a crash in between has it handled twice, which every handler stands. */
async function handOne(
  deps: QueueDeps,
  url: string,
  kind: Exclude<QueueKind, 'dead-letters'>,
  message: QueueMessage,
): Promise<string | undefined> {
  try {
    const why = await send(deps, kind, message)
    if (why === undefined) await deps.queues.remove(url, message.receipt)
    return why
  } catch (error) {
    if (!(error instanceof EdgeloopError)) throw error
    return error.message
  }
}

/** Why it could not be sent; undefined when it was. */
async function send(
  { functions, bus, store, now }: QueueDeps,
  kind: Exclude<QueueKind, 'dead-letters'>,
  message: QueueMessage,
): Promise<string | undefined> {
  const way = wayBack(kind, message)
  switch (way.to) {
    case 'function':
      await functions.invoke(way.name, way.payload)
      return undefined
    case 'bus': {
      const failed = await bus.publish([{ type: way.type, detail: way.detail }])
      return failed.length === 0 ? undefined : 'the bus did not take it; try again'
    }
    case 'outbox': {
      const [pending] = await store.pendingBefore('outbox', now().toISOString(), 1)
      return pending === undefined
        ? undefined
        : 'events wait in the outbox, perhaps its own; the reconciler publishes them every minute, so try again then'
    }
    case 'nowhere':
      return way.why
  }
}
