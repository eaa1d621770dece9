import type { Realm } from '../../core/types.ts'
import { iotArn, roleNameOf } from '../arns.ts'
import { invalidRequest, optionalRecord, optionalText, requiredText } from '../control/call.ts'
import type { Registry } from '../registry.ts'
import { readTemplateBody } from './template-body.ts'

/** A fleet provisioning template. */
export interface ProvisioningTemplate {
  readonly templateName: string
  readonly description?: string
  readonly templateBody: string
  readonly enabled: boolean
  readonly provisioningRoleArn: string
  readonly preProvisioningHook?: ProvisioningHook
  readonly creationDate: number
  readonly lastModifiedDate: number
}
export interface ProvisioningHook {
  readonly payloadVersion: string
  readonly targetArn: string
}

const NAME = /^[0-9A-Za-z_-]{1,36}$/
// The one version that AWS has.
const PAYLOAD_VERSION = '2020-04-01'

/**
 * Stores a template, new or changed, from the API's own fields; throws InvalidRequestException naming the field
 * that AWS IoT, or the local cloud, would not take.
 */
export const storeTemplate = (
  realm: Realm,
  registry: Registry,
  given: Readonly<Record<string, unknown>>,
): ProvisioningTemplate => {
  const templateName = requiredText(given['templateName'], 'templateName')
  if (!NAME.test(templateName))
    throw invalidRequest(`templateName must match ${NAME.source}; got ${JSON.stringify(templateName)}`)
  const type = optionalText(given['type'], 'type') ?? 'FLEET_PROVISIONING'
  if (type !== 'FLEET_PROVISIONING')
    throw invalidRequest(`a template of type ${type} is not run by the local cloud; FLEET_PROVISIONING is`)
  const templateBody = requiredText(given['templateBody'], 'templateBody')
  readTemplateBody(templateBody)
  const provisioningRoleArn = requiredText(given['provisioningRoleArn'], 'provisioningRoleArn')
  if (roleNameOf(provisioningRoleArn) === undefined)
    throw invalidRequest(
      `provisioningRoleArn must be the ARN of an IAM role; got ${JSON.stringify(provisioningRoleArn)}`,
    )
  const enabled = given['enabled'] ?? false
  if (typeof enabled !== 'boolean') throw invalidRequest('enabled must be true or false')
  const description = optionalText(given['description'], 'description')
  const hook = readHook(given['preProvisioningHook'])
  const now = realm.now().getTime()
  const template: ProvisioningTemplate = {
    templateName,
    ...(description === undefined ? {} : { description }),
    templateBody,
    enabled,
    provisioningRoleArn,
    ...(hook ? { preProvisioningHook: hook } : {}),
    creationDate: registry.provisioningTemplates.get(templateName)?.creationDate ?? now,
    lastModifiedDate: now,
  }
  registry.provisioningTemplates.set(templateName, template)
  registry.changed()
  return template
}

export const templateArn = (realm: Realm, templateName: string): string =>
  iotArn(realm, 'provisioningtemplate', templateName)

const readHook = (given: unknown): ProvisioningHook | undefined => {
  const hook = optionalRecord(given, 'preProvisioningHook')
  if (!hook) return undefined
  const targetArn = requiredText(hook['targetArn'], 'preProvisioningHook.targetArn')
  if (!/^arn:aws[a-z-]*:lambda:[^:]*:\d*:function:./.test(targetArn))
    throw invalidRequest(
      `preProvisioningHook.targetArn must be the ARN of a Lambda function; got ${JSON.stringify(targetArn)}`,
    )
  const payloadVersion = optionalText(hook['payloadVersion'], 'preProvisioningHook.payloadVersion')
  if (payloadVersion !== undefined && payloadVersion !== PAYLOAD_VERSION)
    throw invalidRequest(
      `preProvisioningHook.payloadVersion must be ${PAYLOAD_VERSION}; got ${JSON.stringify(payloadVersion)}`,
    )
  return { targetArn, payloadVersion: PAYLOAD_VERSION }
}
