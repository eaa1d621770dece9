/** Why a signature was refused; `errors.ts` gives each kind the code of the protocol at hand. */
export type FaultKind =
  | 'missing'
  | 'malformed'
  | 'malformed-query'
  | 'old-version'
  | 'unknown-key'
  | 'wrong-token'
  | 'mismatch'
  | 'skewed'
  | 'expired'
  | 'not-yet-valid'
  | 'unsigned-headers'
  | 'payload-mismatch'
  | 'bad-framing'

export class SignatureFault extends Error {
  readonly kind: FaultKind
  constructor(kind: FaultKind, message: string) {
    super(message)
    this.name = 'SignatureFault'
    this.kind = kind
  }
}

const mismatchText =
  'The request signature we calculated does not match the signature you provided. Check your key and signing method.'
export const mismatch = () => new SignatureFault('mismatch', mismatchText)
