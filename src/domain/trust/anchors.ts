import { pinnedSpki } from '../../../verifier/key.ts'
import { keys, type TrustRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Store } from '../store.ts'

/** Online keys, each used by one function. */
export type OnlineRole = 'model' | 'deployment'

/**
 * The key is not, or not yet, in the trust root: whatever it signed would be refused by every device. Time heals it,
 * because a ceremony adds the key; until then the work stays pending.
 */
export class KeyNotTrusted extends EdgeloopError {
  readonly role: OnlineRole
  readonly keyid: string
  constructor(role: OnlineRole, keyid: string, why: string) {
    super('DEPENDENCY', why)
    this.name = 'KeyNotTrusted'
    this.role = role
    this.keyid = keyid
  }
}

/**
 * The newest trust root, which must list this key under this role. Ask before every signature.
 * @param spki DER of the public key
 * @throws KeyNotTrusted, also when no trust root was published yet
 */
export async function requireTrusted(
  store: Pick<Store, 'get'>,
  role: OnlineRole,
  spki: Uint8Array,
): Promise<{ readonly keyid: string; readonly root: TrustRow }> {
  const keyid = pinnedSpki(spki, `${role} key`).hint
  const row = await store.get<TrustRow>(keys.trust())
  if (row === undefined)
    throw new KeyNotTrusted(
      role,
      keyid,
      `there is no trust root yet, so nothing that the ${role} key signs would be trusted; publish one with: npx edgeloop keys publish`,
    )
  const { version, keyids } = row.data
  if (!keyids[role].includes(keyid))
    throw new KeyNotTrusted(
      role,
      keyid,
      `trust root ${version} does not list key ${keyid.slice(0, 12)}… under ${role}; add it with a new link: npx edgeloop keys root`,
    )
  return { keyid, root: row.data }
}
