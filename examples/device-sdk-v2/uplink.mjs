/** Everything that goes up: one envelope, one number, and reports that are repeated until they are acknowledged. */

const AGAIN_MS = 8_000
const LONGEST_MS = 600_000
/** Refusals of documents that wait at a time. */
const MAX_REFUSALS = 32
/** Other messages that wait at a time; samples wait elsewhere, until nothing else does. */
const MAX_WAITING = 168
const isRefusal = body => /^(ROOT|BEACON|MANIFEST|RELEASE)_/.test(body.code ?? '') && body.step === 'REFUSED'

export function createUplink({ thing, store, link, samples }) {
  /** @type {Map<number, NodeJS.Timeout>} */
  const timers = new Map()
  let waiting = []
  let dropped = 0
  let sending = false

  const text = (kind, { seq, t, body }) =>
    JSON.stringify({ v: 1, thing, epoch: store.state.epoch, seq, t, kind, body })
  const publish = (kind, message) => link().publish(`edgeloop/v1/${thing}/up/${kind}`, text(kind, message))
  const stamp = body => ({ seq: store.number('seqEnd'), t: Date.now(), body })

  const repeat = (seq, attempt) => {
    clearTimeout(timers.get(seq))
    const report = store.state.outbox.find(other => other.seq === seq)
    if (report === undefined || !link().up) {
      timers.delete(seq)
      return
    }
    void publish('report', report)
    const pause = Math.min(LONGEST_MS, AGAIN_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
    timers.set(
      seq,
      setTimeout(() => repeat(seq, attempt + 1), pause),
    )
  }
  const drain = async () => {
    if (sending) return
    sending = true
    while (link().up) {
      const body = waiting.length === 0 ? samples().next() : null
      if (body !== null) waiting.push({ kind: 'samples', ...stamp(body) })
      const [first] = waiting
      if (first === undefined) break
      if (!(await publish(first.kind, first))) break
      waiting = waiting.filter(other => other !== first)
    }
    sending = false
  }

  const uplink = {
    /** Now or not at all. */
    now(kind, body) {
      if (link().up) void publish(kind, stamp(body))
    },
    /** Once there is a connection; the oldest go first when too many wait. */
    later(kind, body) {
      waiting.push({ kind, ...stamp(body) })
      if (waiting.length > MAX_WAITING) {
        // Not samples on their way, whose rows would go uncounted.
        const oldest = waiting.find(other => other.kind !== 'samples')
        waiting = waiting.filter(other => other !== oldest)
        dropped++
      }
      void drain()
    },
    /** Into a draft of the state: goes up after it is written, until it is acknowledged. */
    keep(draft, body) {
      if (isRefusal(body)) {
        const refusals = draft.outbox.filter(report => isRefusal(report.body))
        if (refusals.length >= MAX_REFUSALS) {
          draft.outbox = draft.outbox.filter(report => report !== refusals[0])
          dropped++
        }
      }
      draft.outbox.push(stamp(body))
    },
    /** Sends kept reports that no timer knows yet, the newest first. */
    flush() {
      for (const { seq } of store.state.outbox.toReversed()) if (!timers.has(seq)) repeat(seq, 0)
    },
    acknowledge(corr) {
      const { epoch, outbox } = store.state
      const report = outbox.find(({ seq }) => `${epoch}-${seq}` === corr)
      if (report === undefined) return
      clearTimeout(timers.get(report.seq))
      timers.delete(report.seq)
      store.change(draft => {
        draft.outbox = draft.outbox.filter(({ seq }) => seq !== report.seq)
      })
    },
    /** Sends what is due. */
    drain: () => void drain(),
    up() {
      for (const message of waiting) if (message.kind === 'metrics') message.body.historical = true
      uplink.flush()
      void drain()
    },
    down() {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    },
    counts() {
      const rows = samples().queued()
      const messages = store.state.outbox.length + waiting.length
      return { queued: messages + rows.queued, dropped: dropped + rows.dropped }
    },
  }
  return uplink
}
