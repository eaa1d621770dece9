import type { LineageDocument, LineageNode } from '../../contracts/lineage.ts'
import type { ErasedSampleRow, SampleRow, VersionRow } from '../entities.ts'
import type { DeviceEvidence } from '../rollout/evidence.ts'
import type { Rollout } from '../rollout/types.ts'
import { type Chain, createChain } from './chain.ts'
import { deliveryNode, labelNode, packageNode, predictionNode, rolloutNode, rolloutTo } from './delivery.ts'
import { type VersionRecord, versionNodes } from './version.ts'

/** What is asked about: a version with all its packages, one package, or one prediction of a device. */
export interface Question {
  readonly record: VersionRecord
  /** Of one package; undefined: all. */
  readonly hardware?: string
  /** Rollouts of the version that are on record. */
  readonly rollouts: readonly Rollout[]
  /** A device, and the time (ISO) at which it answered. */
  readonly device?: { readonly thing: string; readonly hardware: string; readonly at: string }
  /** What the device reported about the rollout that brought the package. */
  readonly evidence?: DeviceEvidence
  readonly sample?: SampleRow
  /** In place of the sample; with the digest of its event id. */
  readonly erased?: ErasedSampleRow & { readonly eventId: string }
}

/** The whole chain of one question, from rows alone. */
export function lineageOf(question: Question): LineageDocument {
  const { record, hardware, sample, erased } = question
  const chain = createChain()
  const release = versionNodes(chain, record)
  const row = record.version
  let subject = release
  if (row.status === 'PACKAGED') {
    const wanted = hardware === undefined ? row.packages.map(p => p.hardware).sort() : [hardware]
    const packages = wanted.flatMap(hw => packageNode(chain, row, hw, release) ?? [])
    if (packages.length === 1) subject = packages[0] ?? release
    subject = delivered(chain, question, packages) ?? subject
  } else chain.missing('package', `version ${row.version} is ${row.status}: nothing is signed`)
  if (erased !== undefined) {
    const { eventId, erasedAt, reason } = erased
    const facts = { eventId, erasedAt, reason, samples: 1, admitted: null, current: null }
    chain.missing(
      'prediction',
      `it was erased ${erasedAt}, and with it which package of the version answered`,
    )
    subject = chain.add('erasure', eventId, facts, [subject])
  }
  if (sample !== undefined) {
    tellHardware(chain, question)
    subject = predictionNode(chain, sample, row, question.device?.hardware ?? '', subject)
    labelNode(chain, sample, subject)
    chain.missing(
      'certificate of the device',
      'the broker vouched for the thing that sent it; which of its certificates it used is not kept',
    )
  }
  return {
    ...{ v: 1, subject: subject.id, model: row.model, version: row.version },
    nodes: [...chain.nodes],
    anchor: anchorOf(row, release, chain),
    unknown: [...chain.unknown],
  }
}

function tellHardware(chain: Chain, { sample, device }: Question): void {
  if (device === undefined)
    chain.missing(
      'hardware',
      'neither the bundle that answered nor the device is on record; all packages are told',
    )
  else if (sample?.bundle === undefined)
    chain.missing(
      'bundle',
      'the sample came before bundles were kept with samples; the package is that for the hardware of the device as it is now',
    )
}

/** How the package came to the device, or, where no device is asked about, every rollout of it. */
function delivered(
  chain: Chain,
  { rollouts, device, evidence }: Question,
  packages: readonly LineageNode[],
): LineageNode | undefined {
  if (device === undefined) {
    for (const rollout of rollouts) rolloutNode(chain, rollout, packages)
    if (rollouts.length === 0) chain.missing('rollout', 'none of this version is on record')
    return undefined
  }
  const found = rolloutTo(rollouts, device, device.at)
  if (found === undefined) {
    chain.missing(
      'rollout',
      `no rollout on record had brought this package to ${device.thing} by ${device.at}`,
    )
    return undefined
  }
  const { rollout, way } = found
  const out = rolloutNode(chain, rollout, packages)
  return deliveryNode(chain, rollout, way, device, evidence, [out, ...packages])
}

function anchorOf(row: VersionRow, release: LineageNode, chain: Chain): LineageDocument['anchor'] {
  if (row.status !== 'PACKAGED') return null
  if (row.lineage === undefined) {
    chain.missing('anchor', 'the version was signed before lineages were anchored')
    return null
  }
  return { node: release.id, digest: row.lineage.digest, at: row.lineage.at }
}

/** Digest to write down when a version is signed; undefined while a target is not compiled. */
export function anchorDigest(record: VersionRecord): string | undefined {
  const node = versionNodes(createChain(), record)
  return node.kind === 'release' ? node.digest : undefined
}
