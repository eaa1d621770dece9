import type * as z from 'zod'
import { ackCorr, type reportBody, topics, type UplinkKind, uplinkLimits } from '../src/contracts/mqtt.ts'
import { halfJitter } from './backoff.ts'
import type { Clock, Logger, Random, Storage, Transport } from './ports.ts'
import { createQueue, type Queued } from './queue.ts'
import type { State, StateStore, Terminal } from './state.ts'

export type ReportBody = z.infer<typeof reportBody>

const MAX_IN_FLIGHT = 16
/** Messages of samples that may wait here; the rest waits where lanes make room for each other. */
const MAX_SAMPLE_MESSAGES = 4
const RESEND_BASE_MS = 10_000
const RESEND_CAP_MS = 600_000
/** A stranger on a topic can cause refusals of documents, so only so many wait at a time. */
const MAX_REFUSED_DOCUMENTS = 32

export interface Uplink {
  /** Sends now or, without a connection, later; the oldest is dropped when too much waits. */
  send(kind: UplinkKind, body: unknown): void
  /** Sends at once or not at all: for requests that have a time-out of their own. */
  request(kind: UplinkKind, body: unknown): void
  /** Puts a terminal report into a draft of the state. It stays until acknowledged. */
  keep(draft: State, body: ReportBody): void
  /** Sends kept reports that were not sent yet. Call it after the state is written. */
  kick(): void
  acknowledge(corr: string): void
  connected(): void
  disconnected(): void
  /** Resolves when nothing is being sent any more. */
  idle(): Promise<void>
  /** Writes waiting windows down, so that they outlive a restart. */
  stop(): void
  /** Whether samples would go out now: not many wait before them. */
  room(): boolean
  readonly queued: number
  readonly dropped: number
}

export function createUplink(deps: {
  thing: string
  state: StateStore
  storage: Storage
  transport: Transport
  clock: Clock
  random: Random
  log: Logger
  /** The broker took something, or there is a connection again. */
  onRoom?: () => void
}): Uplink {
  const { thing, state, transport, clock, random, log } = deps
  const queue = createQueue(deps.storage)
  const sent = new Map<number, { attempt: number; cancel: () => void }>()
  let online = false
  const flying = new Map<Queued, Promise<void>>()
  let session = 0
  let refusedDropped = 0

  const encode = (kind: UplinkKind, message: Pick<Queued, 'seq' | 't' | 'body'>): Buffer => {
    const { seq, t, body } = message
    return Buffer.from(JSON.stringify({ v: 1, thing, epoch: state.current.epoch, seq, t, kind, body }))
  }
  const stamp = () => ({ seq: state.nextSeq(), t: Math.max(0, Math.floor(clock.now())) })

  /** Sends what waits, in order, some at a time; what the broker did not take waits for the next call. */
  const wake = (): void => {
    const mine = session
    for (const message of queue.waiting()) {
      if (!online || flying.size >= MAX_IN_FLIGHT) return
      if (flying.has(message)) continue
      message.tried = true
      const sending = transport.publish(topics.up(thing, message.kind), encode(message.kind, message)).then(
        () => {
          flying.delete(message)
          queue.remove(message)
          wake()
          deps.onRoom?.()
        },
        error => {
          flying.delete(message)
          log.info('SEND_POSTPONED', { thing, reason: (error as Error).message })
          if (mine !== session) wake()
        },
      )
      flying.set(message, sending)
    }
  }
  const sendKept = (report: Terminal): void => {
    const attempt = (sent.get(report.seq)?.attempt ?? -1) + 1
    sent.get(report.seq)?.cancel()
    const cancel = clock.after(halfJitter(random, attempt, 2 * RESEND_BASE_MS, RESEND_CAP_MS), () => {
      if (online) sendKept(report)
    })
    sent.set(report.seq, { attempt, cancel })
    transport.publish(topics.up(thing, 'report'), encode('report', report)).catch(error => {
      log.info('SEND_POSTPONED', { thing, reason: (error as Error).message })
    })
  }
  const request = (kind: UplinkKind, body: unknown): void => {
    if (!online) return
    transport.publish(topics.up(thing, kind), encode(kind, { ...stamp(), body })).catch(error => {
      log.info('SEND_POSTPONED', { thing, kind, reason: (error as Error).message })
    })
  }
  const forget = (): void => {
    for (const { cancel } of sent.values()) cancel()
    sent.clear()
  }
  const kick = (): void => {
    if (!online) return
    // Newest first: what the fleet needs to know is where the device is now.
    for (const report of state.current.outbox.toReversed()) if (!sent.has(report.seq)) sendKept(report)
  }

  return {
    send(kind, body) {
      const message = { kind, ...stamp(), body }
      const bytes = encode(kind, message).byteLength
      if (bytes > uplinkLimits[kind].maxBytes) {
        log.warn('MESSAGE_TOO_LARGE', { thing, kind, bytes, limit: uplinkLimits[kind].maxBytes })
        return
      }
      queue.add({ ...message, bytes })
      if (online) wake()
      else if (kind === 'metrics') queue.save()
    },
    request,
    keep(draft, body) {
      if (ofDocument(body)) {
        const refused = draft.outbox.filter(report => ofDocument(report.body))
        if (refused.length >= MAX_REFUSED_DOCUMENTS) {
          draft.outbox.splice(draft.outbox.indexOf(refused[0]!), 1)
          refusedDropped++
        }
      }
      draft.outbox.push({ ...stamp(), body })
    },
    kick,
    acknowledge(corr) {
      const acked = state.current.outbox.find(report => ackCorr(state.current.epoch, report.seq) === corr)
      if (acked === undefined) return
      sent.get(acked.seq)?.cancel()
      sent.delete(acked.seq)
      state.update(draft => {
        draft.outbox = draft.outbox.filter(report => report.seq !== acked.seq)
      })
    },
    connected() {
      online = true
      session++
      forget()
      queue.markHistorical()
      kick()
      wake()
      deps.onRoom?.()
    },
    disconnected() {
      online = false
      forget()
    },
    async idle() {
      while (online && flying.size > 0) await Promise.allSettled(flying.values())
    },
    stop() {
      online = false
      forget()
      queue.save()
    },
    room: () => online && queue.waiting().filter(m => m.kind === 'samples').length < MAX_SAMPLE_MESSAGES,
    get queued() {
      return state.current.outbox.length + queue.length
    },
    get dropped() {
      return queue.dropped + refusedDropped
    },
  }
}

const ofDocument = (body: ReportBody): boolean => /^(ROOT|BEACON|MANIFEST)_/.test(body.code ?? '')
