/** Makes a template's resources, each by the handler of its type, in the order of their references. */
import { createHash } from 'node:crypto'
import type { Realm } from '../core/types.ts'
import { conditionTable } from './conditions.ts'
import { deploymentOrder } from './graph.ts'
import { noValue, resolve, type Scope } from './intrinsics.ts'
import { parameterValues } from './parameters.ts'
import type { CloudServices, DeployContext, Made, RoleDraft } from './resource.ts'
import { handlerOf } from './resources/index.ts'
import { type Template, TemplateError } from './template.ts'

export interface DeployOptions {
  readonly realm: Realm
  readonly services: CloudServices
  readonly template: Template
  /** Folder with the functions' archives. */
  readonly folder: string
  readonly stackName: string
  readonly parameters: Readonly<Record<string, string>>
}
export interface DeployedResource {
  readonly type: string
  readonly physicalId: string
  readonly arn?: string
}
export interface Deployment {
  /** By logical id, in the order in which they were made. */
  readonly resources: Readonly<Record<string, DeployedResource>>
  readonly outputs: Readonly<Record<string, unknown>>
  /** Resources and settings that the template declares and this cloud does not run. */
  readonly notRun: readonly string[]
}

/** Throws TemplateError naming logical id and property; what was made before that stays. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { realm, template, stackName } = options
  const made = new Map<string, Made>()
  const scope = createScope(options, made)
  const checks: { readonly where: string; readonly run: () => void }[] = []
  const notRun: string[] = []
  const roles = new Map<string, RoleDraft>()

  for (const logicalId of deploymentOrder(template, name => scope.condition(name, 'Resources'))) {
    const { Type: type, Properties } = template.Resources[logicalId] as Template['Resources'][string]
    const handler = handlerOf(type)
    if (!handler)
      throw new TemplateError(
        logicalId,
        `${type} is not run by the local cloud, and not known to be without effect`,
      )
    const ctx: DeployContext = {
      realm,
      services: options.services,
      stackName,
      folder: options.folder,
      roles,
      physicalName: (id, maxLength) => physicalName(stackName, id, maxLength),
      afterwards: run => checks.push({ where: `${logicalId} (${type})`, run }),
    }
    const properties = resolve(Properties, scope, `${logicalId}.Properties`) as Template['Mappings']
    const result = await within(`${logicalId} (${type})`, () => handler({ logicalId, type, properties }, ctx))
    made.set(logicalId, result)
    if (result.notRun !== undefined) notRun.push(`${logicalId} (${type}): ${result.notRun}`)
  }
  for (const check of checks) await within(check.where, check.run)

  const outputs: Record<string, unknown> = {}
  for (const [id, output] of Object.entries(template.Outputs)) {
    const where = `Outputs.${id}`
    if (output.Condition === undefined || scope.condition(output.Condition, where))
      outputs[id] = resolve(output.Value, scope, `${where}.Value`)
  }
  return {
    resources: Object.fromEntries([...made].map(([id, it]) => [id, summary(template, id, it)])),
    outputs,
    notRun,
  }
}

function summary(template: Template, id: string, made: Made): DeployedResource {
  const arn = made.attributes?.['Arn']
  const type = template.Resources[id]?.Type ?? ''
  return { type, physicalId: made.physicalId, ...(arn === undefined ? {} : { arn }) }
}

function createScope(options: DeployOptions, made: ReadonlyMap<string, Made>): Scope {
  const { realm, template, stackName } = options
  const parameters = parameterValues(template.Parameters, options.parameters)
  const pseudo: Readonly<Record<string, unknown>> = {
    'AWS::AccountId': realm.accountId,
    'AWS::Region': realm.region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stackName,
    'AWS::StackId': `arn:aws:cloudformation:${realm.region}:${realm.accountId}:stack/${stackName}/00000000-0000-4000-8000-000000000000`,
    'AWS::NotificationARNs': [],
    'AWS::NoValue': noValue,
  }
  const ref: Scope['ref'] = name => pseudo[name] ?? parameters.get(name) ?? made.get(name)?.physicalId
  const getAtt: Scope['getAtt'] = (logicalId, attribute, where) => {
    const found = made.get(logicalId)
    if (!found)
      throw new TemplateError(where, `Fn::GetAtt names ${logicalId}, which is not made in this deployment`)
    const value = found.attributes?.[attribute]
    if (value === undefined) {
      const known = Object.keys(found.attributes ?? {}).join(', ') || 'none'
      const type = template.Resources[logicalId]?.Type
      throw new TemplateError(
        where,
        `${logicalId} (${type}) has no attribute ${attribute} here; known: ${known}`,
      )
    }
    return value
  }
  const mappings = template.Mappings
  const scopeOf = (condition: Scope['condition']): Scope => ({ ref, getAtt, condition, mappings })
  return scopeOf(conditionTable(template.Conditions, scopeOf))
}

/** AWS ends generated names with random letters; here they come from the name, so that a restart finds its data. */
function physicalName(stackName: string, logicalId: string, maxLength = 64): string {
  const digest = createHash('sha256')
    .update(`${stackName}/${logicalId}`)
    .digest('hex')
    .slice(0, 8)
    .toUpperCase()
  return `${`${stackName}-${logicalId}`.slice(0, maxLength - 9)}-${digest}`
}

async function within<T>(where: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof TemplateError) throw cause
    throw new TemplateError(where, cause instanceof Error ? cause.message : String(cause), { cause })
  }
}
