import type { AnswerOf } from '../../contracts/api/index.ts'
import type { BurstRequest } from '../../contracts/commands.ts'
import { standsRevoked } from '../device/revoked.ts'
import { type BurstRow, type DeviceRow, keys, type ModelRow } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { put } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'
import { auditPut, type Commander, causeOf } from './audit.ts'

/**
 * Asks devices for their next rows. A model has one burst at a time: a newer one takes the place of what is left of the
 * last. What follows from it, the fleet's manifest, is the event's consumer's affair.
 */
export async function requestBurst(
  core: Core,
  model: string,
  { things, count, minutes, reason }: BurstRequest,
  commander: Commander,
): Promise<AnswerOf<'requestBurst'>> {
  const config = (await core.store.get<ModelRow>(keys.model(model)))?.data.config
  if (config === undefined) throw new EdgeloopError('NOT_FOUND', `there is no model "${model}"`)
  const { fleet } = config
  const now = core.now()
  const before = await core.store.get<BurstRow>(keys.burst(model))
  // From the request, so that one that comes twice is one burst.
  const burst = sha256Hex(commander.request).slice(0, 16)
  if (before?.data.burst === burst) return answerOf(before.data)
  const row: BurstRow = {
    ...{ burst, model, fleet, count },
    things: things === 'all' ? 'all' : await byHardware(core, fleet, things),
    until: new Date(now.getTime() + minutes * 60_000).toISOString(),
  }
  const change = { burst, things, count, minutes, reason }
  await core.store.commit(
    [
      put(keys.burst(model), row, before),
      auditPut(commander, now.toISOString(), {
        ...{ action: 'REQUEST_BURST', subject: model, change, before: before?.data ?? null },
      }),
    ],
    [{ type: 'BurstRequested', data: { model, fleet, burst, count, until: row.until, by: commander.by } }],
    causeOf(commander),
  )
  return answerOf(row)
}

const answerOf = ({ burst, model, fleet, count, until }: BurstRow) => ({ burst, model, fleet, count, until })

async function byHardware(
  { store }: Core,
  fleet: string,
  things: readonly string[],
): Promise<Record<string, string[]>> {
  const unique = [...new Set(things)].sort()
  const rows = await Promise.all(unique.map(thing => store.get<DeviceRow>(keys.device(thing))))
  const found: Record<string, string[]> = {}
  for (const [i, row] of rows.entries()) {
    const thing = unique[i] as string
    if (row === undefined || row.data.fleet !== fleet || standsRevoked(row.data))
      throw new InputError(
        'UNKNOWN_DEVICE',
        `things: fleet ${fleet} has no device ${thing}, or it is revoked`,
        'things',
      )
    const { hardware } = row.data
    found[hardware] = [...(found[hardware] ?? []), thing]
  }
  return found
}
