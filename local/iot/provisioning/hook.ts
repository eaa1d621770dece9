import type { LambdaHost } from '../../core/services.ts'
import { AwsError, type Realm } from '../../core/types.ts'
import { refuse } from './rejection.ts'

/** What a pre-provisioning hook gets, payload version 2020-04-01. */
export interface HookEvent {
  readonly claimCertificateId: string
  readonly certificateId: string
  readonly certificatePem: string
  readonly templateArn: string
  readonly clientId: string
  readonly parameters: Readonly<Record<string, string>>
}

export interface HookOptions {
  readonly realm: Pick<Realm, 'log'>
  readonly invoke: LambdaHost['invoke']
  readonly timeoutMs: number
}

/**
 * Asks the hook and returns its `parameterOverrides`. Throws AccessDenied unless it answers in time and with
 * `allowProvisioning: true`. What went wrong inside it is for the log, not for the device.
 */
export const runHook = async (
  { realm, invoke, timeoutMs }: HookOptions,
  functionArn: string,
  event: HookEvent,
): Promise<Readonly<Record<string, string>>> => {
  const deny = (problem: string, detail?: string) => {
    realm.log({
      level: 'warn',
      service: 'iot',
      message: `the pre-provisioning hook ${problem}`,
      functionArn,
      clientId: event.clientId,
      ...(detail === undefined ? {} : { detail }),
    })
    return refuse(403, 'AccessDenied', `Access denied: the pre-provisioning hook ${problem}.`)
  }
  const source = { service: 'iot.amazonaws.com', sourceArn: event.templateArn }
  const invoking = invoke(functionArn, Buffer.from(JSON.stringify(event)), source)
  const outcome = await within(timeoutMs, invoking).catch((error: unknown) => {
    // A permission that is missing, or no such function: the message names what to add.
    if (error instanceof AwsError) throw refuse(403, 'AccessDenied', error.message)
    throw deny('failed', String(error))
  })
  if (outcome === undefined) throw deny(`did not answer within ${timeoutMs / 1000} seconds`)
  const text = outcome.payload.toString('utf8')
  if (outcome.functionError !== undefined) throw deny('failed', text)
  const answer = parse(text)
  if (answer?.['allowProvisioning'] !== true) throw deny('did not allow provisioning', text)
  const overrides = answer['parameterOverrides'] ?? {}
  if (!isTextMap(overrides)) throw deny('returned parameterOverrides that are not a map of strings', text)
  return overrides
}

const within = async <T>(milliseconds: number, task: Promise<T>): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(() => resolve(undefined), milliseconds)
  })
  try {
    return await Promise.race([task, late])
  } finally {
    clearTimeout(timer)
    // The function goes on after the time is up; its late failure concerns nobody.
    task.catch(() => undefined)
  }
}

const parse = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** An object of which every value is a string. */
export const isTextMap = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(each => typeof each === 'string')
