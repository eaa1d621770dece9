/** Public halves of the stack's KMS keys. */
import { GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { pinnedSpki } from '../../verifier/key.ts'
import type { OnlineKeyRole, StackNames } from './stack.ts'

export interface OnlineKey {
  readonly role: OnlineKeyRole
  /** A or B; see infra/keys.yml. */
  readonly slot: 'A' | 'B'
  readonly arn: string
  readonly keyid: string
  readonly pem: string
  /** Whether the stack signs with it. */
  readonly signs: boolean
}
interface Fetched {
  readonly arn: string
  readonly spki: Buffer
}

/**
 * Every key that the stack has and that is enabled. Needs kms:GetPublicKey.
 * @throws Error when the stack has no such alias, or has disabled the key that signs
 */
export async function fetchOnlineKeys(
  kms: KMSClient,
  alias: StackNames['alias'],
): Promise<readonly OnlineKey[]> {
  const found: OnlineKey[] = []
  for (const role of ['model', 'deployment'] as const) {
    const signing = await publicKey(kms, alias[role])
    if (signing === undefined)
      throw new Error(`${alias[role]}: there is no such key; is the stack deployed, and --stage right?`)
    for (const slot of ['A', 'B'] as const) {
      // KMS gives no public key of a disabled one: it was stolen or replaced, and is in no root to come.
      const key = await publicKey(kms, `${alias[role]}-${slot.toLowerCase()}`, ['DisabledException'])
      if (key === undefined) continue
      const { hint: keyid, key: object } = pinnedSpki(key.spki)
      const pem = object.export({ type: 'spki', format: 'pem' }).toString()
      found.push({ role, slot, arn: key.arn, keyid, pem, signs: key.arn === signing.arn })
    }
  }
  return found
}

/** Undefined when there is no such key, or for other reasons that are given. */
async function publicKey(
  kms: KMSClient,
  KeyId: string,
  absent: readonly string[] = [],
): Promise<Fetched | undefined> {
  try {
    const { PublicKey, KeyId: arn = KeyId } = await kms.send(new GetPublicKeyCommand({ KeyId }))
    if (PublicKey === undefined) throw new Error(`${KeyId}: KMS answered without a public key`)
    return { arn, spki: Buffer.from(PublicKey) }
  } catch (error) {
    if (['NotFoundException', ...absent].includes((error as Error).name)) return undefined
    throw error
  }
}
