import { standsRevoked } from '../domain/device/revoked.ts'
import type { DeviceRow } from '../domain/entities.ts'
import { keys, listings, type VersionRow, versionListing } from '../domain/entities.ts'
import type { Core } from '../domain/ports.ts'
import { type FleetSight, planRollout as plan } from '../domain/rollout/plan.ts'
import { ENGINE } from '../domain/rollout/types.ts'
import { put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** Up to here every device is looked at; a larger fleet is known by its size, since a hash draws it evenly. */
const MAX_LISTED = 2_000

/** A signed version, or one that a person asks for again, gets a rollout: phases, arms, and what each can prove. */
export const planRollout = (deps: Core) =>
  fromBus(deps, async event => {
    const { type, data, cause } = parseBusEvent(event, ['PackageSigned', 'RolloutRequested', 'CheckDue'])
    if (type === 'CheckDue' && data.kind !== 'package') return
    const { model, version } = data
    if (model === undefined || version === undefined) return
    const row = await deps.store.get<VersionRow>(keys.version(model, version))
    if (row?.data.status !== 'PACKAGED') return
    const { config, packages } = row.data
    const { id, ...asked } = origin({ type, data }, `${model}-v${version}`)
    if ((await deps.store.get(keys.rollout(id))) !== undefined) return

    const planned = plan({
      ...{ id, model, version, ...asked, fleet: config.fleet, slot: config.slot, policy: config.rollout },
      releases: Object.fromEntries(
        packages.map(p => [
          p.hardware,
          { model, version, runtime: p.runtime, bundle: p.bundle, package: p.package },
        ]),
      ),
      // By the packages and the rollout, so that not the same devices are the canaries every time.
      seed: sha256Hex([id, ...packages.map(p => p.bundle.sha256)].join()).slice(0, 32),
      sight: await sightOf(deps, config.fleet),
      at: deps.now(),
      generation: cause.generation,
    })
    const rollout = { ...planned, correlationId: cause.correlationId }
    await deps.store.commit(
      [
        put(keys.rollout(id), rollout, undefined, {
          list: { pk: listings.rollouts, sk: `${rollout.createdAt}#${id}` },
          pending: { kind: 'rollout', since: rollout.phaseSince },
        }),
        // The version is done; what is left to do is the rollout's.
        put(row.key, row.data, row, { list: versionListing(model, version) }),
      ],
      [{ type: 'RolloutPlanned', data: { rollout: id, model, version, fleet: config.fleet } }],
      cause,
    )
  })

type Request = BusEvent<'RolloutRequested'>['data']
function origin(
  { type, data }: { readonly type: string; readonly data: unknown },
  id: string,
): { readonly id: string; readonly by: string; readonly start: boolean } {
  if (type !== 'RolloutRequested') return { id, by: ENGINE, start: true }
  const { rollout, by, start } = data as Request
  return { id: rollout, by, start }
}

async function sightOf(deps: Core, fleet: string): Promise<FleetSight> {
  const listing = listings.devices(fleet)
  const rows = await deps.store.list<DeviceRow>(listing, { limit: MAX_LISTED + 1 })
  const devices = rows.map(r => r.data).filter(d => !standsRevoked(d))
  if (rows.length <= MAX_LISTED) return { kind: 'devices', devices }
  const size = await deps.store.countListed(listing)
  // Which share has which hardware is taken from those that were read.
  const byHardware: Record<string, number> = {}
  for (const { hardware } of devices) byHardware[hardware] = (byHardware[hardware] ?? 0) + size / rows.length
  return { kind: 'size', byHardware }
}

export const handler = lambda({}, (_env, core) => planRollout(core))
