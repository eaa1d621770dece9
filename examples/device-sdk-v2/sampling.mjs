/** Which rows go up, by docs/sampling.md, and the rows until they go. */
import { createBudget } from './budget.mjs'
import { binOf, place } from './counts.mjs'

const BATCH_MS = 2_000
const BATCH = 100
/** Of a message, below the 65,536 that it may have with its envelope. */
const BATCH_BYTES = 64_000
const WAITING_BYTES = 524_288

/** Whether a row fits a line of the hard lane. */
const FITS = {
  margin: ({ below }, { shares }) => shares.length > 0 && Math.abs(shares[0] - shares[1]) < below,
  entropy: ({ above }, { shares }) =>
    shares.length > 0 && entropyOf(shares) > above * Math.log(shares.length),
  class: ({ classes }, { name }) => classes.includes(name),
  outOfDistribution: ({ surprise }, { model, values }) => surpriseOf(model, values) > surprise,
}
/** In nats. */
const entropyOf = shares => shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)

/** Nats per feature of the baseline. */
function surpriseOf({ contract, baseline }, values) {
  const names = contract.features.map(({ name }) => name)
  const nats = baseline.features.map(
    bins => -Math.log(bins.p0[binOf(bins, values[names.indexOf(bins.name)])]),
  )
  return nats.reduce((sum, each) => sum + each, 0) / nats.length
}

/** The form from before there were strategies is one line. */
const linesOf = ({ hard = [] }) =>
  Array.isArray(hard) ? hard : [{ strategy: 'margin', below: hard.margin, ...hard }]

/** @returns lane, strategy and π of a row that was drawn, or null */
function draw(policy, eventId, seen, inBurst) {
  const { audit, factor = 1 } = policy
  const drawn = (lane, strategy, pi) => (place(lane, eventId) < pi ? { lane, strategy, pi } : null)
  const audited = drawn('audit', 'random', audit * factor)
  if (audited !== null) return audited
  if (inBurst()) return { lane: 'hard', strategy: 'burst', pi: 1 }
  const line = linesOf(policy).find(each => FITS[each.strategy]?.(each, seen))
  return line === undefined ? null : drawn('hard', line.strategy, line.probability * factor)
}

const noCounts = () => ({ audit: { chosen: 0, dropped: 0 }, hard: { chosen: 0, dropped: 0 } })

export function createSampler({ thing, slot, store, send }) {
  const budget = createBudget({ thing, store })
  /** Rows with their bundle and their bytes, the oldest first. */
  const waiting = []
  let due = false
  let dropped = 0
  const counts = noCounts()
  for (const [lane, lost] of Object.entries(store.state.lost ?? {})) counts[lane].dropped = lost

  const drop = lane => {
    counts[lane].dropped++
    dropped++
  }
  const add = entry => {
    waiting.push(entry)
    if (waiting.length === 1)
      setTimeout(() => {
        due = waiting.length > 0
        send()
      }, BATCH_MS)
    while (waiting.reduce((sum, { bytes }) => sum + bytes, 0) > WAITING_BYTES) {
      const oldest = Math.max(
        0,
        waiting.findIndex(({ row }) => row.lane === 'hard'),
      )
      drop(waiting.splice(oldest, 1)[0].row.lane)
    }
    if (waiting.length >= BATCH) send()
  }
  return {
    /** Draws an answered row. */
    offer(model, eventId, values, { margin, score, prediction }) {
      const { task, classes, sampling } = model.contract
      const policy = store.state.sampling ?? sampling
      const binary = task === 'binary'
      const name = binary ? classes[prediction] : null
      const seen = { model, values, shares: binary ? [1 - score, score] : [], name }
      const { burst } = policy
      const drawn = draw(policy, eventId, seen, () => burst !== undefined && budget.take(burst))
      if (drawn === null) return
      const { lane, strategy } = drawn
      counts[lane].chosen++
      const row = {
        ...{ eventId, t: Date.now(), ...drawn, policy: policy.policy.slice(0, 16) },
        ...{ row: values, margins: [margin], prediction },
      }
      const bytes = Buffer.byteLength(JSON.stringify(row)) + 1
      const finite = [...values.filter(value => value !== null), margin, prediction].every(Number.isFinite)
      if (finite && (strategy === 'burst' || budget.spend(policy.limits ?? {}, bytes)))
        add({ bundle: model.bundle, row, bytes })
      else drop(lane)
    },
    /** @returns the next samples of one bundle that are to go, or null */
    next() {
      if (waiting.length === 0) due = false
      if (!due && waiting.length < BATCH) return null
      const { bundle } = waiting[0]
      let bytes = 0
      let end = 0
      for (; end < Math.min(BATCH, waiting.length) && waiting[end].bundle === bundle; end++) {
        bytes += waiting[end].bytes
        if (end > 0 && bytes > BATCH_BYTES) break
      }
      return { slot, bundle, samples: waiting.splice(0, end).map(({ row }) => row) }
    },
    /** @returns for a window, what was chosen and what was lost since the last; nothing when there is nothing */
    counts() {
      if (store.state.lost != null)
        store.change(draft => {
          draft.lost = null
        })
      const found = { ...counts }
      Object.assign(counts, noCounts())
      const some = Object.values(found).some(lane => lane.chosen + lane.dropped > 0)
      return some ? { samples: found } : {}
    },
    /** What waits at a stop is lost; the next start tells of it. */
    stop(draft) {
      for (const { row } of waiting) drop(row.lane)
      draft.lost = { audit: counts.audit.dropped, hard: counts.hard.dropped }
      budget.save(draft)
    },
    queued: () => ({ queued: waiting.length, dropped }),
  }
}
