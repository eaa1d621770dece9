import type { AnswerOf } from '../../contracts/api/index.ts'
import type { ManifestSlot } from '../../contracts/manifest.ts'
import type { Baseline } from '../../contracts/packages.ts'
import { standsRevoked } from '../device/revoked.ts'
import {
  type DeviceRow,
  type DeviceWindowRow,
  type FleetRow,
  keys,
  listings,
  type MonitorRow,
  type RevocationRow,
  type VersionRow,
} from '../entities.ts'
import { InputError } from '../errors.ts'
import { latencyView } from '../monitoring/latency.ts'
import { distancesOf } from '../monitoring/own-distance.ts'
import { samplesIn, type WindowSummaryRow } from '../monitoring/summary.ts'
import { addCounts } from '../monitoring/windows.ts'
import { readBaseline } from '../package/read-baseline.ts'
import { type DeviceEvidence, shardOf } from '../rollout/evidence.ts'
import { armAt, placement } from '../rollout/placement.ts'
import type { Rollout } from '../rollout/types.ts'
import type { Range, Row, Store } from '../store.ts'
import { fits, found, listed, type Questions } from './ask.ts'

type DeviceView = AnswerOf<'listDevices'>['devices'][number]
type Detail = AnswerOf<'getDevice'>
type DeviceWindow = AnswerOf<'listDeviceWindows'>['windows'][number]

/** Of its fleet's newest rollouts so many are looked at, and of its windows. */
const ROLLOUTS = 20
const WINDOWS = 48

export function deviceView({ counted: _, slots, ...device }: DeviceRow): DeviceView {
  const shown = Object.entries(slots).map(([slot, { said: _said, ...rest }]) => [slot, rest] as const)
  return { ...device, slots: Object.fromEntries(shown) }
}

export const deviceQuestions: Questions<'listDevices' | 'getDevice' | 'listDeviceWindows'> = {
  async listDevices({ store }, { path: { fleet }, query }) {
    const { silent, hardware, model, version, step, revoked, ...paged } = query
    if ((model === undefined) !== (version === undefined))
      throw new InputError('MISSING_PARAMETER', 'model and version go together', model ? 'version' : 'model')
    const wanted = (device: DeviceRow): boolean =>
      device.fleet === fleet &&
      fits(silent, device.silent) &&
      fits(hardware, device.hardware) &&
      fits(revoked, standsRevoked(device)) &&
      (step === undefined || Object.values(device.slots).some(slot => slot.step === step)) &&
      (model === undefined ||
        Object.values(device.slots).some(
          ({ release }) => release?.model === model && release.version === version,
        ))
    const view = (device: DeviceRow | undefined) =>
      device !== undefined && wanted(device) ? deviceView(device) : undefined
    // Sets hold names; the rows are read one by one, at most a page of them.
    const set: Range | undefined =
      model !== undefined && version !== undefined
        ? { pk: keys.running(model, version, '').pk }
        : silent === true
          ? { pk: keys.silent(fleet, '').pk }
          : undefined
    const byName = async ({ key }: Row<unknown>) =>
      view((await store.get<DeviceRow>(keys.device(key.sk)))?.data)
    const { items, next } =
      set === undefined
        ? await listed<DeviceRow, DeviceView>(
            store,
            { listing: listings.devices(fleet) },
            {
              ...paged,
              filters: [silent, hardware, step, revoked].some(f => f !== undefined),
              view: row => view(row.data),
            },
          )
        : await listed<unknown, DeviceView>(store, set, { ...paged, view: byName, looks: 1 })
    return { devices: items, next }
  },

  async getDevice({ store }, { path: { thing } }) {
    const device = found(await store.get<DeviceRow>(keys.device(thing)), 'device', thing)
    const [revocation, fleet, rollouts] = await Promise.all([
      store.get<RevocationRow>(keys.revocation(thing)),
      store.get<FleetRow>(keys.fleet(device.fleet)),
      rolloutsOf(store, device),
    ])
    return {
      ...deviceView(device),
      ...(revocation ? { revocation: revocation.data } : {}),
      placements: (fleet?.data.slots ?? [])
        .filter(slot => slot.hardware === device.hardware)
        .map(slot => placed(device, slot, fleet?.data)),
      rollouts,
      problems: await problemsOf(store, device),
    }
  },

  async listDeviceWindows(deps, { path: { thing }, query }) {
    const { store } = deps
    const device = found(await store.get<DeviceRow>(keys.device(thing)), 'device', thing)
    const releases = Object.values(device.slots).flatMap(slot => slot.release ?? [])
    const release = query.model === undefined ? releases[0] : releases.find(r => r.model === query.model)
    if (release === undefined) return { windows: [] }
    const { model, version } = release
    const row = (await store.get<VersionRow>(keys.version(model, version)))?.data
    if (row?.status !== 'PACKAGED') return { windows: [] }
    const baseline = await readBaseline(deps, row.baselineDigest)
    const summaries = await store.query<WindowSummaryRow>(
      keys.windowSummary(model, version, 0).pk,
      'WINDOW#',
      {
        ...{ limit: WINDOWS, newestFirst: true },
      },
    )
    const windows = await Promise.all(
      summaries.map(async ({ data: { window } }) => {
        const { pk } = keys.window(model, version, window)
        const parts = await store.query<DeviceWindowRow>(pk, `DEVICE#${thing}#`, { limit: 10 })
        const place = { model, version, window, start: startOf(window, row.config.monitoring.windowSeconds) }
        return parts.length === 0
          ? []
          : [
              deviceWindow(
                place,
                parts.map(p => p.data),
                baseline,
              ),
            ]
      }),
    )
    return { windows: windows.flat() }
  },
}

export const startOf = (window: number, seconds: number): string =>
  new Date(window * seconds * 1_000).toISOString()

function deviceWindow(
  place: Pick<DeviceWindow, 'model' | 'version' | 'window' | 'start'>,
  parts: readonly DeviceWindowRow[],
  baseline: Baseline,
): DeviceWindow {
  const sum = (of: (part: DeviceWindowRow) => number | undefined): number =>
    parts.reduce((total, part) => total + (of(part) ?? 0), 0)
  const inferences = sum(p => p.inferences)
  const confidence = sum(p => p.confidence)
  const merged = (of: (part: DeviceWindowRow) => readonly number[] | undefined): readonly number[] =>
    parts.reduce<readonly number[]>((total, part) => addCounts(total, of(part) ?? []), [])
  return {
    ...place,
    ...{ inferences, errors: sum(p => p.errors), resets: sum(p => p.resets) },
    latencyMs: latencyView(parts.map(p => p.latency ?? {})),
    confidence: confidence === 0 ? null : confidence / inferences / 10_000,
    samples: sum(samplesIn),
    distances: distancesOf(baseline, {
      prediction: merged(p => p.prediction),
      ...Object.fromEntries(baseline.features.map(({ name }) => [name, merged(p => p.features[name])])),
    }),
  }
}

/** What the newest manifest wants of a device in a slot: the same rule as the device's own, said in a sentence. */
export function placed(
  device: DeviceRow,
  { slot, committed, candidate, pins }: ManifestSlot,
  fleet: Pick<FleetRow, 'bars'> | undefined,
): Detail['placements'][number] {
  const { thing } = device
  const runs = device.slots[slot]?.bundle ?? null
  const draw = candidate ? placement(candidate.seed, thing) : null
  const arm =
    candidate && draw !== null ? (armAt(draw, candidate.exposure, candidate.control) ?? 'between') : null
  const pin = pins[thing]
  const pinned = [candidate?.release, committed].find(r => r && r.bundle.sha256 === pin)
  const drawn = arm === 'canary' && candidate?.mode === 'active' ? candidate.release : committed
  const release = pin === undefined ? drawn : (pinned ?? null)
  const barred =
    release != null &&
    (fleet?.bars.revokedBundles.includes(release.bundle.sha256) === true ||
      release.version < (fleet?.bars.minimumRelease[release.model] ?? 0))
  const because: Detail['placements'][number]['because'] = standsRevoked(device)
    ? 'revoked'
    : pin !== undefined
      ? 'pin'
      : release == null
        ? 'nothing'
        : barred
          ? 'barred'
          : release === candidate?.release
            ? 'canary'
            : 'committed'
  const nothing = because === 'revoked' || because === 'barred' || release == null
  const wanted = nothing
    ? null
    : { model: release.model, version: release.version, bundle: release.bundle.sha256 }
  const as = wanted === null ? because === 'pin' || runs === null : runs === wanted.bundle
  const { step, code } = device.slots[slot] ?? {}
  return {
    ...{ slot, wanted, because, rollout: candidate?.rollout ?? null, arm, draw, runs, as },
    explanation: explain({
      thing,
      slot,
      because,
      wanted,
      rollout: candidate?.rollout,
      as,
      step,
      code,
      device,
    }),
  }
}

interface Explained {
  readonly thing: string
  readonly slot: string
  readonly because: Detail['placements'][number]['because']
  readonly wanted: { readonly model: string; readonly version: number } | null
  readonly rollout: string | undefined
  readonly as: boolean
  readonly step: string | undefined
  readonly code: string | undefined
  readonly device: DeviceRow
}
function explain({ thing, slot, because, wanted, rollout, as, step, code, device }: Explained): string {
  const release = wanted && `${wanted.model}@${wanted.version}`
  const should = {
    revoked: `${thing} is revoked: it is sent nothing and nothing of it counts`,
    pin: release ? `${thing} is pinned to ${release}` : `${thing} is pinned to what it runs`,
    barred: `what ${thing} would run in ${slot} is barred: it runs nothing until another release comes`,
    canary: `${thing} is a canary of ${rollout} and should run ${release}`,
    committed: `${thing} should run ${release}, which its fleet settled on`,
    nothing: `nothing is rolled out to slot ${slot} on ${device.hardware}`,
  }[because]
  if (as) return `${should}${wanted ? '; it does' : ''}.`
  const last =
    step === undefined
      ? 'it has reported nothing about it'
      : `last it said ${step}${code ? ` (${code})` : ''}`
  const away = device.silent ? `, and it has been silent since ${device.lastSeen}` : ''
  return `${should}; it does not yet: ${last}${away}.`
}

async function rolloutsOf(store: Store, { thing, fleet }: DeviceRow): Promise<Detail['rollouts']> {
  const rows = await store.list<Rollout>(listings.rollouts, { limit: ROLLOUTS, newestFirst: true })
  const theirs = rows.map(r => r.data).filter(r => r.fleet === fleet)
  const found = await Promise.all(
    theirs.map(async rollout => {
      const key = keys.evidence(rollout.id, shardOf(rollout, thing), thing)
      const evidence = (await store.get<DeviceEvidence>(key))?.data
      const arm = Object.values(evidence?.phases ?? {}).at(-1)?.arm ?? null
      if (evidence === undefined) return []
      const { started, outcome, code } = evidence
      const { id, model, version, createdAt, status } = rollout
      return [
        {
          ...{ rollout: id, model, version, createdAt, status, arm, started, outcome },
          ...(code === undefined ? {} : { code }),
        },
      ]
    }),
  )
  return found.flat()
}

async function problemsOf(store: Store, { thing, slots }: DeviceRow): Promise<Detail['problems']> {
  const releases = Object.values(slots).flatMap(slot => slot.release ?? [])
  const rows = await Promise.all(
    releases.map(async ({ model, version }) => {
      const row = await store.get<MonitorRow>(keys.monitor(model, version))
      const theirs = (row?.data.problems ?? []).filter(p => p.thing === thing)
      return theirs.map(problem => ({ ...problem, model, version }))
    }),
  )
  return rows.flat()
}
