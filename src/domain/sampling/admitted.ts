import type { AdmittedSample, AdmittedSamples } from '../../contracts/admitted-samples.ts'
import { type ErasedSamples, storedSamples } from '../../contracts/erased-samples.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import type { LabelledRows } from '../dataset/parse.ts'
import { type ErasedAdmittedRow, keys } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { Core, Objects } from '../ports.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'
import type { Labelled } from './admit.ts'
import { checkRow } from './row.ts'
import type { Revoked } from './standing.ts'

export const MAX_ADMITTED_BYTES = 256 * 1024 * 1024

export const admittedKey = (model: string, digest: string): string => `field/${model}/${digest}/samples.json`
/** The report is named by its own digest: another decision on the same samples may have left out others. */
export const admissionReportKey = (model: string, digest: string, report: string): string =>
  `field/${model}/${digest}/report-${report}.json`

/** Canonical bytes: the same samples are the same bytes, whichever decision let them through. */
export function admittedBytes(config: ModelConfig, samples: readonly Labelled[]): Uint8Array {
  const document: AdmittedSamples = {
    model: config.name,
    features: config.features.map(f => f.name),
    classes: config.label.classes,
    samples: samples.map(({ eventId, thing, receivedAt, row, label, pi, labelledAt }) => ({
      eventId,
      thing,
      receivedAt,
      row: [...row],
      label,
      pi,
      ...(labelledAt === undefined ? {} : { labelledAt }),
    })),
  }
  return Buffer.from(canonicalJson(document))
}

/**
 * What is left of an admitted object, by the digest under which it was admitted: the object itself, or the one in its
 * place since something of it was erased. Held to its digest; throws EdgeloopError ILLEGAL_STATE when it is another.
 */
export async function readAdmitted(
  deps: Pick<Core, 'store'> & { readonly artefacts: Pick<Objects, 'get'> },
  model: string,
  original: string,
): Promise<AdmittedSamples> {
  const current = async (): Promise<string> =>
    (await deps.store.get<ErasedAdmittedRow>(keys.erasedAdmitted(model, original)))?.data.current ?? original
  const digest = await current()
  try {
    return await readCurrent(deps, model, digest)
  } catch (error) {
    // Erased between the two reads; without the right to list, S3 says of a missing object that it is forbidden.
    const now = await current()
    if (now === digest) throw error
    return readCurrent(deps, model, now)
  }
}

async function readCurrent(
  { artefacts }: { readonly artefacts: Pick<Objects, 'get'> },
  model: string,
  digest: string,
): Promise<AdmittedSamples> {
  const key = admittedKey(model, digest)
  const { bytes } = await artefacts.get(key, { maxBytes: MAX_ADMITTED_BYTES })
  return parseAdmitted(key, digest, bytes)
}

/** An admitted object, or what is left of one; throws EdgeloopError ILLEGAL_STATE when it has another digest. */
export function parseAdmitted(
  key: string,
  digest: string,
  bytes: Uint8Array,
): AdmittedSamples | ErasedSamples {
  if (sha256Hex(bytes) !== digest) {
    throw new EdgeloopError('ILLEGAL_STATE', `${key} has the digest ${sha256Hex(bytes)}: it was changed`)
  }
  return storedSamples.parse(JSON.parse(new TextDecoder().decode(bytes)))
}

/**
 * What of an admitted set still fits: a set is used again by later drops, and in between model.yaml may have changed
 * or a device may have been revoked.
 */
export function stillFit(
  { features, classes, samples }: AdmittedSamples,
  config: ModelConfig,
  revoked: Revoked,
): AdmittedSample[] {
  if (features.join() !== config.features.map(f => f.name).join()) return []
  if (canonicalJson(classes) !== canonicalJson(config.label.classes)) return []
  return samples.filter(({ thing, receivedAt, row }) => {
    if (revoked(thing, receivedAt)) return false
    try {
      checkRow(row, config, 'row')
      return true
    } catch (error) {
      if (error instanceof InputError) return false
      throw error
    }
  })
}

export const admittedRows = (samples: readonly AdmittedSample[]): LabelledRows => ({
  features: samples.map(s => s.row.map(v => (v === null ? Number.NaN : v))),
  labels: samples.map(s => s.label),
})
