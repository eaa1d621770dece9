import { namesIn } from '../../cfn/sub.ts'
import { asRecord, invalidRequest } from '../control/call.ts'

/** A provisioning template's body, checked. Values may hold intrinsic functions; they are not evaluated yet. */
export interface TemplateBody {
  /** Default by name; undefined when the device, or the hook, must give a value. */
  readonly parameters: ReadonlyMap<string, string | undefined>
  readonly mappings: Json
  readonly thing: TemplateResource | undefined
  readonly certificate: TemplateResource
  readonly policies: readonly TemplateResource[]
  readonly deviceConfiguration: Json
}
export interface TemplateResource {
  readonly logicalName: string
  readonly properties: Json
  readonly overrideSettings: Readonly<Record<string, string>>
}
type Json = Readonly<Record<string, unknown>>

/** The parameter that AWS IoT fills in: the id of the certificate that is being provisioned. */
export const CERTIFICATE_ID = 'AWS::IoT::Certificate::Id'

const MAX_BODY = 10_240
const SECTIONS = ['Parameters', 'Mappings', 'Resources', 'DeviceConfiguration']
const FUNCTIONS = ['Fn::Join', 'Fn::Select', 'Fn::FindInMap', 'Fn::Split', 'Fn::Sub']
const RESOURCES = {
  'AWS::IoT::Thing': {
    properties: ['ThingName', 'AttributePayload', 'ThingTypeName'],
    overrides: {
      AttributePayload: ['DO_NOTHING', 'REPLACE', 'FAIL', 'MERGE'],
      ThingTypeName: ['DO_NOTHING', 'REPLACE', 'FAIL'],
    },
  },
  'AWS::IoT::Certificate': {
    properties: ['CertificateId', 'Status', 'ThingPrincipalType'],
    overrides: { Status: ['REPLACE'] },
  },
  'AWS::IoT::Policy': { properties: ['PolicyName', 'PolicyDocument'], overrides: {} },
} as const
type ResourceType = keyof typeof RESOURCES

/** Reads and checks a body; throws InvalidRequestException that names the place and what is wrong with it. */
export const readTemplateBody = (text: string): TemplateBody => {
  const body = parse(text)
  only(body, SECTIONS, 'templateBody')
  const parameters = readParameters(asRecord(body['Parameters'] ?? {}, 'Parameters'))
  const known = new Set([...parameters.keys(), CERTIFICATE_ID])
  checkReferences(body['Resources'], known, 'Resources')
  checkReferences(body['DeviceConfiguration'], known, 'DeviceConfiguration')

  const byType: Record<ResourceType, TemplateResource[]> = {
    'AWS::IoT::Thing': [],
    'AWS::IoT::Certificate': [],
    'AWS::IoT::Policy': [],
  }
  for (const [name, given] of Object.entries(asRecord(body['Resources'], 'Resources'))) {
    const { type, resource } = readResource(name, given)
    byType[type].push(resource)
  }
  const [thing, ...things] = byType['AWS::IoT::Thing']
  const [certificate, ...certificates] = byType['AWS::IoT::Certificate']
  if (things.length > 0) throw invalidRequest('Resources has more than one AWS::IoT::Thing')
  if (certificate === undefined || certificates.length > 0)
    throw invalidRequest('Resources must have exactly one AWS::IoT::Certificate')
  need(certificate, 'CertificateId')
  if (thing) need(thing, 'ThingName')
  for (const policy of byType['AWS::IoT::Policy'])
    if ('PolicyName' in policy.properties === 'PolicyDocument' in policy.properties)
      throw invalidRequest(
        `Resources.${policy.logicalName}.Properties must have either PolicyName or PolicyDocument`,
      )
  return {
    parameters,
    mappings: withoutPrototypes(asRecord(body['Mappings'] ?? {}, 'Mappings')),
    thing,
    certificate,
    policies: byType['AWS::IoT::Policy'],
    deviceConfiguration: asRecord(body['DeviceConfiguration'] ?? {}, 'DeviceConfiguration'),
  }
}

const parse = (text: string): Json => {
  if (text.length > MAX_BODY)
    throw invalidRequest(`templateBody has ${text.length} characters; at most ${MAX_BODY} are allowed`)
  try {
    return asRecord(JSON.parse(text), 'templateBody')
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidRequest(`templateBody is not JSON: ${error.message}`)
    throw error
  }
}

const readParameters = (given: Json): Map<string, string | undefined> =>
  new Map(
    Object.entries(given).map(([name, declared]) => {
      const where = `Parameters.${name}`
      const parameter = asRecord(declared, where)
      only(parameter, ['Type', 'Default'], where)
      if (parameter['Type'] !== 'String') throw invalidRequest(`${where}.Type must be "String"`)
      const value = parameter['Default']
      if (value !== undefined && typeof value !== 'string')
        throw invalidRequest(`${where}.Default must be a string`)
      return [name, value]
    }),
  )

const readResource = (logicalName: string, given: unknown) => {
  const where = `Resources.${logicalName}`
  const resource = asRecord(given, where)
  only(resource, ['Type', 'Properties', 'OverrideSettings'], where)
  const type = String(resource['Type'])
  if (!Object.hasOwn(RESOURCES, type))
    throw invalidRequest(`${where}.Type must be one of ${Object.keys(RESOURCES).join(', ')}; got ${type}`)
  const { properties: allowed, overrides } = RESOURCES[type as ResourceType]
  const properties = asRecord(resource['Properties'] ?? {}, `${where}.Properties`)
  only(properties, allowed, `${where}.Properties`)
  const settings = asRecord(resource['OverrideSettings'] ?? {}, `${where}.OverrideSettings`)
  only(settings, Object.keys(overrides), `${where}.OverrideSettings`)
  for (const [name, value] of Object.entries(settings)) {
    const values: readonly unknown[] = (overrides as Readonly<Record<string, readonly string[]>>)[name] ?? []
    if (!values.includes(value))
      throw invalidRequest(`${where}.OverrideSettings.${name} must be one of ${values.join(', ')} here`)
  }
  const overrideSettings = settings as Readonly<Record<string, string>>
  return { type: type as ResourceType, resource: { logicalName, properties, overrideSettings } }
}

/** Ignoring a property in silence would provision something else than AWS does. */
const only = (given: Json, names: readonly string[], where: string): void => {
  const unknown = Object.keys(given).find(name => !names.includes(name))
  if (unknown !== undefined) throw invalidRequest(`${where}.${unknown} is not run by the local cloud`)
}

const need = ({ logicalName, properties }: TemplateResource, name: string): void => {
  if (properties[name] === undefined)
    throw invalidRequest(`Resources.${logicalName}.Properties.${name} is missing`)
}

/** Finds, before a device does, functions that provisioning templates do not have and names of no parameter. */
const checkReferences = (value: unknown, known: ReadonlySet<string>, where: string): void => {
  if (typeof value !== 'object' || value === null) return
  const entries = Object.entries(value)
  const [key, argument] = entries.length === 1 ? (entries[0] ?? []) : []
  const unknownName = (name: unknown) =>
    invalidRequest(`${where} refers to ${JSON.stringify(name)}, which is not in Parameters`)
  if (key === 'Ref') {
    if (typeof argument !== 'string' || !known.has(argument)) throw unknownName(argument)
    return
  }
  if (key?.startsWith('Fn::') && !FUNCTIONS.includes(key))
    throw invalidRequest(`${where}: ${key} is not a function of provisioning templates`)
  if (key === 'Fn::Sub') {
    const [text, map]: readonly unknown[] = Array.isArray(argument) ? argument : [argument]
    const local = Object.keys(typeof map === 'object' && map !== null ? map : {})
    for (const name of typeof text === 'string' ? namesIn(text) : [])
      if (!known.has(name) && !local.includes(name)) throw unknownName(name)
  }
  for (const [name, inner] of entries) checkReferences(inner, known, `${where}.${name}`)
}

/** Keys come from devices: `__proto__` must find nothing. */
const withoutPrototypes = (value: Json): Json =>
  Object.assign(
    Object.create(null) as Record<string, unknown>,
    Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        typeof inner === 'object' && inner !== null && !Array.isArray(inner)
          ? withoutPrototypes(inner as Json)
          : inner,
      ]),
    ),
  )
