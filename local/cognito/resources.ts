/** The properties of Cognito's resource types, read once. What is not run is refused by name. */
import { createHash } from 'node:crypto'
import { type Json, list, number, record, text } from '../events/read.ts'
import { invalidParameter } from './errors.ts'
import type { Client } from './types.ts'

/** Throws InvalidParameterException for a property outside the list: to ignore one would run something else than AWS does. */
export function only(type: string, properties: Json, known: string): void {
  const names = new Set(known.split(' '))
  const unknown = Object.keys(properties).find(name => !names.has(name))
  if (unknown !== undefined) throw invalidParameter(`${unknown} is not run by the local cloud for ${type}`)
}

const CLIENT_PROPERTIES =
  'UserPoolId ClientName GenerateSecret AllowedOAuthFlowsUserPoolClient AllowedOAuthFlows AllowedOAuthScopes ' +
  'CallbackURLs DefaultRedirectURI LogoutURLs SupportedIdentityProviders ExplicitAuthFlows EnableTokenRevocation ' +
  'PreventUserExistenceErrors RefreshTokenRotation TokenValidityUnits AccessTokenValidity IdTokenValidity ' +
  'RefreshTokenValidity ReadAttributes WriteAttributes'
const FLOWS = ['code', 'client_credentials']
const STANDARD_SCOPES = ['openid', 'profile', 'email', 'phone', 'aws.cognito.signin.user.admin']
const UNIT_SECONDS: Readonly<Record<string, number>> = {
  seconds: 1,
  minutes: 60,
  hours: 3600,
  days: 86_400,
}

/** `isScope` knows the scopes of the pool's resource servers. Throws InvalidParameterException naming the property. */
export function readClient(
  id: string,
  properties: Json,
  isScope: (scope: string) => boolean,
  localUrl: (url: string) => string,
): Client {
  only('AWS::Cognito::UserPoolClient', properties, CLIENT_PROPERTIES)
  const texts = (name: string): readonly string[] => list(properties[name]).map(String)
  const flag = (name: string): boolean => String(properties[name]) === 'true'
  const flows = texts('AllowedOAuthFlows')
  const scopes = texts('AllowedOAuthScopes')
  const refuse = (name: string, problem: string) => invalidParameter(`${name}: ${problem}`)
  const badFlow = flows.find(each => !FLOWS.includes(each))
  if (badFlow !== undefined) throw refuse('AllowedOAuthFlows', `${badFlow} is not run by the local cloud`)
  if (flows.length > 0 && !flag('AllowedOAuthFlowsUserPoolClient'))
    throw refuse('AllowedOAuthFlowsUserPoolClient', 'must be true for a client with AllowedOAuthFlows')
  if (flows.includes('client_credentials') && (flows.length > 1 || !flag('GenerateSecret')))
    throw refuse(
      'AllowedOAuthFlows',
      'client_credentials stands alone, and its client needs GenerateSecret: true',
    )
  const badScope = scopes.find(each => !STANDARD_SCOPES.includes(each) && !isScope(each))
  if (badScope !== undefined)
    throw refuse('AllowedOAuthScopes', `${badScope} is no scope of a resource server made before the client`)
  const urls = (name: string): readonly string[] =>
    texts(name).map(url => {
      // Cognito takes http for the name localhost only.
      if (!/^(https:\/\/|http:\/\/localhost[:/])/.test(url) || !URL.canParse(url) || url.includes('#'))
        throw refuse(name, `${url} must be https (or http://localhost), absolute and without a fragment`)
      return localUrl(url)
    })
  const callbackUrls = urls('CallbackURLs')
  if (flows.includes('code') && callbackUrls.length === 0)
    throw refuse('CallbackURLs', 'must name at least one URL for the flow code')
  const rotation = record(properties['RefreshTokenRotation'])
  const rotates = rotation['Feature'] === 'ENABLED'
  if (rotates && texts('ExplicitAuthFlows').includes('ALLOW_REFRESH_TOKEN_AUTH'))
    throw refuse('RefreshTokenRotation', 'cannot stand beside the auth flow ALLOW_REFRESH_TOKEN_AUTH')
  const units = record(properties['TokenValidityUnits'])
  const seconds = (token: 'AccessToken' | 'IdToken' | 'RefreshToken', unit: string, otherwise: number) =>
    (number(properties[`${token}Validity`]) ?? otherwise) *
    (UNIT_SECONDS[text(units[token]) ?? unit] ?? UNIT_SECONDS['hours'] ?? 0)
  return {
    id,
    name: text(properties['ClientName']) ?? id,
    secret: flag('GenerateSecret')
      ? createHash('sha256').update(`secret of ${id}`).digest('hex').slice(0, 51)
      : undefined,
    flows,
    scopes,
    callbackUrls,
    logoutUrls: urls('LogoutURLs'),
    accessSeconds: seconds('AccessToken', 'hours', 1),
    idSeconds: seconds('IdToken', 'hours', 1),
    refreshSeconds: seconds('RefreshToken', 'days', 30),
    rotationGraceSeconds: rotates ? (number(rotation['RetryGracePeriodSeconds']) ?? 0) : undefined,
  }
}
