/** A chain of trust roots, link by link, as a device walks it. */
import {
  initialState,
  Refusal,
  readRoot,
  rootOf,
  type TrustRoot,
  type TrustState,
  walkChain,
} from '../../verifier/index.ts'
import { changesBetween } from './describe-root.ts'
import { short } from './paint.ts'

export interface LinkStep {
  readonly name: string
  /** What it proves; absent when it does not hold. */
  readonly proves?: string
  readonly refusal?: Refusal
}

/** Steps up to the first broken link, and the state behind the last one that holds. */
export function chainSteps(chain: readonly Uint8Array[]): {
  readonly steps: readonly LinkStep[]
  readonly state: TrustState | undefined
  readonly roots: readonly TrustRoot[]
  /** SHA-256 of what was signed, of each root. */
  readonly digests: readonly string[]
} {
  const steps: LinkStep[] = []
  const roots: TrustRoot[] = []
  const digests: string[] = []
  let state: TrustState | undefined
  for (const [i, link] of chain.entries()) {
    const before = roots.at(-1)
    try {
      const next = walkChain(state ?? initialState(readRoot(link)), chain.slice(0, i + 1))
      const { value, digest } = rootOf(next)
      state = next
      roots.push(value)
      digests.push(digest)
      steps.push({ name: `trust root ${value.version}`, proves: proof(before, value, digest) })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      steps.push({ name: `trust root ${i + 1}`, refusal: error })
      break
    }
  }
  return { steps, state, roots, digests }
}

/** The root behind a chain that holds. @throws Refusal naming the first link that does not */
export function walkedChain(chain: readonly Uint8Array[]): TrustRoot {
  const { steps, roots } = chainSteps(chain)
  const broken = steps.find(s => s.refusal !== undefined)?.refusal
  if (broken !== undefined) throw broken
  return roots.at(-1) as TrustRoot
}

function proof(before: TrustRoot | undefined, root: TrustRoot, digest: string): string {
  const own = `${root.roles.root.threshold} of its own ${root.roles.root.keyids.length} root keys`
  if (before === undefined)
    return `signed by ${own}; taken as what devices are made with: compare its digest ${short(digest)} with yours`
  const { threshold, keyids } = before.roles.root
  const what = changesBetween(before, root).map(c => c.text)
  return `signed by ${threshold} of ${keyids.length} root keys of version ${before.version} and ${own}: ${what.join('; ')}`
}
