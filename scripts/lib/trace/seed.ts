/** From what a person has in hand to the filter that finds it in the logs. */
import { UsageError } from '../options.ts'

export interface Seed {
  readonly kind: 'object' | 'version' | 'id'
  readonly pattern: string
}

/** Fields by which an id may be known: of a chain, an event, an object's digest, a request. */
const ID_FIELDS = ['correlationId', 'eventId', 'emittedId', 'dataset', 'job', 'function_request_id']
/** Of these only what was made counts: the reports of devices speak of rollouts and bundles too, in chains of their own. */
const MADE = [
  ['emitted', 'rollout'],
  ['emitted', 'decision'],
  ['hardware', 'bundle'],
] as const
/** What is said when a version begins: everything after that has its chain. */
const BIRTHS = ['TrainingStarted', 'ModelVersionRegistered', 'ModelVersionRejected'] as const

/** Throws UsageError for what cannot stand in a filter pattern. */
export function seedOf(id: string): Seed {
  if (!/^[\x20-\x7e]{1,256}$/.test(id) || /["\\*]/.test(id))
    throw new UsageError(`"${id}" is not an id: 1 to 256 plain characters without quotes and asterisks`)
  const version = /^([a-z0-9-]+)@(\d{1,7})$/.exec(id)
  if (version) {
    const [, model = '', number = ''] = version
    const born = BIRTHS.map(
      type => `$.emitted = "${type}" && $.model = "${model}" && $.version = ${Number(number)}`,
    )
    return { kind: 'version', pattern: `{ ${born.join(' || ')} }` }
  }
  if (id.includes('/')) return { kind: 'object', pattern: `{ $.key = "${id}" }` }
  const known = ID_FIELDS.map(field => `$.${field} = "${id}"`)
  const made = MADE.map(([beside, field]) => `$.${beside} = "*" && $.${field} = "${id}"`)
  return { kind: 'id', pattern: `{ ${[...known, ...made].join(' || ')} }` }
}

export const chainPattern = (chains: readonly string[]): string =>
  `{ ${chains.map(id => `$.correlationId = "${id}"`).join(' || ')} }`
export const reportsPattern = (bundles: readonly string[]): string =>
  `{ ${bundles.map(b => `$.emitted = "DeviceReported" && $.bundle = "${b}"`).join(' || ')} }`
