import { operations } from '../../../src/contracts/api/index.ts'
import type { Operation } from '../../../src/contracts/api/operation.ts'
import { scopeDescriptions } from '../../../src/contracts/scopes.ts'
import type { Recorded, Recordings } from './examples.ts'
import { parameters, parametersOf } from './parameters.ts'
import { description, tags } from './prose.ts'
import { headers, responses, responsesOf } from './responses.ts'
import { bodyRef, componentSchemas, type Schema } from './schemas.ts'

/** Raised by hand: the second number for what is added, the first for what is taken away or changed. */
export const API_VERSION = '1.0.0'

/** The operators' API as an OpenAPI document; plain data, always in the same order. */
export function openapiDocument({ examples }: Pick<Recordings, 'examples'>): Schema {
  const used = Object.keys(tags).filter(name => operations.some(o => o.tag === name))
  return withoutUnused({
    openapi: '3.1.0',
    info: {
      title: 'Edgeloop operators’ API',
      version: API_VERSION,
      description,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [
      {
        url: 'https://{apiId}.execute-api.{region}.amazonaws.com',
        description: 'Output `ApiUrl` of the stack.',
        variables: { apiId: { default: 'a1b2c3d4e5' }, region: { default: 'eu-west-1' } },
      },
      { url: 'http://127.0.0.1:4566', description: 'The cloud on one machine, `npm run cloud`.' },
    ],
    tags: used.map(name => ({ name, description: tags[name] })),
    paths: paths(examples),
    components: {
      schemas: componentSchemas(),
      parameters,
      headers,
      responses,
      securitySchemes: {
        oauth2: {
          type: 'oauth2',
          description:
            'Any OIDC issuer; its addresses are those of the issuer that the stack was deployed with. Cognito writes `edgeloop/` in front of each scope.',
          flows: {
            authorizationCode: {
              authorizationUrl: 'https://issuer.invalid/oauth2/authorize',
              tokenUrl: 'https://issuer.invalid/oauth2/token',
              scopes: scopeDescriptions,
            },
            clientCredentials: {
              tokenUrl: 'https://issuer.invalid/oauth2/token',
              scopes: scopeDescriptions,
            },
          },
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A token that was got in another way; `scope` or `scp` has to hold the scope.',
        },
      },
    },
  })
}

function paths(examples: Recordings['examples']): Schema {
  const byPath = Object.groupBy(operations, operation => operation.path)
  return Object.fromEntries(
    Object.entries(byPath).map(([path, found = []]) => [
      path,
      Object.fromEntries(found.map(o => [o.method.toLowerCase(), operationOf(o, examples[o.id])])),
    ]),
  )
}

function operationOf(operation: Operation, recorded: Recorded | undefined): Schema {
  const { id, tag, summary, description: more, scope, body } = operation
  const request = recorded?.request.body
  return {
    ...{ operationId: id, tags: [tag], summary },
    description: [...(more ? [more] : []), `Scope: \`${scope}\`.`].join('\n\n'),
    security: [{ oauth2: [scope] }, { bearer: [] }],
    parameters: parametersOf(operation, recorded),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: bodyRef(operation),
                ...(request === undefined ? {} : { example: request }),
              },
            },
          },
        }),
    responses: responsesOf(operation, recorded?.answer),
  }
}

/** Leaves out what nothing refers to, and what only that referred to. */
function withoutUnused(document: Schema): Schema {
  const components = document['components'] as Readonly<Record<string, Readonly<Record<string, unknown>>>>
  const seen = new Set<string>()
  const visit = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return
    const ref = (value as Schema)['$ref']
    const [, kind = '', name = ''] = /^#\/components\/(\w+)\/(\w+)$/.exec(String(ref)) ?? []
    if (kind !== '' && !seen.has(`${kind}/${name}`)) {
      seen.add(`${kind}/${name}`)
      visit(components[kind]?.[name])
    }
    for (const item of Object.values(value)) visit(item)
  }
  visit(document['paths'])
  const kept = Object.entries(components).map(([kind, entries]) => [
    kind,
    Object.fromEntries(
      Object.entries(entries).filter(([name]) => kind === 'securitySchemes' || seen.has(`${kind}/${name}`)),
    ),
  ])
  return { ...document, components: Object.fromEntries(kept) }
}
