import type { EnrolmentRow } from '../entities.ts'
import { InputError } from '../errors.ts'

/** A certificate that asks to become a device. */
export interface Candidate {
  readonly serial: string
  readonly certificateId: string
  /** SHA-256 of the certificate's public key (SPKI, DER), hex. */
  readonly publicKey: string
  readonly claim: string
}

/**
 * The enrolment after the candidate used it; throws InputError when it may not. A serial is for one key: the same key
 * may come again, with the same certificate or, after a power cut, with another one. Another key is a clone.
 */
export function vet(row: EnrolmentRow | undefined, candidate: Candidate, now: Date): EnrolmentRow {
  const { serial, certificateId, publicKey, claim } = candidate
  if (row === undefined)
    throw new InputError('NOT_ALLOWED', `serial ${serial} is not on the allow-list`, 'SerialNumber')
  if (row.status === 'BLOCKED')
    throw new InputError(
      'BLOCKED',
      `serial ${serial} is blocked: ${row.reason ?? 'no reason given'}`,
      'SerialNumber',
    )
  if (row.status === 'USED' && row.publicKey !== publicKey)
    throw new InputError(
      'ALREADY_USED',
      `serial ${serial} was used at ${row.usedAt} by certificate ${row.certificateId}; certificate ${certificateId} has another key`,
      'SerialNumber',
    )
  if (row.status === 'USED' && row.certificateId === certificateId) return row
  return { ...row, status: 'USED', certificateId, publicKey, claim, usedAt: now.toISOString() }
}
