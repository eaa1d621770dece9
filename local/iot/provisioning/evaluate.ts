import { createHash } from 'node:crypto'
import { resolve, type Scope } from '../../cfn/intrinsics.ts'
import { TemplateError } from '../../cfn/template.ts'
import type { ThingPrincipalType } from '../registry.ts'
import { isTextMap } from './hook.ts'
import { refuse } from './rejection.ts'
import { CERTIFICATE_ID, type TemplateBody, type TemplateResource } from './template-body.ts'

/** What a template asks for, for one device. */
export interface Desired {
  readonly thing: DesiredThing | undefined
  readonly status: 'ACTIVE' | 'INACTIVE'
  readonly thingPrincipalType: ThingPrincipalType
  readonly policies: readonly { readonly name: string; readonly document?: string }[]
  readonly deviceConfiguration: unknown
}
export interface DesiredThing {
  readonly name: string
  readonly typeName: string | undefined
  readonly attributes: Readonly<Record<string, string>> | undefined
  readonly overrideSettings: Readonly<Record<string, string>>
}

/**
 * Evaluates a template with the parameters of one request. Throws InvalidParameters naming the parameter or the
 * property at fault. No parameter can stand for the certificate's id: that one is the token's.
 */
export const evaluateTemplate = (
  body: TemplateBody,
  given: Readonly<Record<string, string>>,
  certificateId: string,
): Desired => {
  const values = new Map<string, string>()
  for (const [name, fallback] of body.parameters) {
    const value = Object.hasOwn(given, name) ? given[name] : fallback
    if (value !== undefined) values.set(name, value)
    else if (name !== CERTIFICATE_ID) throw fault(`parameter ${name} is missing and has no default`)
  }
  values.set(CERTIFICATE_ID, certificateId)
  const evaluate = evaluator({
    ref: name => values.get(name),
    getAtt: (name, attribute, where) => {
      throw new TemplateError(where, `${name}.${attribute} is not a parameter`)
    },
    condition: (_name, where) => {
      throw new TemplateError(where, 'provisioning templates have no conditions')
    },
    mappings: body.mappings as Scope['mappings'],
  })
  const property = (resource: TemplateResource, name: string) => {
    const where = `Resources.${resource.logicalName}.Properties.${name}`
    return { where, value: evaluate(resource.properties[name], where) }
  }
  const text = (resource: TemplateResource, name: string): string | undefined => {
    const { value, where } = property(resource, name)
    if (value === undefined || typeof value === 'string') return value
    throw fault(`${where} must be a string`)
  }

  if (text(body.certificate, 'CertificateId') !== certificateId)
    throw fault(`the template's CertificateId must be {"Ref": "${CERTIFICATE_ID}"}`)
  return {
    thing: body.thing && thingOf(body.thing, text, property),
    status: statusOf(text(body.certificate, 'Status')),
    thingPrincipalType: principalTypeOf(text(body.certificate, 'ThingPrincipalType')),
    policies: body.policies.map(policy => policyOf(policy, text, property)),
    deviceConfiguration: evaluate(body.deviceConfiguration, 'DeviceConfiguration'),
  }
}

type Text = (resource: TemplateResource, name: string) => string | undefined
type Property = (
  resource: TemplateResource,
  name: string,
) => { readonly where: string; readonly value: unknown }

const evaluator =
  (scope: Scope) =>
  (value: unknown, where: string): unknown => {
    try {
      return resolve(value, scope, where)
    } catch (error) {
      if (error instanceof TemplateError) throw fault(error.message)
      throw error
    }
  }

const thingOf = (resource: TemplateResource, text: Text, property: Property): DesiredThing => {
  const { value: attributes, where } = property(resource, 'AttributePayload')
  if (attributes !== undefined && !isTextMap(attributes)) throw fault(`${where} must be a map of strings`)
  return {
    name: text(resource, 'ThingName') ?? '',
    typeName: text(resource, 'ThingTypeName'),
    attributes,
    overrideSettings: resource.overrideSettings,
  }
}

const policyOf = (
  resource: TemplateResource,
  text: Text,
  property: Property,
): Desired['policies'][number] => {
  const name = text(resource, 'PolicyName')
  if (name !== undefined) return { name }
  const { value } = property(resource, 'PolicyDocument')
  const document = typeof value === 'string' ? value : JSON.stringify(value)
  // "Defaults to a hash of the policy document."
  return { name: createHash('sha256').update(document).digest('hex'), document }
}

/** AWS's own examples write `Active`. */
const statusOf = (given = 'ACTIVE'): Desired['status'] => {
  const status = given.toUpperCase()
  if (status === 'ACTIVE' || status === 'INACTIVE') return status
  throw fault(`the template's Status must be ACTIVE or INACTIVE; got ${JSON.stringify(given)}`)
}

const principalTypeOf = (given: string = 'NON_EXCLUSIVE_THING'): ThingPrincipalType => {
  if (given === 'EXCLUSIVE_THING' || given === 'NON_EXCLUSIVE_THING') return given
  throw fault(
    `the template's ThingPrincipalType must be EXCLUSIVE_THING or NON_EXCLUSIVE_THING; got ${JSON.stringify(given)}`,
  )
}

const fault = (message: string) => refuse(400, 'InvalidParameters', message)
