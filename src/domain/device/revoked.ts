import type { DeviceRow } from '../entities.ts'

type Standing = Pick<DeviceRow, 'revokedAt' | 'reinstatedAt'>

/**
 * Whether what came from a device at a time counts for nothing. By the broker's time of receipt: what a device sent
 * before it was revoked is its own honest word. A second revocation also covers the time since the first.
 */
export function isRevoked({ revokedAt, reinstatedAt }: Standing, receivedAt: Date): boolean {
  if (revokedAt === undefined || receivedAt.getTime() < Date.parse(revokedAt)) return false
  return reinstatedAt === undefined || receivedAt.getTime() < Date.parse(reinstatedAt)
}

/** Whether it is revoked now, until it is enrolled anew. */
export const standsRevoked = ({ revokedAt, reinstatedAt }: Standing): boolean =>
  revokedAt !== undefined && reinstatedAt === undefined
