import { TRUST_ROOT, type TrustRoot } from './documents.ts'
import { type PinnedKey, pinnedSpki } from './key.ts'
import { bars, period, table } from './names.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { base64, fields, hex256, integer, list, ShapeError } from './shape.ts'
import {
  checkSignatures,
  type DocumentCodes,
  openDocument,
  openStatement,
  type SignedDocument,
} from './signed.ts'
import { adoptRoot, type TrustState } from './state.ts'

const CODES: DocumentCodes = {
  malformed: 'ROOT_MALFORMED',
  signature: 'ROOT_SIGNATURE',
  type: 'ROOT_TYPE',
}
const MAX_ROOT_KEYS = 16
/** A link is signed by two sets of root keys. */
const MAX_SIGNATURES = 2 * MAX_ROOT_KEYS
export const MAX_CHAIN = 256

export type Role = keyof TrustRoot['roles']
/** A trust root that was read, with its keys ready for use. */
export interface KnownRoot {
  readonly value: TrustRoot
  /** Bytes of its envelope, base64. */
  readonly bytes: string
  readonly digest: string
  readonly keys: Readonly<Record<Role, ReadonlyMap<string, PinnedKey>>>
}
interface Link extends KnownRoot {
  readonly document: SignedDocument
}

/**
 * Reads a trust root that came by a way that is trusted: built into a device, or kept by it. A threshold of its own root
 * keys must be among its signers, so that a draft is noticed at once.
 * @throws Refusal with a ROOT_ code
 */
export function readRoot(bytes: Uint8Array): KnownRoot {
  const link = readLink(bytes)
  checkThreshold(link, link)
  return link
}

/** The root in a state. The last few are remembered, since reading one costs some signature checks. */
const known = new Map<string, KnownRoot>()
export function rootOf(state: Pick<TrustState, 'root'>): KnownRoot {
  const found = known.get(state.root)
  if (found !== undefined) return found
  const root = readLink(Buffer.from(state.root, 'base64'))
  if (known.size === 16) known.clear()
  known.set(state.root, root)
  return root
}

/**
 * Check 2: walks a chain of links to the newest root. A chain starts with version 1, or right behind the version that
 * is trusted; versions are consecutive; each link is signed by a threshold of the root keys of the link before it and
 * by a threshold of its own, and by nobody else. Links of the past must be what they were.
 * @param chain envelopes, oldest first
 * @returns the state behind the last link, the same object when nothing is new
 * @throws Refusal with a ROOT_ code
 */
export function walkChain(state: TrustState, chain: readonly Uint8Array[]): TrustState {
  if (chain.length < 1 || chain.length > MAX_CHAIN)
    throw new Refusal('ROOT_MALFORMED', `trust chain: must have 1 to ${MAX_CHAIN} links`)
  const links = chain.map(readLink)
  const trusted = rootOf(state)
  let next = state
  for (const [i, link] of links.entries()) {
    const { version } = link.value
    const before = links[i - 1] ?? (version === trusted.value.version + 1 ? trusted : undefined)
    if (before !== undefined) checkNext(link, before)
    else if (version === 1) checkFirst(link)
    else throw new Refusal('ROOT_VERSION', `${describe(link)}: the link before it is missing`)
    if (version === trusted.value.version && link.digest !== trusted.digest)
      throw new Refusal('ROOT_EQUIVOCATION', `${describe(link)}: another one of this version is trusted`)
    if (version > trusted.value.version) next = adoptRoot(next, before ?? trusted, link)
  }
  const last = links.at(-1)!.value.version
  if (last < trusted.value.version)
    throw new Refusal('ROOT_VERSION', `trust chain: ends at ${last}, before ${trusted.value.version}`)
  return next
}

function checkFirst(link: Link): void {
  checkThreshold(link, link)
  checkSignatures(link.document, link.keys.root, describe(link), 'ROOT_SIGNATURE')
}

function checkNext(link: Link, before: KnownRoot): void {
  const { version, epoch, issued } = link.value
  if (version !== before.value.version + 1)
    throw new Refusal('ROOT_VERSION', `${describe(link)}: follows version ${before.value.version}`)
  checkThreshold(link, before)
  checkThreshold(link, link)
  const signers = new Map([...before.keys.root, ...link.keys.root])
  checkSignatures(link.document, signers, describe(link), 'ROOT_SIGNATURE')
  if (epoch !== before.value.epoch && epoch !== before.value.epoch + 1)
    throw new Refusal('ROOT_EPOCH', `${describe(link)}: epoch ${epoch} does not follow ${before.value.epoch}`)
  if (Date.parse(issued) < Date.parse(before.value.issued))
    throw new Refusal('ROOT_VERSION', `${describe(link)}: issued before the link that it follows`)
}

/** A threshold of `by`'s root keys must be among the signers of `link`. */
function checkThreshold(link: Link, by: KnownRoot): void {
  const { threshold } = by.value.roles.root
  const count = link.document.signatures.filter(s => by.keys.root.has(s.keyid)).length
  if (count >= threshold) return
  const whose = by === link ? 'its own' : `version ${by.value.version}'s`
  throw new Refusal(
    'ROOT_SIGNATURE',
    `${describe(link)}: signed by ${count} of ${whose} root keys, ${threshold} are needed`,
  )
}

/** @param now ms since 1970 by the clock and by offline keys only @throws Refusal ROOT_EXPIRED */
export function checkRootAge(root: KnownRoot, now: number): void {
  const { expires, version } = root.value
  if (Date.parse(expires) <= now)
    throw new Refusal(
      'ROOT_EXPIRED',
      `trust root ${version}: expired at ${expires}, and no later one has come`,
    )
}

const describe = (link: KnownRoot): string => `trust root ${link.value.version}`

function readLink(bytes: Uint8Array): Link {
  const document = openDocument(bytes, 'trust root', CODES, MAX_SIGNATURES)
  const predicate = openStatement(document, TRUST_ROOT, 'trust root', CODES)
  return refuseAs('ROOT_MALFORMED', () => {
    const value = readTrustRoot(predicate)
    return {
      value,
      keys: keysByRole(value),
      document,
      digest: document.digest,
      bytes: Buffer.from(bytes).toString('base64'),
    }
  })
}

function readTrustRoot(predicate: Readonly<Record<string, unknown>>): TrustRoot {
  const at = 'trust root'
  const p = fields(predicate, at, [
    ...['version', 'epoch', 'issued', 'expires', 'keys', 'roles', 'minimumRelease', 'revokedBundles'],
  ])
  const roles = fields(p['roles'], `${at}.roles`, ['root', 'model', 'deployment'])
  const keyids = (role: unknown, path: string, extra: readonly string[], max: number) => {
    const r = fields(role, path, ['keyids', ...extra])
    const ids = list(r['keyids'], `${path}.keyids`, 1, max, hex256)
    if (new Set(ids).size !== ids.length) throw new ShapeError(`${path}.keyids`, 'without repeats')
    return { keyids: ids, r }
  }
  const root = keyids(roles['root'], `${at}.roles.root`, ['threshold'], MAX_ROOT_KEYS)
  const value: TrustRoot = {
    version: integer(1, 1_000_000)(p['version'], `${at}.version`),
    epoch: integer(1, 1_000_000)(p['epoch'], `${at}.epoch`),
    ...period(p, at),
    keys: table(p['keys'], `${at}.keys`, MAX_ROOT_KEYS + 16, hex256, (spki, path) =>
      base64(spki, path).toString('base64'),
    ),
    roles: {
      root: {
        keyids: root.keyids,
        threshold: integer(1, root.keyids.length)(root.r['threshold'], `${at}.roles.root.threshold`),
      },
      model: { keyids: keyids(roles['model'], `${at}.roles.model`, [], 8).keyids },
      deployment: { keyids: keyids(roles['deployment'], `${at}.roles.deployment`, [], 8).keyids },
    },
    ...bars(p, at),
  }
  const used = Object.values(value.roles).flatMap(role => role.keyids)
  if (new Set(used).size !== used.length) throw new ShapeError(`${at}.roles`, 'without a key in two roles')
  if (used.length !== Object.keys(value.keys).length || used.some(id => !Object.hasOwn(value.keys, id)))
    throw new ShapeError(`${at}.keys`, 'exactly the keys that the roles name')
  return value
}

function keysByRole({ keys, roles }: TrustRoot): KnownRoot['keys'] {
  const map = (role: Role): ReadonlyMap<string, PinnedKey> =>
    new Map(
      roles[role].keyids.map(id => {
        const key = pinnedSpki(Buffer.from(keys[id]!, 'base64'), `trust root.keys.${id}`)
        if (key.hint !== id) throw new ShapeError(`trust root.keys.${id}`, 'the key that its id names')
        return [id, key] as const
      }),
    )
  return { root: map('root'), model: map('model'), deployment: map('deployment') }
}
