import { openChain } from '../../../verifier/chain.ts'
import { Refusal } from '../../../verifier/refusal.ts'
import { checkRootAge, type KnownRoot, readRoot, rootOf, walkChain } from '../../../verifier/root.ts'
import { initialState } from '../../../verifier/state.ts'
import type { DsseEnvelope } from '../../contracts/manifest.ts'
import type { TrustRow } from '../entities.ts'

/**
 * What a dropped chain makes of the stored trust root. The first chain is taken on first use: link 1 is what devices
 * are made with, and nothing here could know better. A later one must go on from what is stored.
 * @param bytes `{"v":1,"chain":[envelope, …]}`
 * @returns undefined when there is nothing new in it
 * @throws Refusal with a ROOT_ code
 */
export function followChain(
  before: TrustRow | undefined,
  bytes: Uint8Array,
  now: Date,
): TrustRow | undefined {
  const chain = openChain(bytes)
  const links = chain.map(link => readRoot(link))
  const [first] = links
  if (first === undefined || first.value.version !== 1)
    throw new Refusal('ROOT_VERSION', 'trust chain: must begin with version 1 and hold every link')
  // Drops are delivered late and twice: what an older one says is stored.
  if (before && chain.length < before.chain.length && chain.every(isStored(before))) return undefined
  const trusted = before === undefined ? first : storedRoot(before)
  const walked = rootOf(walkChain(initialState(trusted), chain))
  const known = before?.chain.length ?? 0
  before?.chain.forEach((link, i) => {
    // The walk compares the newest link that both have; the ones before it are what devices start from.
    if (link.payload !== payloadOf(chain[i]))
      throw new Refusal('ROOT_EQUIVOCATION', `trust root ${i + 1}: another one of this version is published`)
  })
  if (chain.length <= known) return undefined
  checkRootAge(walked, now.getTime())
  return toRow(walked, chain, before?.published ?? 0)
}

const isStored =
  ({ chain }: TrustRow) =>
  (link: Uint8Array, i: number): boolean =>
    payloadOf(link) === chain[i]?.payload

const payloadOf = (link: Uint8Array | undefined): string | undefined =>
  link === undefined ? undefined : envelopeOf(link).payload
const envelopeOf = (link: Uint8Array): DsseEnvelope =>
  JSON.parse(Buffer.from(link).toString('utf8')) as DsseEnvelope

/** The newest link that is stored. */
export const storedRoot = ({ chain }: Pick<TrustRow, 'chain'>): KnownRoot =>
  readRoot(Buffer.from(JSON.stringify(chain.at(-1))))

function toRow({ value, digest }: KnownRoot, chain: readonly Uint8Array[], published: number): TrustRow {
  const { version, epoch, expires, roles, minimumRelease, revokedBundles } = value
  const keyids = {
    root: roles.root.keyids,
    model: roles.model.keyids,
    deployment: roles.deployment.keyids,
  }
  return {
    ...{ version, epoch, digest, expires, keyids, published },
    minimumRelease: { ...minimumRelease },
    revokedBundles: [...revokedBundles],
    chain: chain.map(envelopeOf),
  }
}
