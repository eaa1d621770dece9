import { standsRevoked } from '../domain/device/revoked.ts'
import { type DeviceRow, keys, listings, type VersionRow, versionListing } from '../domain/entities.ts'
import type { Core } from '../domain/ports.ts'
import { canaryExposure, placement } from '../domain/rollout/placement.ts'
import type { Rollout } from '../domain/rollout/rollout.ts'
import { put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** A signed version gets a rollout for its fleet, with its canaries drawn by hash. */
export const planRollout = (deps: Core) =>
  fromBus(deps, async event => {
    const { type, data, cause } = parseBusEvent(event, ['PackageSigned', 'CheckDue'])
    if (type === 'CheckDue' && data.kind !== 'package') return
    const { model, version } = data
    if (model === undefined || version === undefined) return
    const row = await deps.store.get<VersionRow>(keys.version(model, version))
    if (row?.data.status !== 'PACKAGED') return
    const { config, packages } = row.data
    const id = `${model}-v${version}`
    if ((await deps.store.get(keys.rollout(id))) !== undefined) return

    const devices = (await deps.store.list<DeviceRow>(listings.devices(config.fleet))).map(r => r.data)
    const hardware = new Set(packages.map(p => p.hardware))
    const things = devices.filter(d => hardware.has(d.hardware) && !standsRevoked(d)).map(d => d.thing)
    // The seed depends on the packages, so that not the same devices are the canaries of every version.
    const seed = sha256Hex(packages.map(p => p.bundle.sha256).join()).slice(0, 32)
    const { canary, maxInstallFailureRate, deadlineMinutes } = config.rollout
    const exposure = canaryExposure(seed, things, canary.exposure, canary.minDevices)
    const at = deps.now().toISOString()
    const rollout: Rollout = {
      id,
      model,
      version,
      fleet: config.fleet,
      slot: config.slot,
      releases: Object.fromEntries(
        packages.map(p => [
          p.hardware,
          { model, version, runtime: p.runtime, bundle: p.bundle, package: p.package },
        ]),
      ),
      seed,
      exposure,
      canaries: things.filter(thing => placement(seed, thing) < exposure),
      maxFailureRate: maxInstallFailureRate,
      deadlineMinutes,
      status: 'PLANNED',
      phaseSince: at,
      history: [],
      generation: cause.generation,
    }
    await deps.store.commit(
      [
        put(keys.rollout(id), rollout, undefined, {
          list: { pk: listings.rollouts, sk: `${at}#${id}` },
          pending: { kind: 'rollout', since: at },
        }),
        // The version is done; what is left to do is the rollout's.
        put(row.key, row.data, row, { list: versionListing(model, version) }),
      ],
      [{ type: 'RolloutPlanned', data: { rollout: id, model, version, fleet: config.fleet } }],
      cause,
    )
  })

export const handler = lambda({}, (_env, core) => planRollout(core))
