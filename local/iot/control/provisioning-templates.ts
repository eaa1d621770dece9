import type { Realm } from '../../core/types.ts'
import { type ProvisioningTemplate, storeTemplate, templateArn } from '../provisioning/templates.ts'
import type { Registry } from '../registry.ts'
import {
  alreadyExists,
  type ControlCall,
  type ControlOperations,
  invalidRequest,
  notFound,
  pageOf,
  seconds,
} from './call.ts'

// A template has one version here: the operations on versions are not implemented.
const VERSION = 1

/** CreateProvisioningTemplate, DescribeProvisioningTemplate, UpdateProvisioningTemplate and so on. */
export const provisioningTemplateOperations = (realm: Realm, registry: Registry): ControlOperations => {
  const templates = registry.provisioningTemplates
  const existing = (call: ControlCall): ProvisioningTemplate => {
    const name = call.path['templateName'] ?? ''
    const template = templates.get(name)
    if (!template) throw notFound(`Provisioning template ${name} does not exist.`)
    return template
  }
  const resource = (call: ControlCall) => templateArn(realm, call.path['templateName'] ?? '')
  /** Whoever names a role must be allowed to pass it to AWS IoT. */
  const passRole = ({ body }: ControlCall) =>
    body['provisioningRoleArn'] === undefined
      ? []
      : [
          {
            action: 'iam:PassRole',
            resource: String(body['provisioningRoleArn']),
            context: { 'iam:PassedToService': 'iot.amazonaws.com' },
          },
        ]
  const summary = (template: ProvisioningTemplate) => {
    const { templateName, description, enabled, creationDate, lastModifiedDate } = template
    return {
      templateArn: templateArn(realm, templateName),
      templateName,
      description,
      creationDate: seconds(creationDate),
      lastModifiedDate: seconds(lastModifiedDate),
      enabled,
      type: 'FLEET_PROVISIONING',
    }
  }

  return {
    CreateProvisioningTemplate: {
      resource: ({ body }) => templateArn(realm, String(body['templateName'] ?? '')),
      needs: passRole,
      run: ({ body }) => {
        const name = String(body['templateName'] ?? '')
        const arn = templateArn(realm, name)
        if (templates.has(name))
          throw alreadyExists(`Provisioning template ${name} already exists`, name, arn)
        storeTemplate(realm, registry, body)
        return { templateArn: arn, templateName: name, defaultVersionId: VERSION }
      },
    },
    DescribeProvisioningTemplate: {
      resource,
      run: call => {
        const template = existing(call)
        const { templateBody, provisioningRoleArn, preProvisioningHook } = template
        return {
          ...summary(template),
          defaultVersionId: VERSION,
          templateBody,
          provisioningRoleArn,
          preProvisioningHook,
        }
      },
    },
    UpdateProvisioningTemplate: {
      resource,
      needs: passRole,
      run: call => {
        const template = existing(call)
        const { defaultVersionId, removePreProvisioningHook, ...changes } = call.body
        if (defaultVersionId !== undefined && defaultVersionId !== VERSION)
          throw invalidRequest(`defaultVersionId must be ${VERSION}: templates have one version here`)
        const { preProvisioningHook, ...rest } = template
        const hook = removePreProvisioningHook === true ? {} : { preProvisioningHook }
        const { templateName, templateBody } = template
        storeTemplate(realm, registry, { ...rest, ...hook, ...changes, templateName, templateBody })
        return {}
      },
    },
    ListProvisioningTemplates: {
      resource: () => '*',
      run: ({ query }) => {
        const all = [...templates.values()]
        const page = pageOf(all, t => t.templateName, query.get('maxResults'), query.get('nextToken'))
        return { templates: page.items.map(summary), nextToken: page.next }
      },
    },
    DeleteProvisioningTemplate: {
      resource,
      run: call => {
        templates.delete(existing(call).templateName)
        registry.changed()
        return {}
      },
    },
  }
}
