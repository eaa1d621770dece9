import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AwsError } from '../core/types.ts'
import { type Json, number } from '../events/read.ts'
import type { PasswordHash, PasswordPolicy } from './types.ts'

const derive = promisify<string, string, number, Buffer>(scrypt)
const BYTES = 32
/** Cognito's defaults and the characters that it counts as symbols. */
const DEFAULT_LENGTH = 8
const DEMANDS = [
  ['RequireLowercase', /[a-z]/, 'lowercase characters'],
  ['RequireUppercase', /[A-Z]/, 'uppercase characters'],
  ['RequireNumbers', /[0-9]/, 'numeric characters'],
  ['RequireSymbols', /[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/, 'symbol characters'],
] as const

/** Reads `Policies.PasswordPolicy`. Without one, Cognito asks for eight characters of every kind. */
export function passwordPolicy(given: Json | undefined): PasswordPolicy {
  const demanded = (name: string): boolean => (given === undefined ? true : String(given[name]) === 'true')
  return {
    minimumLength: number(given?.['MinimumLength']) ?? DEFAULT_LENGTH,
    demands: DEMANDS.filter(([name]) => demanded(name)).map(([, pattern, what]) => ({ pattern, what })),
  }
}

/** Throws InvalidPasswordException in Cognito's words. */
export function checkPassword(policy: PasswordPolicy, password: string): void {
  const missing = policy.demands.find(({ pattern }) => !pattern.test(password))
  const fault =
    password.length < policy.minimumLength || password.length > 256
      ? 'Password not long enough'
      : missing && `Password must have ${missing.what}`
  if (fault) throw new AwsError('InvalidPasswordException', `Password did not conform with policy: ${fault}`)
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16).toString('hex')
  return { salt, hash: (await derive(password, salt, BYTES)).toString('hex') }
}

export async function isPassword(known: PasswordHash | undefined, password: string): Promise<boolean> {
  // As much work for nobody's password: the time must not tell who there is.
  const hash = await derive(password, known?.salt ?? 'nobody', BYTES)
  return known !== undefined && timingSafeEqual(hash, Buffer.from(known.hash, 'hex'))
}
