import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { type EnrolmentEntry, enrolmentEntry } from '../contracts/enrolment.ts'
import { allow } from '../domain/device/allow-list.ts'
import {
  type EnrolmentLine,
  MAX_ENROLMENT_CSV_BYTES,
  readEnrolmentCsv,
} from '../domain/device/enrolment-csv.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import { recordingRefusals, toDrop } from '../runtime/drops.ts'
import { fromBus, parseOrReject, retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface AllowDevicesDeps extends Core {
  readonly drops: Objects
}
type Drop = ReturnType<typeof toDrop>

/** A list `devices/*.csv` was dropped: its devices may enrol. A bad line is refused alone. */
export const allowDevices = (deps: AllowDevicesDeps) =>
  fromBus(deps, async event => {
    const drop = toDrop(parseOrReject(s3ObjectCreated, event).detail)
    await recordingRefusals(deps, drop, () => retryOnConflict(() => allowFile(deps, drop)))
  })

async function allowFile(deps: AllowDevicesDeps, drop: Drop): Promise<void> {
  const { key, versionId, cause } = drop
  if (!/^devices\/[^/]+\.csv$/.test(key))
    throw new InputError('BAD_KEY', `the key must be devices/NAME.csv; got "${key}"`, 'key')
  const { bytes } = await deps.drops.get(key, {
    maxBytes: MAX_ENROLMENT_CSV_BYTES,
    ...(versionId ? { versionId } : {}),
  })
  const good: { line: EnrolmentLine; entry: EnrolmentEntry }[] = []
  for (const line of readEnrolmentCsv(bytes)) {
    try {
      good.push({ line, entry: parseOrReject(enrolmentEntry, line.entry) })
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      await refuse(deps, drop, line, error)
    }
  }
  const by = `s3:${key}${versionId ? `#${versionId}` : ''}`
  const outcomes = await allow(
    deps,
    good.map(g => g.entry),
    { by, request: cause.correlationId },
  )
  for (const [i, outcome] of outcomes.entries()) {
    const line = good[i]?.line
    if (outcome instanceof InputError && line !== undefined) await refuse(deps, drop, line, outcome)
  }
  deps.log.info('DEVICES_ALLOWED', { key, allowed: outcomes.filter(o => o === 'ALLOWED').length })
}

function refuse(deps: Core, drop: Drop, { line, text }: EnrolmentLine, error: InputError): Promise<void> {
  const { key, versionId, cause } = drop
  const instance = `${versionId ?? cause.correlationId}#${line}`
  const at = new InputError(error.reason, `line ${line}: ${error.message}`, error.field)
  return rejectInput(deps, { channel: 's3', subject: key, instance, payload: Buffer.from(text) }, at, cause)
}

export const handler = lambda({ DROP_BUCKET: z.string().min(1) }, (env, core) =>
  allowDevices({ ...core, drops: bucketObjects(env.DROP_BUCKET) }),
)
