/** The update machine of the one slot: each step is written before it is reported, and can be entered again. */
import { barredBy, checkArchive, Refusal, rootOf, untar, verifyPackage } from '../../verifier/index.ts'
import { place as draw } from './counts.mjs'
import { startFetch } from './fetch.mjs'
import { FILES, loadPackage, selfTest } from './model.mjs'

const NO_POSITION = { epoch: 0, counter: 0 }

const bundleOf = release => release?.bundle.sha256 ?? null

export function createUpdates({ place, store, uplink, log, onModel, onShadow }) {
  const { thing, hardware, slot } = place
  let online = false
  let fetching = null
  let stopped = false
  let requests = 0

  const positionIn = ({ trust }) =>
    trust.manifest ? { epoch: trust.manifest.epoch, counter: trust.manifest.counter } : NO_POSITION
  const report = (job, step, more = {}) => ({
    ...{ slot, manifest: job.position, bundle: job.release.bundle.sha256, step },
    ...(job.rollout === undefined ? {} : { rollout: job.rollout }),
    ...more,
  })
  const step = name => {
    store.change(draft => {
      draft.job.step = name
    })
    uplink.later('report', report(store.state.job, name))
  }
  const tidy = () => {
    const { active, previous, job, shadow } = store.state
    store.sweep([active, previous, job?.release, shadow?.release].filter(release => release != null))
  }
  const named = (loaded, release) => loaded && { ...loaded, bundle: release.bundle.sha256 }
  const use = (loaded, release) => onModel(named(loaded, release))
  const useBeside = (loaded, release) => onShadow(named(loaded, release))
  /** A model that was committed before: its bytes must still be those. */
  const reload = release => {
    const archive = store.blob(release.package)
    if (archive === null) throw new Error('its package is gone or damaged')
    checkArchive(archive, release)
    const loaded = loadPackage(untar(archive, FILES))
    selfTest(loaded)
    return loaded
  }
  const tryLoad = (release, then) => {
    try {
      then(reload(release), release)
      return true
    } catch (error) {
      log('MODEL_DAMAGED', error.message)
      return false
    }
  }
  const fail = error => {
    fetching?.stop()
    fetching = null
    const { job } = store.state
    const refusal = error instanceof Refusal ? error : new Refusal('INTERNAL', error.message)
    const { code, message } = refusal
    log('UPDATE_FAILED', `${code}: ${message}`)
    const again = code === 'FETCH_FAILED'
    store.change(draft => {
      if (!(again && job.stalled)) {
        const outcome = /^(BUNDLE|PACKAGE)_/.test(code) ? 'REFUSED' : 'FAILED'
        uplink.keep(draft, report(job, outcome, { code, detail: message.slice(0, 512) }))
      }
      draft.job = again ? { ...job, stalled: true } : null
      if (!again && job.beside) draft.shadow = null
    })
    uplink.flush()
    if (!again) tidy()
  }
  const fetch = (ref, code) => {
    if (!online || fetching?.sha256 === ref.sha256) return
    fetching?.stop()
    const mine = startFetch({
      ...{ ref, code, store },
      request: (offset, length) =>
        uplink.now('blob', { corr: `b${++requests}`, digest: ref.sha256, offset, length }),
      done() {
        fetching = null
        run()
      },
      failed: fail,
    })
    fetching = mine
    mine.start()
  }
  const goOn = ({ release }) => {
    const bundle = store.blob(release.bundle)
    if (bundle === null) return fetch(release.bundle, 'BUNDLE_DIGEST')
    const archive = store.blob(release.package)
    if (archive === null) return fetch(release.package, 'PACKAGE_DIGEST')
    step('FETCHED')
    const modelKeys = rootOf(store.state.trust).keys.model
    const files = verifyPackage({ bundle, archive, release, slot, hardware, modelKeys, files: FILES })
    step('VERIFIED')
    const loaded = loadPackage(files)
    selfTest(loaded)
    step('TESTED')
    if (store.state.job.beside) {
      const { job } = store.state
      store.change(draft => {
        draft.shadow.ready = true
        draft.job = null
      })
      uplink.later('report', report(job, 'SHADOWING'))
      useBeside(loaded, release)
      return undefined
    }
    store.change(draft => {
      const { job } = draft
      draft.previous = draft.active
      draft.active = job.release
      draft.rollout = job.rollout ?? draft.rollout
      draft.job = nextJob(draft, job.position, null)
      uplink.keep(draft, report(job, 'COMMITTED'))
    })
    use(loaded, release)
    log('COMMITTED', `${release.model}@${release.version}`)
    uplink.flush()
    tidy()
    run()
    return undefined
  }
  const run = () => {
    const { job } = store.state
    if (job === null) return
    try {
      goOn(job)
    } catch (error) {
      fail(error)
    }
  }
  /** What is to answer, null for what runs, and what is to run beside it. */
  const wanted = entry => {
    if (entry === undefined) return { release: null, shadow: null }
    const { committed, candidate, pins } = entry
    const pin = Object.hasOwn(pins, thing) ? pins[thing] : null
    const takes =
      candidate !== null &&
      (pin === null
        ? draw(candidate.seed, thing) < candidate.exposure
        : pin === candidate.release.bundle.sha256)
    if (takes && candidate.mode === 'active')
      return { release: candidate.release, rollout: candidate.rollout, shadow: null }
    if (takes)
      return {
        release: committed,
        shadow: { release: candidate.release, rollout: candidate.rollout, ready: false },
      }
    return { release: pin === null || pin === committed?.bundle.sha256 ? committed : null, shadow: null }
  }
  /** The next thing to fetch: what is to answer first, then what is to run beside it. */
  const nextJob = (state, position, release, rollout) => {
    const job = { position, step: 'ACCEPTED', stalled: false }
    if (release !== null && bundleOf(release) !== bundleOf(state.active))
      return { ...job, release, beside: false, ...(rollout === undefined ? {} : { rollout }) }
    const { shadow } = state
    if (shadow === null || shadow.ready) return null
    return { ...job, release: shadow.release, rollout: shadow.rollout, beside: true }
  }

  return {
    /** Loads what ran before, or what ran before that, and what ran beside it. */
    boot() {
      const { active, previous, shadow } = store.state
      const working = [active, previous].find(release => release !== null && tryLoad(release, use)) ?? null
      if (working !== active)
        store.change(draft => {
          draft.active = working
          draft.previous = null
          draft.job ??= nextJob(draft, positionIn(draft), active)
        })
      if (shadow?.ready && !tryLoad(shadow.release, useBeside))
        store.change(draft => {
          draft.shadow = null
        })
    },
    /** What a manifest means, in the draft that also takes its position. */
    plan(draft, manifest) {
      const position = { epoch: manifest.epoch, counter: manifest.counter }
      const entry = manifest.slots.find(other => other.slot === slot && other.hardware === hardware)
      draft.sampling = entry?.sampling ?? null
      const { release, rollout, shadow } = wanted(entry)
      if (bundleOf(shadow?.release) !== bundleOf(draft.shadow?.release)) draft.shadow = shadow
      draft.job = nextJob(draft, position, release, rollout)
      const runs = release !== null && bundleOf(release) === bundleOf(draft.active)
      if (!runs || rollout === undefined || rollout === draft.rollout) return
      draft.rollout = rollout
      uplink.keep(draft, report({ position, release, rollout }, 'COMMITTED'))
    },
    bar(draft, bars) {
      const why = release => (release ? barredBy(release, bars) : null)
      if (why(draft.job?.release) !== null) draft.job = null
      if (why(draft.previous) !== null) draft.previous = null
      if (why(draft.shadow?.release) !== null) draft.shadow = null
      const code = why(draft.active)
      if (code === null) return
      const job = { position: positionIn(draft), release: draft.active }
      uplink.keep(
        draft,
        report(job, 'REFUSED', { code, detail: `${draft.active.model}@${draft.active.version}` }),
      )
      draft.active = draft.previous
      draft.previous = null
      stopped = true
    },
    /** Acts on what was written. */
    settle() {
      const { job, active } = store.state
      const needed = job === null ? [] : [job.release.bundle.sha256, job.release.package.sha256]
      if (fetching !== null && !needed.includes(fetching.sha256)) {
        fetching.stop()
        fetching = null
      }
      if (job?.step === 'ACCEPTED' && !job.stalled && fetching === null)
        uplink.later('report', report(job, 'ACCEPTED'))
      if (store.state.shadow === null) useBeside(null, null)
      if (stopped) {
        stopped = false
        if (active === null || !tryLoad(active, use)) use(null, null)
        tidy()
      }
    },
    run,
    block(sha256, offset, bytes) {
      if (fetching?.sha256 !== sha256) return
      try {
        fetching.block(offset, bytes)
      } catch (error) {
        fail(error)
      }
    },
    up() {
      online = true
      run()
    },
    down() {
      online = false
      fetching?.stop()
      fetching = null
    },
  }
}
