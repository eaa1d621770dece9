import type { Iam } from '../../core/services.ts'
import type { AuthzRequest, Realm } from '../../core/types.ts'
import { roleNameOf } from '../arns.ts'
import type { ControlOperation, ControlOperations } from '../control/call.ts'
import type { Registry } from '../registry.ts'
import { evaluateTemplate } from './evaluate.ts'
import { type HookOptions, isTextMap, runHook } from './hook.ts'
import { type PlannedCall, planProvisioning } from './plan.ts'
import { refuse } from './rejection.ts'
import { readTemplateBody } from './template-body.ts'
import { type ProvisioningTemplate, templateArn } from './templates.ts'
import type { OwnershipTokens } from './tokens.ts'

export interface RegisterOptions extends HookOptions {
  readonly realm: Realm
  readonly registry: Registry
  readonly tokens: OwnershipTokens
  readonly iam: Pick<Iam, 'assertAssumable' | 'principalFor' | 'authorize'>
  /** The work is done by the control plane's own operations, each authorised for the template's role. */
  readonly operations: ControlOperations
}
/** The connection that asks. */
export interface Claimant {
  readonly clientId: string
  readonly certificateId: string
}
export interface Registered {
  readonly deviceConfiguration: unknown
  readonly thingName?: string
}

const IOT = 'iot.amazonaws.com'

/** RegisterThing of the device provisioning MQTT API. Throws what the device is to be told. */
export const registerThing = async (
  options: RegisterOptions,
  templateName: string,
  claimant: Claimant,
  payload: Readonly<Record<string, unknown>>,
): Promise<Registered> => {
  const { realm, registry, tokens } = options
  enabledTemplate(registry, templateName)
  const parameters = payload['parameters'] ?? {}
  if (!isTextMap(parameters)) throw refuse(400, 'InvalidParameters', 'parameters must be a map of strings')
  const token = tokens.claim(payload['certificateOwnershipToken'], claimant.certificateId)
  try {
    const { certificateId } = token
    const { certificatePem } = usable(registry, certificateId)
    const hook = enabledTemplate(registry, templateName).preProvisioningHook
    const overrides = hook
      ? await runHook(options, hook.targetArn, {
          claimCertificateId: claimant.certificateId,
          certificateId,
          certificatePem,
          templateArn: templateArn(realm, templateName),
          clientId: claimant.clientId,
          parameters,
        })
      : {}
    // The hook takes its time: what was true before it need not be any more.
    const template = enabledTemplate(registry, templateName)
    usable(registry, certificateId)
    if (registry.certificates.get(claimant.certificateId)?.status !== 'ACTIVE')
      throw refuse(403, 'AccessDenied', 'Access denied: the claim certificate is not active any more.')

    const body = readTemplateBody(template.templateBody)
    const desired = evaluateTemplate(body, { ...parameters, ...overrides }, certificateId)
    const { reads, writes } = planProvisioning(realm, registry, desired, certificateId)
    authorize(options, template, [...reads, ...writes])
    for (const { operation, call } of writes) await operationOf(options, operation).run(call)
    token.spend()
    return {
      deviceConfiguration: desired.deviceConfiguration,
      ...(desired.thing ? { thingName: desired.thing.name } : {}),
    }
  } finally {
    // After `spend` there is nothing left to release.
    token.release()
  }
}

const enabledTemplate = (registry: Registry, name: string): ProvisioningTemplate => {
  const template = registry.provisioningTemplates.get(name)
  if (!template) throw refuse(404, 'ResourceNotFound', `Provisioning template ${name} does not exist.`)
  if (!template.enabled) throw refuse(403, 'AccessDenied', `Provisioning template ${name} is not enabled.`)
  return template
}

/** A certificate that an operator has revoked meanwhile must not come back to life by being provisioned. */
const usable = (registry: Registry, certificateId: string) => {
  const certificate = registry.certificates.get(certificateId)
  if (certificate?.status === 'PENDING_ACTIVATION' || certificate?.status === 'ACTIVE') return certificate
  throw refuse(
    400,
    'InvalidCertificateOwnershipToken',
    `The certificate of this ownership token is ${certificate?.status ?? 'deleted'}; create a new one.`,
  )
}

/** All permissions before the first change: a role that lacks one leaves no half of a device behind. */
const authorize = (
  options: RegisterOptions,
  { provisioningRoleArn, templateName }: ProvisioningTemplate,
  calls: readonly PlannedCall[],
): void => {
  const roleName = roleNameOf(provisioningRoleArn) ?? ''
  options.iam.assertAssumable(roleName, IOT)
  const principal = options.iam.principalFor(roleName, templateName)
  const needs: AuthzRequest[] = calls.map(({ operation, call }) => ({
    action: `iot:${operation}`,
    resource: operationOf(options, operation).resource(call),
  }))
  options.iam.authorize(principal, needs)
}

const operationOf = ({ operations }: RegisterOptions, name: string): ControlOperation => {
  const operation = operations[name]
  if (!operation) throw new Error(`provisioning needs iot:${name}, which the control plane does not have`)
  return operation
}
