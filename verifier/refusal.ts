import type { reasonCodes } from '../src/contracts/mqtt.ts'

export type ReasonCode = (typeof reasonCodes)[number]

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
