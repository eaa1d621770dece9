/** Runs the checks, each after those that it needs. */
import { CallRefused } from '../../lib/signed-call.ts'
import { CloudError } from '../command.ts'
import { reach } from '../stack.ts'
import { apiChecks } from './api.ts'
import { type Check, type Finding, type Look, skip, warn } from './check.ts'
import { consoleChecks } from './console.ts'
import { deviceChecks } from './devices.ts'
import { flowChecks } from './flow.ts'
import { machineChecks } from './machine.ts'
import { quotaChecks } from './quotas.ts'
import { storageChecks } from './storage.ts'
import { trustChecks } from './trust.ts'

export const checks: readonly Check[] = [
  ...machineChecks,
  ...storageChecks,
  ...flowChecks,
  ...deviceChecks,
  ...trustChecks,
  ...apiChecks,
  ...consoleChecks,
  ...quotaChecks,
]

export interface Result extends Finding {
  readonly id: string
  /** What it needs is not there. */
  readonly blocked?: true
}

/**
 * @param before what was found out on the way to the stack
 * @param told is called as each check begins
 */
export async function diagnose(
  look: Look,
  before: readonly Result[],
  told: (id: string, done: number, of: number) => void,
): Promise<readonly Result[]> {
  const results = [...before]
  for (const [i, check] of checks.entries()) {
    told(check.id, i, checks.length)
    results.push(await one(check, results, look))
  }
  return results
}

async function one({ id, needs = [], run }: Check, results: readonly Result[], look: Look): Promise<Result> {
  const missing = results.find(r => needs.includes(r.id) && (r.outcome === 'fail' || r.blocked))
  if (missing !== undefined) return { id, ...skip(`not looked at: ${missing.id} comes first`), blocked: true }
  try {
    return { id, ...(await reach(id, () => run(look))) }
  } catch (error) {
    // Not being allowed to look is no fault of the stack.
    if (!(error instanceof CloudError) && !(error instanceof CallRefused)) throw error
    return {
      id,
      ...warn(`could not be looked at: ${error.message}`, 'credentials that may read it, or another network'),
    }
  }
}
