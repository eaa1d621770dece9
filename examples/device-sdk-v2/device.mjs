/**
 * A device on the AWS IoT Device SDK v2, by docs/device.md and docs/trust.md; of this project it uses the verifier, a
 * library, and nothing else. Its place comes from the environment (docs/device-conformance.md). Rows on the input, one
 * JSON list per line, are answered on the output.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { initialState, openChain, parseUntrustedJson, readRoot, walkChain } from '../../verifier/index.ts'
import { createCounter } from './counts.mjs'
import { createDocuments } from './documents.mjs'
import { openLink } from './link.mjs'
import { RUNTIME } from './model.mjs'
import { createSampler } from './sampling.mjs'
import { openStore } from './store.mjs'
import { createUpdates } from './updates.mjs'
import { createUplink } from './uplink.mjs'

const MAX_BYTES = 131_072
const log = (code, detail = '') => process.stderr.write(`${JSON.stringify({ code, detail })}\n`)

function readPlace() {
  const names = ['endpoint', 'ca', 'cert', 'key', 'trustRoot', 'thing', 'fleet', 'hardware', 'slot', 'state']
  return Object.fromEntries(
    names.map(name => {
      const variable = `EDGELOOP_${name.replace('R', '_R').toUpperCase()}`
      const value = process.env[variable]
      if (!value) throw new Error(`${variable} is missing`)
      return [name, value]
    }),
  )
}

/** The newest link of the chain that the device was given with its software. */
function firstTrust(file) {
  const chain = openChain(readFileSync(file))
  return walkChain(initialState(readRoot(chain[0])), chain)
}

const place = readPlace()
const { thing, fleet, hardware, slot } = place
const store = openStore(place.state, () => ({
  trust: firstTrust(place.trustRoot),
  ...{ active: null, previous: null, shadow: null, job: null, rollout: null },
  ...{ outbox: [], refused: [], stopped: true, resets: 0, sampling: null },
}))

let link = null
let model = null
/** Rows that came before there was a model. */
const rows = []
const uplink = createUplink({ thing, store, link: () => link ?? { up: false }, samples: () => sampler })
const sampler = createSampler({ thing, slot, store, send: uplink.drain })
const counter = createCounter({ thing, slot, store, uplink, sampler })
const updates = createUpdates({
  ...{ place, store, uplink, log },
  onModel(next) {
    counter.flush()
    model = next
    answerRows()
  },
  onShadow(next) {
    counter.beside(next)
  },
})
const documents = createDocuments({ place, store, uplink, updates, log })

const down = `edgeloop/v1/${thing}/down/`
const documentOf = new Map([
  ['edgeloop/v1/trust', 'trust'],
  [`edgeloop/v1/fleet/${fleet}/beacon`, 'beacon'],
  [`edgeloop/v1/fleet/${fleet}/manifest`, 'manifest'],
])

function handle(topic, payload) {
  if (payload.byteLength > MAX_BYTES) return
  const document = documentOf.get(topic)
  if (document !== undefined) {
    documents.take(document, payload)
    return
  }
  if (!topic.startsWith(down)) return
  const [kind, name, offset, ...rest] = topic.slice(down.length).split('/')
  if (rest.length > 0) return
  if (kind === 'blob') {
    if (/^\d{1,15}$/.test(offset)) updates.block(name, Number(offset), payload)
    return
  }
  if (kind !== 'answer' && kind !== 'hint') return
  const value = parseUntrustedJson(payload, { maxBytes: MAX_BYTES, maxDepth: 16 })
  if (kind === 'hint' && holds(value, ['v', 'counter']) && Number.isSafeInteger(value.counter)) {
    updates.run()
    documents.ask()
  }
  if (kind !== 'answer') return
  if (holds(value, ['v', 'kind']) && value.kind === 'ack') uplink.acknowledge(name)
  if (
    holds(value, ['v', 'kind', 'chain', 'beacon', 'manifest']) &&
    value.kind === 'state' &&
    Array.isArray(value.chain)
  )
    documents.answer(name, value)
}

/** Exactly these fields, in version 1: whatever else it is, this device does not know it. */
function holds(value, names) {
  if (value === null || typeof value !== 'object') return false
  return value.v === 1 && Object.keys(value).sort().join() === names.toSorted().join()
}

const guarded =
  work =>
  (...args) => {
    try {
      work(...args)
    } catch (error) {
      log('PASSED_OVER', error.message)
    }
  }

// A start that finds the program running follows a crash, a watchdog or a power cut.
store.change(draft => {
  if (!draft.stopped) draft.resets++
  draft.stopped = false
})
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    store.change(draft => {
      draft.stopped = true
      sampler.stop(draft)
    })
    process.exit(0)
  })
updates.boot()
link = openLink({
  ...{ endpoint: place.endpoint, ca: place.ca, cert: place.cert, key: place.key, thing, log },
  filters: [...documentOf.keys(), `${down}#`],
  onMessage: guarded(handle),
  onUp: guarded(() => {
    const { active, previous } = store.state
    uplink.now('hello', {
      ...{ hardware, runtime: RUNTIME, manifest: documents.position() },
      slots: {
        [slot]: { active: active?.bundle.sha256 ?? null, previous: previous?.bundle.sha256 ?? null },
      },
      outbox: uplink.counts(),
    })
    documents.ask()
    uplink.up()
    updates.up()
  }),
  onDown: guarded(() => {
    uplink.down()
    documents.down()
    updates.down()
  }),
})

function answerRows() {
  while (model !== null && rows.length > 0) {
    try {
      process.stdout.write(`${JSON.stringify(counter.answer(model, rows.shift()))}\n`)
    } catch (error) {
      log('BAD_ROW', error.message)
    }
  }
}
createInterface({ input: process.stdin }).on('line', line => {
  try {
    rows.push(JSON.parse(line))
  } catch (error) {
    log('BAD_ROW', error.message)
    return
  }
  answerRows()
})
