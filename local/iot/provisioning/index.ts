import type { Authority } from '../ca/authority.ts'
import { storeCertificate } from '../control/certificates.ts'
import { type RegisterOptions, registerThing } from './register.ts'
import { encodeRejection, refuse, rejectionOf } from './rejection.ts'
import { createOwnershipTokens } from './tokens.ts'
import { type ProvisioningRequest, provisioningRequest } from './topics.ts'

/** A message that a device published on a reserved topic of this API. */
export interface DeviceRequest {
  readonly topic: string
  readonly payload: Buffer
  readonly clientId: string
  /** Of the connection: the claim certificate. */
  readonly certificateId: string
  /** Publishes to this connection only, if it subscribes to the topic and may receive it. */
  answer(topic: string, payload: Buffer): void
}

export interface Provisioning {
  /** Answers a request in its own time; never throws. */
  handle(request: DeviceRequest): void
  /** Deletes certificates that were created and not registered within the hour. */
  sweep(): void
  /** Resolves when every request is answered. */
  idle(): Promise<void>
}

/**
 * The device provisioning MQTT API, "fleet provisioning by claim": CreateCertificateFromCsr,
 * CreateKeysAndCertificate and RegisterThing on `$aws/certificates/…` and `$aws/provisioning-templates/…`.
 */
export const createProvisioning = (
  options: Omit<RegisterOptions, 'tokens'> & { readonly authority: Authority },
): Provisioning => {
  const { realm, registry, authority } = options
  const tokens = createOwnershipTokens(realm, registry)
  const running = new Set<Promise<void>>()

  const perform = async (asked: ProvisioningRequest, request: DeviceRequest): Promise<unknown> => {
    if (asked.format === 'cbor')
      throw refuse(501, 'NotImplemented', 'CBOR is not implemented by the local cloud; use the json topics.')
    const payload = readPayload(request.payload)
    tokens.sweep()
    if (asked.operation === 'RegisterThing')
      return registerThing({ ...options, tokens }, asked.templateName, request, payload)
    const { privateKeyPem, ...issued } =
      asked.operation === 'CreateKeysAndCertificate'
        ? await authority.createKeysAndCertificate()
        : { ...(await authority.signRequest(csrOf(payload))), privateKeyPem: undefined }
    storeCertificate(realm, registry, issued, 'PENDING_ACTIVATION')
    const { certificateId, certificatePem } = issued
    return {
      certificateId,
      certificatePem,
      ...(privateKeyPem === undefined ? {} : { privateKey: privateKeyPem }),
      certificateOwnershipToken: tokens.issue(certificateId, request.certificateId),
    }
  }

  const respond = async (asked: ProvisioningRequest, request: DeviceRequest): Promise<void> => {
    const { topic, clientId } = request
    const about = { service: 'iot', clientId, topic }
    try {
      const output = await perform(asked, request)
      realm.log({ ...about, level: 'info', message: `${asked.operation} accepted` })
      request.answer(`${topic}/accepted`, Buffer.from(JSON.stringify(output)))
    } catch (error) {
      const rejection = rejectionOf(error)
      // What is hidden from the device must be found somewhere.
      const detail = rejection.statusCode === 500 ? { detail: String(error) } : {}
      realm.log({ ...about, level: 'warn', message: `${asked.operation} rejected`, ...rejection, ...detail })
      request.answer(`${topic}/rejected`, encodeRejection(rejection, asked.format))
    }
  }

  return {
    sweep: tokens.sweep,
    handle: request => {
      const asked = provisioningRequest(request.topic)
      if (!asked) {
        const message = 'a message on a reserved topic that takes no requests was dropped'
        realm.log({
          level: 'warn',
          service: 'iot',
          message,
          clientId: request.clientId,
          topic: request.topic,
        })
        return
      }
      const task = respond(asked, request).finally(() => running.delete(task))
      running.add(task)
    },
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running)
    },
  }
}

/** The request's JSON object; CreateKeysAndCertificate has an empty payload. */
const readPayload = (payload: Buffer): Readonly<Record<string, unknown>> => {
  if (payload.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(payload.toString('utf8'))
  } catch {
    throw refuse(400, 'InvalidPayload', 'Message cannot be parsed: the payload is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(400, 'InvalidPayload', 'Message cannot be parsed: the payload must be a JSON object.')
  return value as Record<string, unknown>
}

const csrOf = (payload: Readonly<Record<string, unknown>>): string => {
  const csr = payload['certificateSigningRequest']
  if (typeof csr === 'string' && csr !== '') return csr
  throw refuse(400, 'InvalidPayload', 'certificateSigningRequest must be a PEM certificate signing request.')
}
