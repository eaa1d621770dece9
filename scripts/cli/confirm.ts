/** A word from the person before something that is felt in the field. */
import { UsageError } from '../lib/options.ts'
import type { Io, Options } from './command.ts'

export const MAX_REASON = 500
export const confirmOptions = { reason: { type: 'string' }, yes: { type: 'boolean' } } as const
export const CONFIRM_HELP = `  --reason TEXT   is kept for good with who said it; needed
  --yes           does not ask; needed where nobody can answer
`

/** @throws UsageError */
export function reasonIn(options: Options): string {
  const reason = options.required('reason').trim()
  if (reason === '' || reason.length > MAX_REASON)
    throw new UsageError(`--reason must have 1 to ${MAX_REASON} characters`)
  return reason
}

/**
 * @returns false when the person says no
 * @throws UsageError when nobody can be asked
 */
export async function confirmed(question: string, options: Options, io: Io): Promise<boolean> {
  if (options.flag('yes')) return true
  if (!io.interactive) throw new UsageError('--yes is needed where nobody can answer')
  return (await io.ask(`${question} Type yes: `)).trim() === 'yes'
}
