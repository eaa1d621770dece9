/** What a check is, and what it may look at. */
import type { AwsConfig, StackNames } from '../../lib/stack.ts'
import type { Expected } from './expected.ts'

export interface Finding {
  /** `skip`: it cannot be looked at here, which is nobody's fault. */
  readonly outcome: 'ok' | 'warn' | 'fail' | 'skip'
  /** What it is and what it means. */
  readonly text: string
  /** The command, or the deed, that mends it. */
  readonly fix?: string
}
export interface Look {
  readonly stage: string
  readonly config: AwsConfig
  readonly account: string
  readonly names: StackNames
  readonly expected: Expected
  /** Version of Node that runs this. */
  readonly node: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Of the operators' API. */
  readonly api: string | undefined
  /** Or why there is none to use. */
  readonly token: string | Error
  /** Whether an endpoint is named, as for the local cloud. */
  readonly local: boolean
  now(): number
}
export interface Check {
  readonly id: string
  /** Checks without which this one says nothing. */
  readonly needs?: readonly string[]
  run(look: Look): Promise<Finding>
}

export const ok = (text: string): Finding => ({ outcome: 'ok', text })
export const warn = (text: string, fix: string): Finding => ({ outcome: 'warn', text, fix })
export const fail = (text: string, fix: string): Finding => ({ outcome: 'fail', text, fix })
export const skip = (text: string): Finding => ({ outcome: 'skip', text })

/** Undefined when there is no such thing; everything else is thrown. */
export async function ifThere<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (ABSENT.includes((error as Error).name)) return undefined
    throw error
  }
}
const ABSENT = [
  'NotFound',
  'NoSuchBucket',
  'NotFoundException',
  'ResourceNotFoundException',
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
]

export const deployFix = ({ local, stage }: Pick<Look, 'local' | 'stage'>): string =>
  local
    ? 'npm run cloud, and the variables that it prints'
    : `npm run deploy -- --stage ${stage} (docs/deploy.md)`
export const few = (names: readonly string[]): string =>
  `${names.slice(0, 4).join(', ')}${names.length > 4 ? ` and ${names.length - 4} more` : ''}`
