import { TRUST_ROOT, type TrustRoot } from '../../../verifier/documents.ts'
import { type PinnedKey, pinnedSpki } from '../../../verifier/key.ts'
import { DSSE_PAYLOAD_TYPE, type DsseEnvelope, IN_TOTO_STATEMENT } from '../../contracts/manifest.ts'
import { InputError } from '../errors.ts'
import { preAuthenticationEncoding } from './dsse.ts'

export type RootRole = keyof TrustRoot['roles']
const ROLES: readonly RootRole[] = ['root', 'model', 'deployment']

/** What a ceremony decides. Whatever is left out stays as it was. */
export interface RootChanges {
  readonly issued: Date
  readonly expires: Date
  readonly rootKeys?: readonly PinnedKey[]
  readonly threshold?: number
  readonly modelKeys?: readonly PinnedKey[]
  readonly deploymentKeys?: readonly PinnedKey[]
  /**
   * Whether all that the online keys signed so far becomes void. Has to be said when a deployment key is taken out:
   * without a new epoch, devices go on believing the counters and times that the key gave them.
   */
  readonly epoch?: 'new' | 'keep'
  readonly revokeBundles?: readonly string[]
  /** Lowest release counter by model; never falls. */
  readonly minimumRelease?: Readonly<Record<string, number>>
}

/**
 * The trust root that follows `before`, or version 1.
 * @throws InputError naming the field
 */
export function nextRoot(before: TrustRoot | undefined, changes: RootChanges): TrustRoot {
  const keysOf = (role: RootRole, given: readonly PinnedKey[] | undefined): readonly PinnedKey[] => {
    const found = given ?? before?.roles[role].keyids.map(id => keyIn(before, id)) ?? []
    if (found.length === 0) throw new InputError('NO_KEY', `${role}: name at least one key`, role)
    if (new Set(found.map(k => k.hint)).size !== found.length)
      throw new InputError('KEY_TWICE', `${role}: the same key is given twice`, role)
    return found
  }
  const keys = {
    root: keysOf('root', changes.rootKeys),
    model: keysOf('model', changes.modelKeys),
    deployment: keysOf('deployment', changes.deploymentKeys),
  }
  const all = ROLES.flatMap(role => keys[role])
  if (new Set(all.map(k => k.hint)).size !== all.length)
    throw new InputError(
      'KEY_IN_TWO_ROLES',
      'one key is given in two roles; each role has keys of its own',
      'keys',
    )
  const threshold = changes.threshold ?? before?.roles.root.threshold ?? 1
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.root.length)
    throw new InputError(
      'THRESHOLD',
      `threshold must be a whole number from 1 to the ${keys.root.length} root keys, not ${threshold}`,
      'threshold',
    )
  if (changes.expires <= changes.issued)
    throw new InputError('EXPIRES', 'expires must be after issued', 'expires')
  const ids = (role: RootRole) => keys[role].map(k => k.hint).sort()
  return {
    version: (before?.version ?? 0) + 1,
    epoch: nextEpoch(before, ids('deployment'), changes.epoch),
    issued: changes.issued.toISOString(),
    expires: changes.expires.toISOString(),
    keys: Object.fromEntries(all.map(k => [k.hint, spkiOf(k)] as const).sort(byId)),
    roles: {
      root: { keyids: ids('root'), threshold },
      model: { keyids: ids('model') },
      deployment: { keyids: ids('deployment') },
    },
    minimumRelease: raised(before?.minimumRelease ?? {}, changes.minimumRelease ?? {}),
    revokedBundles: [...new Set([...(before?.revokedBundles ?? []), ...(changes.revokeBundles ?? [])])],
  }
}

function nextEpoch(
  before: TrustRoot | undefined,
  deployment: readonly string[],
  choice: 'new' | 'keep' | undefined,
): number {
  if (before === undefined) return 1
  const dropped = before.roles.deployment.keyids.filter(id => !deployment.includes(id))
  if (dropped.length > 0 && choice === undefined) {
    throw new InputError(
      'EPOCH',
      `deployment key ${dropped[0]?.slice(0, 12)}… is taken out, so say whether a new epoch begins: a new one voids every manifest and beacon signed so far (needed when the key was stolen), keeping it lets devices go on from what they know (enough when the key was replaced as planned)`,
      'epoch',
    )
  }
  return choice === 'new' ? before.epoch + 1 : before.epoch
}

function raised(
  before: Readonly<Record<string, number>>,
  by: Readonly<Record<string, number>>,
): Record<string, number> {
  const next = { ...before }
  for (const [model, minimum] of Object.entries(by)) {
    if (minimum < (next[model] ?? 0))
      throw new InputError(
        'MINIMUM_RELEASE',
        `minimumRelease.${model}: ${minimum} is under ${next[model]}; a minimum never falls`,
        `minimumRelease.${model}`,
      )
    next[model] = minimum
  }
  return next
}

const spkiOf = ({ key }: PinnedKey): string => key.export({ format: 'der', type: 'spki' }).toString('base64')
const keyIn = ({ keys }: TrustRoot, id: string): PinnedKey =>
  pinnedSpki(Buffer.from(keys[id] ?? '', 'base64'), `key ${id.slice(0, 12)}…`)
const byId = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1)

/** The in-toto statement that root keys sign; its subjects are the keys that it vouches for. */
export const rootStatement = (root: TrustRoot): Buffer =>
  Buffer.from(
    JSON.stringify({
      _type: IN_TOTO_STATEMENT,
      subject: ROLES.flatMap(role =>
        root.roles[role].keyids.map(id => ({ name: `${role}/${id.slice(0, 12)}`, digest: { sha256: id } })),
      ),
      predicateType: TRUST_ROOT,
      predicate: root,
    }),
  )

/** An envelope that nobody has signed yet. */
export const unsignedRoot = (root: TrustRoot): DsseEnvelope => ({
  payload: rootStatement(root).toString('base64'),
  payloadType: DSSE_PAYLOAD_TYPE,
  signatures: [],
})
/** What a root key signs: the DSSE pre-authentication encoding. */
export const toBeSigned = (envelope: DsseEnvelope): Buffer =>
  preAuthenticationEncoding(Buffer.from(envelope.payload, 'base64'))

/** The envelope with one more signature, in the order of key ids; a second one by the same key replaces the first. */
export function withSignature(envelope: DsseEnvelope, keyid: string, signature: Uint8Array): DsseEnvelope {
  const others = envelope.signatures.filter(s => s.keyid !== keyid)
  const signatures = [...others, { keyid, sig: Buffer.from(signature).toString('base64') }]
  return { ...envelope, signatures: signatures.sort((a, b) => (a.keyid < b.keyid ? -1 : 1)) }
}
