/** The signed documents: what is taken, what waits for a newer one, and what is refused. */
import {
  barsOf,
  openChain,
  Refusal,
  rootOf,
  verifyBeacon,
  verifyManifest,
  walkChain,
} from '../../verifier/index.ts'
import { RUNTIME } from './model.mjs'
import { digestOf } from './store.mjs'

/** A later document may cure these, so they wait for one answer of the cloud. */
const CURABLE = [
  ...['BEACON_SIGNATURE', 'BEACON_EPOCH', 'BEACON_EXPIRED', 'ROOT_EXPIRED'],
  ...['MANIFEST_SIGNATURE', 'MANIFEST_EPOCH', 'MANIFEST_FROZEN'],
]
const ASK_MS = 8_000
const LONGEST_MS = 300_000
const PULL_MS = 4 * 3_600_000
const REMEMBERED = 64

export function createDocuments({ place, store, uplink, updates, log }) {
  const { fleet, hardware, slot } = place
  /** Documents that wait, by kind. */
  const held = new Map()
  let corr = null
  let number = 0
  let timer

  const position = () => {
    const { manifest } = store.state.trust
    return manifest && { epoch: manifest.epoch, counter: manifest.counter }
  }
  const ask = (attempt = 0) => {
    clearTimeout(timer)
    corr = `a${++number}`
    const { version } = rootOf(store.state.trust).value
    uplink.now('ask', { corr, have: { root: version, manifest: position() } })
    const pause = Math.min(LONGEST_MS, ASK_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
    timer = setTimeout(() => ask(attempt + 1), pause)
  }
  const rest = () => {
    corr = null
    clearTimeout(timer)
    timer = setTimeout(ask, PULL_MS * (0.5 + Math.random() / 2))
  }
  /** One write takes a document and all that it means, or neither. */
  const adopt = (trust, plan = () => undefined) => {
    const bars = barsOf(trust)
    store.change(draft => {
      draft.trust = structuredClone(trust)
      updates.bar(draft, bars)
      plan(draft)
    })
    updates.settle()
    uplink.flush()
  }
  const verify = (kind, bytes) => {
    const { trust } = store.state
    const clock = Date.now()
    if (kind === 'trust') {
      const next = walkChain(trust, openChain(bytes))
      if (next !== trust) adopt(next)
    } else if (kind === 'beacon') {
      const next = verifyBeacon(trust, bytes, { fleet, clock })
      if (next !== trust) adopt(next)
    } else {
      const found = verifyManifest(trust, bytes, {
        fleet,
        hardware,
        runtimes: [RUNTIME],
        slots: [slot],
        clock,
      })
      if (found.kind === 'new') adopt(found.state, draft => updates.plan(draft, found.manifest))
      updates.run()
    }
  }
  const refuse = (refusal, bytes) => {
    const bundle = signedDigest(bytes)
    const name = `${refusal.code} ${bundle}`
    log('REFUSED', `${refusal.code}: ${refusal.message}`)
    if (store.state.refused.includes(name)) return
    store.change(draft => {
      draft.refused = [...draft.refused, name].slice(-REMEMBERED)
      uplink.keep(draft, {
        ...{ slot, manifest: position() ?? { epoch: 0, counter: 0 }, bundle },
        ...{ step: 'REFUSED', code: refusal.code, detail: refusal.message.slice(0, 512) },
      })
    })
    uplink.flush()
  }
  const take = (kind, bytes, last = false) => {
    try {
      verify(kind, bytes)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (last || !CURABLE.includes(error.code)) {
        refuse(error, bytes)
        return
      }
      held.set(kind, bytes)
      if (corr === null) ask()
      return
    }
    if (kind !== 'manifest') retry(['beacon', 'manifest'], false)
  }
  const retry = (kinds, last) => {
    for (const kind of kinds) {
      const bytes = held.get(kind)
      held.delete(kind)
      if (bytes !== undefined) take(kind, bytes, last)
    }
  }
  return {
    take: (kind, bytes) => take(kind, bytes),
    answer(to, { chain, beacon, manifest }) {
      if (to === corr) rest()
      const bytes = value => Buffer.from(JSON.stringify(value))
      // What waits is looked at once more as soon as everything is here that it may have waited for.
      if (chain.length > 0) take('trust', bytes({ v: 1, chain }), true)
      retry(['beacon'], true)
      if (beacon !== null) take('beacon', bytes(beacon), true)
      if (manifest !== null) take('manifest', bytes(manifest), true)
      retry(['manifest'], true)
    },
    ask: () => ask(),
    down() {
      clearTimeout(timer)
      corr = null
      held.clear()
    },
    position,
  }
}

/** SHA-256 of what was signed: of a chain, of its last link; of what is no envelope, of its bytes. */
function signedDigest(bytes) {
  try {
    const value = JSON.parse(bytes.toString())
    const { payload } = value.chain?.at(-1) ?? value
    return digestOf(Buffer.from(payload, 'base64'))
  } catch {
    return digestOf(bytes)
  }
}
