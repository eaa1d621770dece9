import { deviceLink, iotRegistry } from '../adapters/devices.ts'
import { type FleetRow, keys } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, DeviceLink, Registry } from '../domain/ports.ts'
import { lambda } from '../runtime/lambda.ts'
import { handleUplink } from '../runtime/uplink.ts'

export interface AnswerDeviceDeps extends Core {
  readonly link: DeviceLink
  readonly registry: Registry
}

/** `ask`: the pull path. A device that missed the retained manifest gets the newest one, skipping all between. */
export const answerDevice = (deps: AnswerDeviceDeps) => (event: unknown) =>
  handleUplink(deps, event, ['ask'], async ({ message, thing }) => {
    const { corr, have } = message.body
    const device = await deps.registry.describe(thing)
    if (device === undefined) {
      await deps.link.answer(thing, corr, {
        v: 1,
        kind: 'error',
        code: 'UNKNOWN_DEVICE',
        message: 'not in the registry',
      })
      throw new InputError(
        'UNKNOWN_DEVICE',
        `thing ${thing} has no attributes "fleet" and "hardware" in the registry`,
        'thing',
      )
    }
    const fleet = (await deps.store.get<FleetRow>(keys.fleet(device.fleet)))?.data
    const current = fleet?.envelope
    const upToDate =
      have !== null && fleet !== undefined && have.epoch === fleet.epoch && have.counter >= fleet.counter
    await deps.link.answer(
      thing,
      corr,
      current === undefined || upToDate
        ? { v: 1, kind: 'unchanged' }
        : { v: 1, kind: 'manifest', manifest: current },
    )
  })

export const handler = lambda({}, (_env, core) =>
  answerDevice({ ...core, link: deviceLink(), registry: iotRegistry(core.now) }),
)
