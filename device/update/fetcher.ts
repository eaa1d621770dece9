import type { Refusal } from '../../verifier/index.ts'
import { type Fetch, startFetch } from './fetch.ts'

type FetchDeps = Parameters<typeof startFetch>[0]

/** One download at a time, while there is a connection. */
export interface Fetcher {
  online: boolean
  /** Goes on with the one in hand if it is this one, and drops any other. Does nothing without a connection. */
  want(
    what: Pick<FetchDeps, 'ref' | 'mismatch'> & {
      readonly done: () => void
      readonly failed: (refusal: Refusal) => void
    },
  ): void
  block(digest: string, offset: number, bytes: Uint8Array): void
  /** Drops the one in hand unless its digest is among these. */
  onlyFor(digests: readonly string[]): void
}

export function createFetcher(deps: Omit<FetchDeps, 'ref' | 'mismatch' | 'done' | 'failed'>): Fetcher {
  let fetch: Fetch | null = null
  const fetcher: Fetcher = {
    online: false,
    want({ ref, mismatch, done, failed }) {
      if (!fetcher.online || fetch?.digest === ref.sha256) return
      fetch?.stop()
      // A blob that ends at once calls back before startFetch returns.
      let ended = false
      const end = (then: () => void): void => {
        ended = true
        fetch = null
        then()
      }
      const started = startFetch({
        ...deps,
        ...{ ref, mismatch },
        done: () => end(done),
        failed: refusal => end(() => failed(refusal)),
      })
      if (!ended) fetch = started
    },
    block(digest, offset, bytes) {
      if (fetch?.digest === digest) fetch.block(offset, bytes)
    },
    onlyFor(digests) {
      if (fetch === null || digests.includes(fetch.digest)) return
      fetch.stop()
      fetch = null
    },
  }
  return fetcher
}
