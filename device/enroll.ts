import { fullJitter } from './backoff.ts'
import {
  type Broker,
  type ClaimConnection,
  connectByClaim,
  EnrolmentRefused,
  type KeyPair,
  mayConnect,
} from './claim-connection.ts'
import { createKeyAndCsr } from './csr.ts'
import {
  type DeviceIdentity,
  type Enrolment,
  type IdentityStore,
  identityStore,
  memoryIdentities,
} from './identity.ts'

export { EnrolmentRefused } from './claim-connection.ts'

/** What devices of a production run share: it can ask to enrol and nothing else. */
export interface Claim extends KeyPair {
  /** Name of the provisioning template. */
  readonly template: string
}
export interface EnrolOptions {
  readonly endpoint: Broker
  readonly claim: Claim
  /** The device's serial, which becomes the thing's name. */
  readonly thing: string
  readonly store: IdentityStore
  /** How often to try when the broker is away or does not answer; a refusal is final. */
  readonly attempts?: number
  readonly answerMs?: number
  readonly pause?: (ms: number) => Promise<void>
}

const CREATE = '$aws/certificates/create-from-csr/json'
const ANSWER_MS = 20_000
const ATTEMPTS = 5
const BACKOFF = { baseMs: 1_000, capMs: 60_000 }
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/**
 * Fleet provisioning by claim: a key made here, a certificate for it, and the thing of this serial. Everything is
 * kept before the next step, so that after a power cut at any point a further call goes on where this one ended; an
 * identity that is there is not made anew.
 * @throws EnrolmentRefused when the cloud refuses; Error when it cannot be reached
 */
export async function enrol(options: EnrolOptions): Promise<DeviceIdentity> {
  const { thing, attempts = ATTEMPTS, pause = sleep } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await enrolOnce(options)
    } catch (error) {
      const final = error instanceof EnrolmentRefused && error.statusCode < 500
      if (!final && attempt < attempts) {
        await pause(fullJitter(Math.random, attempt, BACKOFF.baseMs, BACKOFF.capMs))
        continue
      }
      throw explained(error, thing)
    }
  }
}

/**
 * Enrols many devices by one claim, `concurrency` at a time.
 * @returns identities in the order of `things`
 */
export async function enrolDevices(
  options: Omit<EnrolOptions, 'thing' | 'store'> & {
    readonly things: readonly string[]
    /** Where identities are kept; without it they live in memory only. */
    readonly dir?: string
  },
  concurrency = 8,
): Promise<DeviceIdentity[]> {
  const { things, dir, ...common } = options
  const store = dir === undefined ? memoryIdentities() : identityStore(dir)
  const identities = new Map<string, DeviceIdentity>()
  const names = [...new Set(things)].values()
  const worker = async (): Promise<void> => {
    // One iterator for all workers hands each name out once.
    for (const thing of names) identities.set(thing, await enrol({ ...common, thing, store }))
  }
  await Promise.all(Array.from({ length: Math.max(1, Math.min(concurrency, things.length)) }, worker))
  return things.map(thing => identities.get(thing)!)
}

async function enrolOnce(options: EnrolOptions): Promise<DeviceIdentity> {
  const { endpoint, claim, thing, store, answerMs = ANSWER_MS } = options
  const known = store.load(thing)
  if (known !== null) return known
  const begun = store.enrolment(thing) ?? { thing, ...createKeyAndCsr(thing) }
  store.keep(begun)
  const { keyPem, certificate } = begun
  // Perhaps the last answer was on its way when the power went.
  if (certificate && (await mayConnect(endpoint, { keyPem, certPem: certificate.pem }, thing, answerMs)))
    return finish(store, begun)
  const provision = `$aws/provisioning-templates/${claim.template}/provision/json`
  const connection = await connectByClaim(endpoint, claim, [CREATE, provision], answerMs)
  try {
    return finish(store, await provisioned(connection, provision, begun, store))
  } finally {
    await connection.close()
  }
}

async function provisioned(
  connection: ClaimConnection,
  topic: string,
  begun: Enrolment,
  store: IdentityStore,
): Promise<Enrolment> {
  const { certificate: kept, ...withoutCertificate } = begun
  const certificate = kept ?? (await certify(connection, begun))
  const enrolment = { ...withoutCertificate, certificate }
  store.keep(enrolment)
  try {
    const parameters = { SerialNumber: begun.thing }
    const answer = await connection.request(topic, {
      certificateOwnershipToken: certificate.token,
      parameters,
    })
    if (answer['thingName'] !== begun.thing)
      throw new EnrolmentRefused(409, 'OtherThing', `the template made the thing ${answer['thingName']}`)
    return enrolment
  } catch (error) {
    // A token lives for an hour; a new certificate for the same key takes its place.
    const stale = error instanceof EnrolmentRefused && error.code === 'InvalidCertificateOwnershipToken'
    if (kept === undefined || !stale) throw error
    return provisioned(connection, topic, withoutCertificate, store)
  }
}

async function certify(
  connection: ClaimConnection,
  { csrPem }: Enrolment,
): Promise<NonNullable<Enrolment['certificate']>> {
  const { certificatePem, certificateOwnershipToken } = await connection.request(CREATE, {
    certificateSigningRequest: csrPem,
  })
  if (typeof certificatePem !== 'string' || typeof certificateOwnershipToken !== 'string')
    throw new Error('create-from-csr answered without a certificate and its ownership token')
  return { pem: certificatePem, token: certificateOwnershipToken }
}

function finish(store: IdentityStore, { thing, keyPem, certificate }: Enrolment): DeviceIdentity {
  const identity = { thing, keyPem, certPem: certificate?.pem ?? '' }
  store.save(identity)
  return identity
}

function explained(error: unknown, thing: string): Error {
  if (!(error instanceof EnrolmentRefused))
    return new Error(`enrolling ${thing} failed: ${(error as Error).message}`, { cause: error })
  const { statusCode, code, message } = error
  const hint =
    code === 'AccessDenied'
      ? '; the serial may not be on the allow-list, be used by another key or be blocked, or too many devices enrol at once: the rejected inputs of the operators say which'
      : ''
  return new EnrolmentRefused(statusCode, code, `enrolling ${thing} was refused (${code}): ${message}${hint}`)
}
