import { createHash, X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { provisioningRequest } from '../contracts/aws.ts'
import { enrolmentParameters, type HookAnswer } from '../contracts/enrolment.ts'
import { putEnrolment } from '../domain/device/allow-list.ts'
import { type BucketLimits, takeToken } from '../domain/device/token-bucket.ts'
import { vet } from '../domain/device/vet.ts'
import { type BucketRow, type EnrolmentRow, keys } from '../domain/entities.ts'
import { EdgeloopError, InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import { put } from '../domain/store.ts'
import { parseOrReject, retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface VetDeviceDeps extends Core, BucketLimits {}

type Request = z.infer<typeof provisioningRequest>
const KEEP_BUCKET_DAYS = 2
/** Many devices share a claim certificate, and so its bucket, and AWS IoT waits for five seconds. */
const CONTENTION = { tries: 12, pauseMs: 60 }
const REFUSED: HookAnswer = { allowProvisioning: false }

/**
 * Pre-provisioning hook: may the device that holds this new certificate become the thing of its serial? Only if the
 * serial is on the allow-list and nobody else's key has used it; fleet and hardware come from the list.
 */
export const vetDevice =
  (deps: VetDeviceDeps) =>
  async (event: unknown): Promise<HookAnswer> => {
    const request = provisioningRequest.safeParse(event)
    if (!request.success) {
      deps.log.error('NO_PROVISIONING_REQUEST', { issue: request.error.issues[0]?.message })
      return REFUSED
    }
    try {
      return await retryOnConflict(() => admit(deps, request.data), CONTENTION)
    } catch (error) {
      if (error instanceof InputError) await refuse(deps, request.data, error)
      // What cannot be decided now is not allowed; the device asks again.
      else if (error instanceof EdgeloopError) deps.log.error('NOT_DECIDED', { error: error.message })
      else throw error
      return REFUSED
    }
  }

async function admit(deps: VetDeviceDeps, request: Request): Promise<HookAnswer> {
  const { claimCertificateId: claim, certificateId, certificatePem } = request
  const now = deps.now()
  const bucket = await deps.store.get<BucketRow>(keys.claim(claim))
  const taken = takeToken(bucket?.data, now, deps)
  if (taken === undefined)
    throw new InputError(
      'RATE_LIMITED',
      `claim certificate ${claim} has asked for more than ${deps.perMinute} devices a minute`,
      'claimCertificateId',
    )
  const ttl = Math.floor(now.getTime() / 1000) + KEEP_BUCKET_DAYS * 86_400
  const pay = put(keys.claim(claim), taken, bucket, { ttl })
  try {
    const { SerialNumber: serial } = parseOrReject(enrolmentParameters, request.parameters)
    const row = await deps.store.get<EnrolmentRow>(keys.enrolment(serial))
    const publicKey = publicKeyOf(certificatePem)
    const next = vet(row?.data, { serial, certificateId, publicKey, claim }, now)
    await deps.store.commit(next === row?.data ? [pay] : [pay, putEnrolment(next, row)])
    deps.log.info('DEVICE_VETTED', { serial, certificateId, claim })
    const { fleet, hardware } = next
    return {
      allowProvisioning: true,
      parameterOverrides: { SerialNumber: serial, Fleet: fleet, Hardware: hardware },
    }
  } catch (error) {
    // Guessing serials costs as much as having one.
    if (error instanceof InputError) await deps.store.commit([pay])
    throw error
  }
}

function publicKeyOf(pem: string): string {
  try {
    const { publicKey } = new X509Certificate(pem)
    return createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex')
  } catch (error) {
    throw new InputError(
      'BAD_CERTIFICATE',
      `not a certificate: ${(error as Error).message}`,
      'certificatePem',
    )
  }
}

/** Kept for operators: a refusal here may be a cloned claim. One record a minute of a flood is enough. */
async function refuse(deps: Core, request: Request, error: InputError): Promise<void> {
  const { claimCertificateId, certificateId, parameters } = request
  const flood = error.reason === 'RATE_LIMITED'
  const serial = enrolmentParameters.shape.SerialNumber.safeParse(parameters['SerialNumber'])
  const minute = Math.floor(deps.now().getTime() / 60_000)
  await rejectInput(
    deps,
    {
      channel: 'mqtt',
      subject: flood
        ? `enrolments by claim ${claimCertificateId}`
        : `enrolment by claim ${claimCertificateId}`,
      instance: flood ? String(minute) : certificateId,
      ...(serial.success && !flood ? { thing: serial.data } : {}),
      payload: Buffer.from(JSON.stringify(parameters)),
    },
    error,
  )
}

const whole = z.coerce.number().int().min(1).max(100_000)
export const handler = lambda(
  { ENROLMENTS_PER_MINUTE: whole, ENROLMENT_BURST: whole },
  ({ ENROLMENTS_PER_MINUTE: perMinute, ENROLMENT_BURST: burst }, core) =>
    vetDevice({ ...core, perMinute, burst }),
)
