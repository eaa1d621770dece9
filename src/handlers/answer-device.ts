import { deviceLink, iotRegistry } from '../adapters/devices.ts'
import type { DsseEnvelope } from '../contracts/manifest.ts'
import { type FleetRow, keys, type TrustRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, DeviceLink, Registry } from '../domain/ports.ts'
import { lambda } from '../runtime/lambda.ts'
import { handleUplink } from '../runtime/uplink.ts'

export interface AnswerDeviceDeps extends Core {
  readonly link: DeviceLink
  readonly registry: Registry
}

/**
 * `ask`: the pull path. A device gets what it lacks of the trust chain, the beacon, and the newest manifest, skipping
 * all between.
 */
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
    const [fleet, trust] = await Promise.all([
      deps.store.get<FleetRow>(keys.fleet(device.fleet)),
      deps.store.get<TrustRow>(keys.trust()),
    ])
    await deps.link.answer(thing, corr, {
      v: 1,
      kind: 'state',
      chain: (trust?.data.chain ?? []).slice(have.root),
      beacon: fleet?.data.beacon?.envelope ?? null,
      manifest: newerManifest(fleet?.data, have.manifest),
    })
  })

function newerManifest(
  fleet: FleetRow | undefined,
  have: { readonly epoch: number; readonly counter: number } | null,
): DsseEnvelope | null {
  if (fleet?.envelope === undefined) return null
  const { epoch, counter, envelope } = fleet
  return have !== null && (have.epoch > epoch || (have.epoch === epoch && have.counter >= counter))
    ? null
    : envelope
}

export const handler = lambda({}, (_env, core) =>
  answerDevice({ ...core, link: deviceLink(), registry: iotRegistry(core.now) }),
)
