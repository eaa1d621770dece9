import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import type { ModelConfig } from '../contracts/model-config.ts'
import {
  type AdmissionRow,
  type DecisionRow,
  keys,
  type ModelRow,
  type SampleRow,
  type VersionRow,
} from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Objects } from '../domain/ports.ts'
import { type Admission, countCodes } from '../domain/sampling/admit.ts'
import { admissionReportKey, admittedBytes, admittedKey } from '../domain/sampling/admitted.ts'
import { admissible, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put } from '../domain/store.ts'
import { canonicalJson, sha256Hex } from '../domain/training/plan.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface AdmitSamplesDeps extends WithQuarantine {
  readonly artefacts: Objects
}

/**
 * A retrain was approved: validate what is in quarantine and write what passes as one object, named by its digest, with
 * a report of everything that was left out and why. This is the only way from a device to a training set, and the only
 * role that reads the one and writes for the other.
 */
export const admitSamples = (deps: AdmitSamplesDeps) =>
  fromBus(deps, async event => {
    const { data, cause } = parseBusEvent(event, ['RetrainApproved'])
    const { model, decision, trigger } = data
    const config = (await deps.store.get<ModelRow>(keys.model(model)))?.data.config
    if (config === undefined)
      throw new InputError('MODEL_UNKNOWN', `model ${model} is not configured`, 'model')
    const decided = (await deps.store.get<DecisionRow>(keys.decision(model, decision)))?.data
    if (decided?.approved !== true)
      throw new InputError(
        'DECISION_UNKNOWN',
        `no decision ${decision} approved a retrain of ${model}`,
        'decision',
      )
    const key = keys.admission(model, decision)
    if ((await deps.store.get(key)) !== undefined) return

    const at = deps.now().toISOString()
    const versions = await deps.store.query<VersionRow>(keys.model(model).pk, 'VERSION#')
    const { samples, admission } = await admissible(
      deps,
      config,
      versions.map(r => r.data),
    )
    const bytes = admittedBytes(config, admission.admitted)
    const digest = sha256Hex(bytes)
    const report = Buffer.from(canonicalJson(reportOf(config, decision, digest, samples, admission)))
    const reportDigest = sha256Hex(report)
    await deps.artefacts.putOnce(admittedKey(model, digest), bytes, 'application/json')
    await deps.artefacts.putOnce(admissionReportKey(model, digest, reportDigest), report, 'application/json')

    const outcome = {
      admitted: admission.admitted.length,
      excluded: countCodes(admission.excluded),
      devices: new Set(admission.admitted.map(s => s.thing)).size,
    }
    const row: AdmissionRow = { decision, model, trigger, digest, report: reportDigest, ...outcome, at }
    deps.log.info('SAMPLES_ADMITTED', { model, decision, digest, ...outcome })
    await deps.store.commit(
      [put(key, row, undefined)],
      [{ type: 'SamplesAdmitted', data: { model, decision, digest, ...outcome } }],
      cause,
    )
  })

/** Nothing in it depends on the clock, so that a second run writes the same bytes. */
function reportOf(
  config: ModelConfig,
  decision: string,
  digest: string,
  samples: readonly SampleRow[],
  { admitted, excluded, devices, cap }: Admission,
): unknown {
  const perDevice = (of: readonly { readonly thing: string }[]): Record<string, number> =>
    Object.fromEntries([...Map.groupBy(of, s => s.thing)].map(([thing, own]) => [thing, own.length]))
  return {
    model: config.name,
    decision,
    digest,
    rules: config.fieldSamples,
    validDevices: devices,
    deviceCap: cap,
    admitted: admitted.map(({ eventId, thing }) => ({ eventId, thing })),
    excluded,
    devices: { inQuarantine: perDevice(samples), admitted: perDevice(admitted) },
  }
}

export const handler = lambda(
  { ARTEFACT_BUCKET: z.string().min(1), QUARANTINE_TABLE: z.string().min(1) },
  (env, core) =>
    admitSamples({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
    }),
)
