import type { Realm } from '../core/types.ts'

type Kind =
  | 'thing'
  | 'thingtype'
  | 'cert'
  | 'policy'
  | 'provisioningtemplate'
  | 'rule'
  | 'client'
  | 'topic'
  | 'topicfilter'

/** `arn:aws:iot:REGION:ACCOUNT:KIND/NAME`. */
export const iotArn = (realm: Pick<Realm, 'region' | 'accountId'>, kind: Kind, name: string): string =>
  `arn:aws:iot:${realm.region}:${realm.accountId}:${kind}/${name}`

/** Certificate id of a principal's ARN, or undefined when it is not one of a certificate. */
export const certificateIdOf = (arn: string): string | undefined =>
  /^arn:aws[a-z-]*:iot:[^:]*:[^:]*:cert\/([0-9a-f]{64})$/.exec(arn)?.[1]

/** Name of the role in a role's ARN, without its path. */
export const roleNameOf = (arn: string): string | undefined =>
  /^arn:aws[a-z-]*:iam::\d*:role\/(?:.*\/)?([^/]+)$/.exec(arn)?.[1]
