import { AsyncLocalStorage } from 'node:async_hooks'
import type { Log } from '../domain/ports.ts'
import type { Cause } from '../domain/store.ts'

/** What every log line of an invocation, or of one record of a batch, says about where it belongs. */
export type ChainFields = Readonly<Record<string, unknown>>
interface Chain {
  fields: ChainFields
  /** Keys of rows that were written, for the line at the end. */
  readonly wrote: string[]
  refused: boolean
}

/** Asynchronous context and not a parameter: the domain logs without knowing what a chain is. */
const chains = new AsyncLocalStorage<Chain>()

/** Runs with lines that carry `fields`; inside another chain, with lines that carry those of both. */
export const inChain = <T>(fields: ChainFields, run: () => T): T =>
  chains.run({ fields: { ...chains.getStore()?.fields, ...fields }, wrote: [], refused: false }, run)

/** From here on lines carry the ids of this cause: it is known only after the event, or a row, was read. */
export function follow({ correlationId, causationId, generation }: Cause): void {
  const chain = chains.getStore()
  if (chain === undefined) return
  chain.fields = {
    ...chain.fields,
    ...{ correlationId, generation },
    ...(causationId === undefined ? {} : { causationId }),
  }
}
/** Same for anything else that helps to find the line, such as the key of an object. */
export function remark(fields: ChainFields): void {
  const chain = chains.getStore()
  if (chain !== undefined) chain.fields = { ...chain.fields, ...fields }
}

export const chainFields = (): ChainFields => chains.getStore()?.fields ?? {}
export const rowsWritten = (): readonly string[] => chains.getStore()?.wrote ?? []
export function noteWritten(keys: readonly string[]): void {
  chains.getStore()?.wrote.push(...keys)
}
export const wasRefused = (): boolean => chains.getStore()?.refused ?? false
export function noteRefused(): void {
  const chain = chains.getStore()
  if (chain !== undefined) chain.refused = true
}

/** A log whose lines carry the chain's fields; what the line itself says comes before them. */
export const inContext = (log: Log): Log => ({
  info: (code, fields = {}) => log.info(code, { ...chainFields(), ...fields }),
  warn: (code, fields = {}) => log.warn(code, { ...chainFields(), ...fields }),
  error: (code, fields = {}) => log.error(code, { ...chainFields(), ...fields }),
})
