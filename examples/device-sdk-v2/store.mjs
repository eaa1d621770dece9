/** What survives a power cut: one file for the state, one for each blob. */
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const STATE = 'state.json'
/** Numbers are taken from the disk so many at a time. */
const RESERVE = 64

export const digestOf = bytes => createHash('sha256').update(bytes).digest('hex')

/** @param fresh what a device without a past knows */
export function openStore(dir, fresh) {
  mkdirSync(dir, { recursive: true })
  const path = name => join(dir, name)
  const durable = (name, bytes) => {
    const file = openSync(path(`${name}.new`), 'w', 0o600)
    try {
      writeSync(file, bytes)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(path(`${name}.new`), path(name))
    const folder = openSync(dir, 'r')
    fsyncSync(folder)
    closeSync(folder)
  }
  const read = name => {
    try {
      return readFileSync(path(name))
    } catch (error) {
      if (error.code === 'ENOENT') return null
      throw error
    }
  }
  const load = () => {
    try {
      return JSON.parse(read(STATE)?.toString() ?? 'null')
    } catch {
      return null
    }
  }
  let state = load() ?? { epoch: Date.now(), seqEnd: 0, eventEnd: 0, ...fresh() }
  const next = { seqEnd: state.seqEnd, eventEnd: state.eventEnd }
  let draft = null

  const store = {
    get state() {
      return state
    },
    /** Changes a copy, writes it, and makes it the state once it is written. */
    change(work) {
      const mine = structuredClone(state)
      draft = mine
      try {
        work(mine)
      } finally {
        draft = null
      }
      durable(STATE, JSON.stringify(mine))
      state = mine
    },
    /** The next number of a kind; what a power cut leaves of the reserved ones is never used. */
    number(kind) {
      const reserve = target => {
        target[kind] = next[kind] + RESERVE
      }
      if (next[kind] >= (draft ?? state)[kind]) {
        if (draft === null) store.change(reserve)
        else reserve(draft)
      }
      return next[kind]++
    },
    /** A file with this digest and length, or null. */
    blob({ sha256, length }) {
      const bytes = read(`blob-${sha256}`)
      return bytes !== null && bytes.byteLength === length && digestOf(bytes) === sha256 ? bytes : null
    },
    part(sha256) {
      const name = path(`part-${sha256}`)
      return {
        get length() {
          return statSync(name, { throwIfNoEntry: false })?.size ?? 0
        },
        append(bytes) {
          const file = openSync(name, 'a', 0o600)
          writeSync(file, bytes)
          closeSync(file)
        },
        bytes: () => read(`part-${sha256}`) ?? Buffer.alloc(0),
        finish() {
          durable(`blob-${sha256}`, this.bytes())
          this.remove()
        },
        remove: () => rmSync(name, { force: true }),
      }
    },
    /** Removes the files that no release names. */
    sweep(releases) {
      const wanted = new Set(releases.flatMap(release => [release.bundle.sha256, release.package.sha256]))
      for (const name of readdirSync(dir)) {
        const [, sha256] = /^(?:blob|part)-([0-9a-f]{64})$/.exec(name) ?? []
        if (sha256 !== undefined && !wanted.has(sha256)) rmSync(path(name), { force: true })
      }
    },
  }
  if (read(STATE) === null) store.change(() => undefined)
  return store
}
