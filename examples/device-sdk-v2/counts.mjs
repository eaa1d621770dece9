/** Predictions and their counts by window. */
import { createHash } from 'node:crypto'

/** First 53 bits of SHA-256(seed ‖ 0 ‖ name), over 2^53. */
export function place(seed, name) {
  const hex = createHash('sha256').update(`${seed}\0${name}`).digest('hex')
  return Number(BigInt(`0x${hex.slice(0, 14)}`) >> 3n) / 2 ** 53
}

/** Names above 40 characters or with a colon are cut, and told apart by 12 digits of their SHA-256. */
function ownerOf(thing) {
  const plain = thing.replaceAll(':', '_')
  if (plain === thing && plain.length <= 40) return plain
  return `${plain.slice(0, 27)}-${createHash('sha256').update(thing).digest('hex').slice(0, 12)}`
}

/** The probability of what was answered; none for regression. */
function confidenceOf(model, prediction, score) {
  if (model.contract.task !== 'binary') return 0
  return prediction === 1 ? score : 1 - score
}

/** @returns the answer of a model to a row, with how long it took */
function run(model, values) {
  const started = process.hrtime.bigint()
  const margin = model.margin(values)
  const binary = model.contract.task === 'binary'
  const score = binary ? 1 / (1 + Math.exp(-margin)) : margin
  const prediction = binary ? Number(score >= model.contract.threshold) : margin
  const micros = Math.max(1, Number(process.hrtime.bigint() - started) / 1_000)
  return { margin, score, prediction, confidence: confidenceOf(model, prediction, score), micros }
}

const tenThousandths = probability => Math.round(probability * 10_000)

function countLatency(into, micros) {
  const bucket = Math.max(0, Math.floor(4 * Math.log2(micros)))
  into[bucket] = (into[bucket] ?? 0) + 1
}

export function createCounter({ thing, slot, store, uplink, sampler }) {
  let open = null
  let shadow = null
  const flush = () => {
    if (open === null) return
    clearTimeout(open.timer)
    const { body } = open
    open = null
    // Without an answer there is nothing to say about the model.
    if (body.inferences === 0) return
    const { resets } = store.state
    if (resets > 0)
      store.change(draft => {
        draft.resets = 0
      })
    uplink.later('metrics', { ...body, ...sampler.counts(), resets, historical: false })
  }
  const windowOf = (model, now) => {
    const { windowSeconds } = model.contract.monitoring
    const window = Math.floor(now / 1_000 / windowSeconds)
    if (open !== null && (open.body.window !== window || open.body.bundle !== model.bundle)) flush()
    if (open === null) {
      const empty = bins => new Array(bins.edges.length + 2).fill(0)
      const { features, prediction, confidence } = model.baseline
      open = {
        body: {
          ...{ slot, bundle: model.bundle, window, inferences: 0, confidence: 0, errors: 0 },
          features: Object.fromEntries(features.map(bins => [bins.name, empty(bins)])),
          ...{ prediction: empty(prediction), latency: {} },
          ...(confidence === undefined ? {} : { confidenceCounts: empty(confidence) }),
        },
        timer: setTimeout(flush, (window + 1) * windowSeconds * 1_000 - now),
      }
    }
    return open.body
  }
  /** The candidate in the shadow gets the same row; nobody hears its answer. */
  const beside = (body, values, prediction, features) => {
    if (body.shadow?.bundle !== shadow.bundle)
      body.shadow = {
        bundle: shadow.bundle,
        compared: 0,
        disagreed: 0,
        errors: 0,
        confidence: 0,
        latency: {},
      }
    try {
      const row = shadow.contract.features.map(({ name }) => values[features.indexOf(name)] ?? null)
      const other = run(shadow, row)
      body.shadow.compared++
      const far =
        shadow.contract.task === 'binary'
          ? other.prediction !== prediction
          : differs(other.prediction, prediction)
      if (far) body.shadow.disagreed++
      body.shadow.confidence += tenThousandths(other.confidence)
      countLatency(body.shadow.latency, other.micros)
    } catch {
      body.shadow.errors++
    }
  }
  return {
    flush,
    beside(next) {
      shadow = next
    },
    /** @returns the answer to one row */
    answer(model, values) {
      const body = windowOf(model, Date.now())
      let found
      try {
        found = run(model, values)
      } catch (error) {
        body.errors++
        throw error
      }
      const { margin, score, prediction, confidence, micros } = found
      const { baseline } = model
      const features = model.contract.features.map(({ name }) => name)
      body.inferences++
      body.confidence += tenThousandths(confidence)
      if (body.confidenceCounts) body.confidenceCounts[binOf(baseline.confidence, confidence)]++
      for (const bins of baseline.features)
        body.features[bins.name][binOf(bins, values[features.indexOf(bins.name)])]++
      body.prediction[binOf(baseline.prediction, score)]++
      countLatency(body.latency, micros)
      if (shadow !== null) beside(body, values, prediction, features)
      const number = store.number('eventEnd').toString(36)
      const eventId = `${ownerOf(thing)}-${store.state.epoch.toString(36)}-${number}`
      sampler.offer(model, eventId, values, found)
      return { eventId, bundle: model.bundle, prediction, margins: [margin] }
    },
  }
}

/** By more than a hundredth of the model's own value: no two models give the same number. */
const differs = (other, value) => Math.abs(other - value) > Math.abs(value) / 100

/** Bin b holds [edges[b-1], edges[b]); the last one what is missing or not finite. */
export function binOf({ edges }, value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return edges.length + 1
  const bin = edges.findIndex(edge => value < edge)
  return bin === -1 ? edges.length : bin
}
