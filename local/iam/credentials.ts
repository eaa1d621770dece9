import { randomBytes } from 'node:crypto'
import type { Credentials } from '../core/services.ts'
import type { Principal } from '../core/types.ts'

interface Issued {
  readonly principal: Principal
  readonly credentials: Credentials
}

/** The operator's long-term key: the same on every start, so shell profiles keep working. */
export const operatorCredentials: Credentials = {
  accessKeyId: 'AKIAEDGELOOPLOCAL000',
  secretAccessKey: 'local-secret-key',
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const randomId = (length: number): string =>
  Array.from(randomBytes(length), byte => base32[byte % 32]).join('')

/** Keeps who holds which access key. Session keys live until the process ends; they do not expire. */
export function createCredentialStore(operator: Principal) {
  const byKey = new Map<string, Issued>()
  const bySession = new Map<string, Credentials>()
  byKey.set(operatorCredentials.accessKeyId, { principal: operator, credentials: operatorCredentials })
  return {
    /** The same credentials for the same role and session. */
    session(principal: Principal): Credentials {
      const existing = bySession.get(principal.arn)
      if (existing !== undefined) return existing
      const credentials = {
        accessKeyId: `ASIA${randomId(16)}`,
        secretAccessKey: randomBytes(30).toString('base64'),
        sessionToken: randomBytes(96).toString('base64'),
      }
      bySession.set(principal.arn, credentials)
      byKey.set(credentials.accessKeyId, { principal, credentials })
      return credentials
    },
    find: (accessKeyId: string): Issued | undefined => byKey.get(accessKeyId),
  }
}
