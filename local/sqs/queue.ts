/** One standard queue: what is visible, in flight or delayed, and when that changes. Times in milliseconds. */
import { randomUUID } from 'node:crypto'
import type { QueueSettings } from './attributes.ts'
import { createDueQueue } from './due-queue.ts'
import { invalidParameter, invalidReceiptHandle, sqsError } from './errors.ts'
import type { NewMessage } from './message.ts'

export interface StoredMessage extends NewMessage {
  readonly id: string
  readonly senderId: string
  readonly sentAt: number
  /** Hidden until then: because of a delay when never received, otherwise because it is in flight. */
  visibleAt: number
  firstReceivedAt: number | undefined
  /** Receives in all queues that the message was in, and in this one (which the redrive policy counts). */
  receiveCount: number
  receivesHere: number
  /** Queue from which it was moved here as a dead letter. */
  readonly deadLetterSource: string | undefined
}
export interface Receipt {
  readonly message: StoredMessage
  readonly handle: string
}
export interface QueueCounts {
  readonly visible: number
  readonly inFlight: number
  readonly delayed: number
}
export interface Queue {
  settings: QueueSettings
  /** Takes in a message that becomes visible at `visibleAt`. */
  add(message: StoredMessage): void
  /** Up to `max` visible messages, hidden from now on for the visibility timeout (seconds). */
  receive(max: number, visibilityTimeout?: number): readonly Receipt[]
  /** Removes a message; an outdated handle is accepted but removes nothing. Throws ReceiptHandleIsInvalid. */
  delete(handle: string): void
  /** Hides a message for `seconds` from now. Throws MessageNotInflight when it is not in flight. */
  changeVisibility(handle: string, seconds: number): void
  /** Shows a message again at once; does nothing when it is not in flight under this handle. */
  release(handle: string): void
  /** The first visible messages, untouched. */
  visible(max: number): readonly StoredMessage[]
  remove(message: StoredMessage): void
  counts(): QueueCounts
  messages(): readonly StoredMessage[]
  purge(): void
  /** Calls back whenever there may be something to receive; returns the unsubscriber. */
  listen(listener: () => void): () => void
  close(): void
}
export interface QueueHooks {
  readonly now: () => number
  /** Moves a message to the dead-letter queue; false when that queue does not exist, and the message then stays. */
  readonly deadLetter: (message: StoredMessage, targetArn: string) => boolean
  readonly removed: (ids: readonly string[]) => void
  readonly onFault: (error: unknown) => void
}

const maxInFlight = 120_000
const maxTimer = 2 ** 31 - 1
const retentionSweepMilliseconds = 10_000

export function createQueue(initial: QueueSettings, hooks: QueueHooks): Queue {
  const all = new Map<string, StoredMessage>()
  const visible = new Set<StoredMessage>()
  const hidden = createDueQueue<StoredMessage>()
  const listeners = new Set<() => void>()
  let inFlight = 0
  let timer: NodeJS.Timeout | undefined
  let pending: NodeJS.Immediate | undefined
  let sweptAt = hooks.now()

  const isHidden = (message: StoredMessage) => all.get(message.id) === message && !visible.has(message)
  const isInFlight = (message: StoredMessage) => isHidden(message) && message.receivesHere > 0
  const notify = () => {
    if (pending !== undefined || listeners.size === 0) return
    pending = setImmediate(() => {
      pending = undefined
      for (const listener of [...listeners]) {
        try {
          listener()
        } catch (error) {
          hooks.onFault(error)
        }
      }
    })
  }
  const arm = () => {
    clearTimeout(timer)
    if (hidden.next === undefined) return
    timer = setTimeout(settle, Math.min(Math.max(hidden.next - hooks.now(), 0), maxTimer))
    timer.unref()
  }
  const hide = (message: StoredMessage, until: number) => {
    message.visibleAt = until
    const earliest = hidden.next
    hidden.add(until, message)
    if (earliest === undefined || until < earliest) arm()
  }
  const show = (message: StoredMessage) => {
    if (message.receivesHere > 0) inFlight--
    visible.add(message)
    notify()
  }
  const forget = (message: StoredMessage) => {
    if (isInFlight(message)) inFlight--
    visible.delete(message)
    all.delete(message.id)
  }
  const remove = (message: StoredMessage) => {
    forget(message)
    hooks.removed([message.id])
  }
  const expire = (now: number) => {
    if (now - sweptAt < retentionSweepMilliseconds) return
    sweptAt = now
    const oldest = now - queue.settings.messageRetentionPeriod * 1000
    const expired = [...all.values()].filter(message => message.sentAt < oldest)
    for (const message of expired) forget(message)
    if (expired.length > 0) hooks.removed(expired.map(({ id }) => id))
  }
  /** Brings the state up to the clock. */
  const settle = () => {
    const now = hooks.now()
    expire(now)
    // A message may have several entries, one per change of its timeout: only the last one counts.
    for (const message of hidden.take(now)) if (isHidden(message) && message.visibleAt <= now) show(message)
    arm()
  }
  const find = (handle: string): StoredMessage | undefined => {
    const [id = '', count = ''] = Buffer.from(handle, 'base64url').toString().split(' ')
    if (!/^[0-9a-f-]{36}$/.test(id) || !/^\d+$/.test(count)) throw invalidReceiptHandle(handle)
    const message = all.get(id)
    return message !== undefined && message.receivesHere === Number(count) ? message : undefined
  }
  const deadLettered = (message: StoredMessage): boolean => {
    const { redrive } = queue.settings
    if (redrive === undefined || message.receivesHere < redrive.maxReceiveCount) return false
    if (!hooks.deadLetter(message, redrive.deadLetterTargetArn)) return false
    remove(message)
    return true
  }

  const queue: Queue = {
    settings: initial,
    add(message) {
      all.set(message.id, message)
      if (message.visibleAt > hooks.now()) {
        if (message.receivesHere > 0) inFlight++
        hide(message, message.visibleAt)
      } else {
        visible.add(message)
        notify()
      }
    },
    receive(max, visibilityTimeout = queue.settings.visibilityTimeout) {
      settle()
      const now = hooks.now()
      const receipts: Receipt[] = []
      for (const message of visible) {
        if (receipts.length >= max || inFlight >= maxInFlight) break
        if (deadLettered(message)) continue
        visible.delete(message)
        message.receiveCount++
        message.receivesHere++
        message.firstReceivedAt ??= now
        const receipt = `${message.id} ${message.receivesHere} ${randomUUID()}`
        receipts.push({ message, handle: Buffer.from(receipt).toString('base64url') })
        inFlight++
        hide(message, now + visibilityTimeout * 1000)
      }
      // Only now: a message shown again during the walk would be met again.
      if (visibilityTimeout === 0) settle()
      return receipts
    },
    delete(handle) {
      const message = find(handle)
      if (message === undefined) return
      remove(message)
    },
    changeVisibility(handle, seconds) {
      settle()
      const message = find(handle)
      if (message === undefined)
        throw invalidParameter(
          `Value ${handle.slice(0, 100)} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
        )
      if (!isInFlight(message))
        throw sqsError('MessageNotInflight', 'The specified message is not in flight.')
      hide(message, hooks.now() + seconds * 1000)
      if (seconds === 0) settle()
    },
    release(handle) {
      const message = find(handle)
      if (message === undefined || !isInFlight(message)) return
      hide(message, hooks.now())
      settle()
    },
    visible(max) {
      settle()
      return [...visible].slice(0, max)
    },
    remove,
    counts() {
      settle()
      return { visible: visible.size, inFlight, delayed: all.size - visible.size - inFlight }
    },
    messages: () => [...all.values()],
    purge() {
      const ids = [...all.keys()]
      all.clear()
      visible.clear()
      hidden.clear()
      inFlight = 0
      clearTimeout(timer)
      hooks.removed(ids)
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      clearTimeout(timer)
      clearImmediate(pending)
      listeners.clear()
    },
  }
  return queue
}
