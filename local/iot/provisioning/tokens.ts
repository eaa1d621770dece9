import { createHash, randomBytes } from 'node:crypto'
import type { Realm } from '../../core/types.ts'
import type { Registry } from '../registry.ts'
import { refuse } from './rejection.ts'

/** Proof that a device asked for a certificate: lives one hour, for one registration. */
export interface OwnershipToken {
  /** SHA-256 of the token in hex: the file of the registry does not hold the token itself. */
  readonly digest: string
  readonly certificateId: string
  /** Certificate id of the connection that asked. */
  readonly principalId: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** A token that a registration holds until it knows how it ends. */
export interface ClaimedToken {
  readonly certificateId: string
  /** The registration is done: the token is worth nothing any more. */
  spend(): void
  /** The registration failed and may be tried again. */
  release(): void
}

export interface OwnershipTokens {
  issue(certificateId: string, principalId: string): string
  /** Throws InvalidCertificateOwnershipToken for a token that is not this connection's to use now. */
  claim(token: unknown, principalId: string): ClaimedToken
  /** Forgets expired tokens, and deletes certificates that nobody registered in time. */
  sweep(): void
}

const LIFE_MS = 3_600_000

export const createOwnershipTokens = (realm: Realm, registry: Registry): OwnershipTokens => {
  const { ownershipTokens: tokens } = registry
  const inUse = new Set<string>()

  const sweep = () => {
    const now = realm.now().getTime()
    const expired = [...tokens.values()].filter(
      ({ digest, expiresAt }) => expiresAt <= now && !inUse.has(digest),
    )
    for (const { digest, certificateId } of expired) {
      tokens.delete(digest)
      const pending = registry.certificates.get(certificateId)?.status === 'PENDING_ACTIVATION'
      const policies = registry.attachedPolicies.get(certificateId)?.size ?? 0
      const things = registry.thingPrincipals.get(certificateId)?.size ?? 0
      if (pending && policies === 0 && things === 0) registry.certificates.delete(certificateId)
    }
    if (expired.length > 0) registry.changed()
  }

  return {
    sweep,
    issue: (certificateId, principalId) => {
      const token = randomBytes(48).toString('base64url')
      const digest = digestOf(token)
      const expiresAt = realm.now().getTime() + LIFE_MS
      tokens.set(digest, { digest, certificateId, principalId, expiresAt })
      registry.changed()
      return token
    },
    claim: (token, principalId) => {
      if (token === undefined || token === null || token === '')
        throw invalid('Certificate ownership token cannot be empty.')
      if (typeof token !== 'string') throw invalid('Certificate ownership token must be a string.')
      sweep()
      const digest = digestOf(token)
      const found = tokens.get(digest)
      // One answer for every reason: it tells nobody whose token it is.
      if (!found || found.principalId !== principalId || inUse.has(digest))
        throw invalid(
          'Certificate ownership token is unknown, used, expired or of another principal; create a new certificate.',
        )
      inUse.add(digest)
      const release = () => void inUse.delete(digest)
      return {
        certificateId: found.certificateId,
        release,
        spend: () => {
          release()
          tokens.delete(digest)
          registry.changed()
        },
      }
    },
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex')

const invalid = (message: string) => refuse(400, 'InvalidCertificateOwnershipToken', message)
