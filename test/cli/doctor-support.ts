/** The doctor at a stack whose answers can be changed on their way. */
import type { CommandCloud } from './cloud-support.ts'
import { startCommandCloud } from './cloud-support.ts'
import { run } from './support.ts'
import { type TamperedWay, tamperedWay } from './tamper.ts'

export interface Found {
  readonly id: string
  readonly outcome: string
  readonly text: string
  readonly fix: string | null
}
export interface Patient {
  readonly cloud: CommandCloud
  readonly way: TamperedWay
  /** As before the first test. */
  reset(): Promise<void>
  close(): Promise<void>
}

export async function startPatient(): Promise<Patient> {
  const cloud = await startCommandCloud()
  const way = await tamperedWay(cloud.h.client.endpoint)
  return {
    cloud,
    way,
    async reset() {
      way.with(undefined)
      await cloud.reset()
      cloud.set({ AWS_ENDPOINT_URL: way.url })
    },
    async close() {
      await way.close()
      await cloud.close()
    },
  }
}

export async function diagnosis(now?: () => number): Promise<{ exit: number; found: readonly Found[] }> {
  const { exit, json } = await run(['doctor', '--json'], undefined, now)
  return { exit, found: (json() as { checks: Found[] }).checks }
}
/** What is not well, as `warn token`. */
export const notWell = (found: readonly Found[]): string[] =>
  found.filter(f => f.outcome !== 'ok' && f.outcome !== 'skip').map(f => `${f.outcome} ${f.id}`)
export const named = (found: readonly Found[], id: string): Found => found.find(f => f.id === id) as Found
