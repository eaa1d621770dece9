/**
 * Why something was refused: one code per check, in the order in which the checks run. A device reports the code, so
 * the names are part of the device contract.
 */
export const REASONS = [
  'ROOT_MALFORMED',
  'ROOT_TYPE',
  'ROOT_VERSION',
  'ROOT_SIGNATURE',
  'ROOT_EQUIVOCATION',
  'ROOT_EPOCH',
  'ROOT_EXPIRED',
  'BEACON_MALFORMED',
  'BEACON_SIGNATURE',
  'BEACON_TYPE',
  'BEACON_AUDIENCE',
  'BEACON_EPOCH',
  'BEACON_ROLLBACK',
  'BEACON_EQUIVOCATION',
  'BEACON_JUMP',
  'BEACON_EXPIRED',
  'MANIFEST_MALFORMED',
  'MANIFEST_SIGNATURE',
  'MANIFEST_TYPE',
  'MANIFEST_AUDIENCE',
  'MANIFEST_RUNTIME',
  'MANIFEST_EPOCH',
  'MANIFEST_ROLLBACK',
  'MANIFEST_EQUIVOCATION',
  'MANIFEST_JUMP',
  'MANIFEST_EXPIRED',
  'MANIFEST_FROZEN',
  'MANIFEST_STALE',
  'RELEASE_TOO_OLD',
  'RELEASE_REVOKED',
  'PACKAGE_LENGTH',
  'PACKAGE_DIGEST',
  'BUNDLE_DIGEST',
  'BUNDLE_MALFORMED',
  'BUNDLE_SIGNATURE',
  'BUNDLE_CONTENT',
  'PACKAGE_ARCHIVE',
  'PACKAGE_CONTENT',
  'PACKAGE_CONTRACT',
  'FETCH_FAILED',
  'NO_SPACE',
  'MODEL_FORMAT',
  'SELF_TEST',
  'INTERNAL',
] as const
export type ReasonCode = (typeof REASONS)[number]

/** Something that came from outside and does not hold; `code` goes into the report, the message into its detail. */
export class Refusal extends Error {
  readonly code: ReasonCode
  constructor(code: ReasonCode, message: string) {
    super(message)
    this.name = 'Refusal'
    this.code = code
  }
}

/** Runs a check and gives every failure that is not yet a Refusal this code. */
export function refuseAs<T>(code: ReasonCode, check: () => T): T {
  try {
    return check()
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(code, (error as Error).message)
  }
}
