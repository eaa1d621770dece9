/** What must hold after every step, whatever was lost, doubled, cut or commanded before it. */
import type { State } from '../../../device/state.ts'
import { blobFile } from '../../../device/update/files.ts'
import type {
  Bars,
  DsseEnvelope,
  FleetManifest,
  ManifestSlot,
  Release,
} from '../../../src/contracts/manifest.ts'
import type { FleetRow } from '../../../src/domain/entities.ts'
import { contribution, type DeviceEvidence, type Outcome } from '../../../src/domain/rollout/evidence.ts'
import { isBarred } from '../../../src/domain/rollout/fleet.ts'
import { placement } from '../../../src/domain/rollout/placement.ts'
import {
  ENGINE,
  type Rollout,
  type RolloutStatus,
  terminalRollout,
} from '../../../src/domain/rollout/types.ts'
import type { Write } from '../../../src/domain/store.ts'
import { sha256 } from '../../device/helpers.ts'
import type { MemoryStore } from '../../loop/memory-store.ts'
import type { BackendWatch } from './backend.ts'
import type { FieldDevice, FieldWatch } from './field.ts'
import { FLEET, SLOT } from './products.ts'

type Kept = State['outbox'][number]['body']
const ORDER: readonly (Outcome | null)[] = [null, 'RETRYABLE', 'COMMITTED', 'FAILED', 'REFUSED']
const STEADY: readonly RolloutStatus[] = ['RUNNING', 'PAUSED', 'HELD']

/** What a manifest's entry wants of a device: the active release or null for what runs, and the one in the shadow. */
export function wantOf({ candidate, committed, pins }: ManifestSlot, thing: string) {
  const pin = pins[thing]
  const drawn =
    candidate !== null &&
    (pin === undefined
      ? placement(candidate.seed, thing) < candidate.exposure
      : pin === candidate.release.bundle.sha256)
  if (drawn && candidate.mode === 'active')
    return { active: candidate.release, rollout: candidate.rollout, shadow: null }
  const stays = pin !== undefined && !drawn && pin !== committed?.bundle.sha256
  return { active: stays ? null : committed, rollout: undefined, shadow: drawn ? candidate.release : null }
}

export class Checks implements BackendWatch, FieldWatch {
  readonly faults: string[] = []
  /** By `epoch.counter`. */
  readonly manifests = new Map<string, { digest: string; predicate: FleetManifest['predicate'] }>()
  /** Terminal reports that a device ever had on its disk, by `thing epoch-seq`. */
  readonly kept = new Map<string, { thing: string; body: Kept }>()
  /** How often each device took a manifest, and what it logged beside that. */
  readonly accepted = new Map<string, number>()
  readonly codes = new Map<string, number>()
  /** Commands that were answered with 202. */
  readonly taken = new Set<string>()
  /** Switches of the active model that are on a disk. */
  switches = 0
  private readonly store: () => MemoryStore
  private readonly onStep: () => void
  private readonly statuses = new Map<string, RolloutStatus>()
  private readonly outcomes = new Map<string, Outcome | null>()
  private readonly whole = new WeakSet<Uint8Array>()
  constructor(store: () => MemoryStore, onStep: () => void) {
    this.store = store
    this.onStep = onStep
  }
  fault(text: string): void {
    this.faults.push(text)
  }
  stepped(): void {
    this.onStep()
  }
  /** What was already so when a race goes on from a snapshot. */
  know(earlier: Checks): void {
    for (const [at, manifest] of earlier.manifests) this.manifests.set(at, manifest)
    for (const [number, report] of earlier.kept) this.kept.set(number, report)
    for (const [id, status] of earlier.statuses) this.statuses.set(id, status)
    for (const [key, outcome] of earlier.outcomes) this.outcomes.set(key, outcome)
  }

  committed(writes: readonly Write[]): void {
    const shards = new Set<string>()
    for (const write of writes) {
      const { pk, sk } = write.key
      if (pk.startsWith('EVIDENCE#')) shards.add(pk)
      if (write.kind !== 'put') continue
      if (sk === 'FLEET') this.fleet(write.data as FleetRow)
      if (sk === 'ROLLOUT') this.rollout(write.data as Rollout)
      if (pk.startsWith('EVIDENCE#')) this.evidence(pk, write.data as DeviceEvidence)
      if (sk === 'REJECTION') this.fault(`an honest message was refused: ${JSON.stringify(write.data)}`)
    }
    for (const pk of shards) this.counters(pk)
    if (writes.some(w => w.key.sk === 'FLEET' || w.key.sk === 'ROLLOUT')) this.candidateIsOut()
  }
  private fleet({ envelope, slots, bars, counter, epoch }: FleetRow): void {
    if (envelope === undefined) return
    const { payload } = envelope as DsseEnvelope
    const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as FleetManifest
    const digest = sha256(payload)
    const at = `${predicate.epoch}.${predicate.counter}`
    const known = this.manifests.get(at)
    if (known !== undefined && known.digest !== digest) this.fault(`two manifests have the counter ${at}`)
    if (at !== `${epoch}.${counter}`) this.fault(`the fleet is at ${epoch}.${counter}, its manifest at ${at}`)
    this.manifests.set(at, { digest, predicate })
    for (const { committed, candidate } of slots)
      for (const release of [committed, candidate?.release ?? null])
        if (release !== null && isBarred(release, bars))
          this.fault(`manifest ${at} names ${release.model}@${release.version}, which may not run any more`)
  }
  private rollout({ id, status, version, createdBy, before }: Rollout): void {
    const old = this.statuses.get(id)
    this.statuses.set(id, status)
    if (old === status || old === undefined) return
    const deposed = old === 'COMPLETED' && status === 'ROLLED_BACK'
    if (terminalRollout(old) && !deposed) this.fault(`rollout ${id} went from ${old} to ${status}`)
    const replaced = Math.max(0, ...Object.values(before).map(release => release?.version ?? 0))
    if (old === 'PLANNED' && status === 'RUNNING' && createdBy === ENGINE && replaced > version)
      this.fault(`the loop brings version ${version} in place of version ${replaced}`)
  }
  /** A phase's manifest holds as long as its rollout is neither ended nor barred. */
  private candidateIsOut(): void {
    const { rows } = this.store()
    const fleet = rows.get(`FLEET#${FLEET}\nFLEET`)
    if (fleet === undefined) return
    const { active, slots, bars } = JSON.parse(fleet.data) as FleetRow
    for (const [slot, id] of Object.entries(active)) {
      const rollout = JSON.parse(rows.get(`ROLLOUT#${id}\nROLLOUT`)!.data) as Rollout
      if (!STEADY.includes(rollout.status)) continue
      for (const [hardware, release] of Object.entries(rollout.releases)) {
        const entry = slots.find(s => s.slot === slot && s.hardware === hardware)
        if (entry?.candidate?.rollout !== id && !isBarred(release, bars))
          this.fault(`rollout ${id} is ${rollout.status}, and the manifest does not have its candidate`)
      }
    }
  }
  private evidence(pk: string, { thing, outcome }: DeviceEvidence): void {
    const key = `${pk} ${thing}`
    const before = this.outcomes.get(key) ?? null
    this.outcomes.set(key, outcome)
    if (ORDER.indexOf(outcome) < ORDER.indexOf(before))
      this.fault(`the ledger took ${before} of ${key} back for ${outcome}`)
  }
  private counters(pk: string): void {
    const sum: Record<string, number> = {}
    let counters: Readonly<Record<string, number>> = {}
    for (const row of this.store().rows.values()) {
      if (row.key.pk !== pk) continue
      if (row.key.sk === 'COUNTS') counters = row.counters
      else
        for (const [name, n] of Object.entries(contribution(JSON.parse(row.data) as DeviceEvidence)))
          sum[name] = (sum[name] ?? 0) + n
    }
    for (const name of new Set([...Object.keys(sum), ...Object.keys(counters)]))
      if ((sum[name] ?? 0) !== (counters[name] ?? 0))
        this.fault(`${pk} counts ${counters[name] ?? 0} ${name}, the devices' rows ${sum[name] ?? 0}`)
  }

  logged({ thing }: FieldDevice, code: string, { reason }: Readonly<Record<string, unknown>>): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    if (code === 'MANIFEST_ACCEPTED') this.accepted.set(thing, (this.accepted.get(thing) ?? 0) + 1)
    if (
      [
        'STATE_LOST',
        'ACTIVE_DAMAGED',
        'SHADOW_DAMAGED',
        'TIMER_FAILED',
        'MESSAGE_FAILED',
        'CONNECT_FAILED',
      ].includes(code)
    )
      this.fault(`${thing} logged ${code}: ${reason}`)
  }
  wrote(device: FieldDevice, before: State | undefined, after: State): void {
    const { thing } = device
    const [old, now] = [before?.slots[SLOT], after.slots[SLOT]]
    const reports = after.outbox.filter(r => !before?.outbox.some(o => o.seq === r.seq))
    for (const { seq, body } of reports) this.keep(thing, `${after.epoch}-${seq}`, body)
    for (const { seq } of before?.outbox ?? [])
      if (!after.outbox.some(r => r.seq === seq) && !this.recorded(thing, `${before?.epoch}-${seq}`))
        this.fault(`${thing} forgot report ${seq}, which the cloud never had`)
    if (now === undefined) return
    for (const release of [now.active, now.previous]) if (release) this.isWhole(device, release)
    const place = ({ trust }: State) =>
      trust.manifest ? [trust.manifest.epoch, trust.manifest.counter] : [0, 0]
    if (before !== undefined && compare(place(after), place(before)) < 0)
      this.fault(`${thing} went back to manifest ${place(after).join('.')}`)
    const [was, is] = [old?.active?.bundle.sha256 ?? null, now.active?.bundle.sha256 ?? null]
    if (was === is) return
    const barred = old?.active && isBarred(old.active, barsIn(after))
    if (barred && is === (old?.previous?.bundle.sha256 ?? null)) return
    this.switches++
    const entry = this.entry(after)
    const want = entry && wantOf(entry, thing)
    if (is === null) this.fault(`${thing} has no model any more`)
    else if (want?.active?.bundle.sha256 !== is)
      this.fault(
        `${thing} took ${is.slice(0, 8)}, which its manifest ${place(after).join('.')} does not want`,
      )
    const said = reports.filter(r => r.body.step === 'COMMITTED' && r.body.bundle === is)
    if (said.length !== 1) this.fault(`${thing} switched with ${said.length} reports in the same write`)
  }
  /** The entry of the manifest that a device has taken. */
  entry({ trust: { manifest } }: State): ManifestSlot | undefined {
    const known = manifest && this.manifests.get(`${manifest.epoch}.${manifest.counter}`)
    return known?.predicate.slots.find(s => s.slot === SLOT)
  }
  private keep(thing: string, number: string, body: Kept): void {
    const key = `${thing} ${number}`
    if (this.kept.has(key)) this.fault(`${thing} used the number ${number} for two reports`)
    this.kept.set(key, { thing, body })
  }
  recorded(thing: string, number: string): boolean {
    const [epoch, seq] = number.split('-')
    return this.store().rows.has(`DEVICE#${thing}\nMESSAGE#${epoch}#${seq}`)
  }
  private isWhole({ thing, disk }: FieldDevice, release: Release): void {
    for (const { sha256: digest, length } of [release.bundle, release.package]) {
      const bytes = disk.files.get(blobFile(digest))
      if (bytes !== undefined && this.whole.has(bytes)) continue
      if (bytes?.byteLength !== length || sha256(bytes) !== digest)
        this.fault(
          `${thing} names ${release.model}@${release.version}, and its files are not whole on the disk`,
        )
      else this.whole.add(bytes)
    }
  }
  /** What answers is what the disk says. */
  answers({ thing, agent, durable, disk }: FieldDevice): void {
    if (agent === undefined || disk.dead) return
    const { active, shadow } = agent.status().slots[SLOT]!
    const slot = durable?.slots[SLOT]
    if (active !== (slot?.active?.bundle.sha256 ?? null))
      this.fault(`${thing} answers from ${active?.slice(0, 8)}, its disk says ${slot?.active?.version}`)
    const ready = slot?.shadow?.ready ? slot.shadow.release.bundle.sha256 : null
    if (shadow !== ready)
      this.fault(`${thing} runs ${shadow?.slice(0, 8)} in the shadow, its disk says ${ready?.slice(0, 8)}`)
  }
}

function compare([a = 0, b = 0]: readonly number[], [c = 0, d = 0]: readonly number[]): number {
  return a - c || b - d
}

/** All that bars a device with this state; the trust root's own are in its payload. */
export function barsIn({ trust }: State): Bars {
  const { payload } = JSON.parse(Buffer.from(trust.root, 'base64').toString()) as { payload: string }
  const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: Bars }
  const minimumRelease: Record<string, number> = { ...trust.bars.minimumRelease }
  for (const [model, least] of Object.entries(predicate.minimumRelease))
    minimumRelease[model] = Math.max(least, minimumRelease[model] ?? 0)
  return {
    minimumRelease,
    revokedBundles: [...trust.bars.revokedBundles, ...predicate.revokedBundles],
  }
}
