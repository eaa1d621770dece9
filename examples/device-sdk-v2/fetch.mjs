/** Fetches one blob in blocks, one after the other, and goes on behind what is stored. */
import { Refusal } from '../../verifier/index.ts'
import { digestOf } from './store.mjs'

const BLOCK = 65_536
const ATTEMPTS = 6
const WAIT_MS = 4_000
const LONGEST_MS = 60_000

/**
 * @param {{ ref: { sha256: string, length: number }, code: string, store: object,
 *   request: (offset: number, length: number) => void, done: () => void, failed: (why: Refusal) => void }} options
 */
export function startFetch({ ref, code, store, request, done, failed }) {
  const part = store.part(ref.sha256)
  if (part.length > ref.length) part.remove()
  let resumed = part.length > 0
  let timer
  let over = false
  let expected = null

  const stop = () => {
    over = true
    clearTimeout(timer)
  }
  const ask = attempt => {
    if (over) return
    if (attempt === ATTEMPTS) {
      stop()
      failed(new Refusal('FETCH_FAILED', `block at ${expected.offset} of ${ref.sha256}: ${attempt} attempts`))
      return
    }
    request(expected.offset, expected.length)
    const pause = Math.min(LONGEST_MS, WAIT_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
    timer = setTimeout(() => ask(attempt + 1), pause)
  }
  const goOn = () => {
    clearTimeout(timer)
    const offset = part.length
    if (offset < ref.length) {
      expected = { offset, length: Math.min(BLOCK, ref.length - offset) }
      ask(0)
      return
    }
    if (digestOf(part.bytes()) === ref.sha256) {
      part.finish()
      stop()
      done()
      return
    }
    part.remove()
    if (resumed) {
      // A power cut may have torn what was there before: one clean attempt.
      resumed = false
      goOn()
      return
    }
    stop()
    failed(new Refusal(code, `the bytes that came are not ${ref.sha256}`))
  }
  return {
    sha256: ref.sha256,
    start: goOn,
    stop,
    block(offset, bytes) {
      if (over || expected === null || offset !== expected.offset || bytes.byteLength !== expected.length)
        return
      part.append(bytes)
      goOn()
    },
  }
}
