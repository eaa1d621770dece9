import { clipped, type InputError } from '../errors.ts'

/** With 500 of them, of three bytes a character, an answer still fits into a row, where Idempotency-Key keeps it. */
const MESSAGE = 160
const FIELD = 60

/** One entry of a list that was refused by itself, as the answer has it. */
export const refusalOf = (index: number, { reason, message, field }: InputError) => ({
  ...{ index, code: reason, message: clipped(message, MESSAGE) },
  ...(field ? { field: clipped(field, FIELD) } : {}),
})
