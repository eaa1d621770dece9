import { stringify } from 'yaml'
import { operations } from '../../src/contracts/api/index.ts'
import { SCOPE_PREFIX } from '../../src/contracts/scopes.ts'

/** Routes of the HTTP API for serverless.yml, by function. A token has a scope as Cognito writes it, or as it is. */
export function routesFile(): string {
  const byFunction = Object.groupBy(operations, o => o.function)
  const events = Object.fromEntries(
    Object.entries(byFunction).map(([name, routes]) => [
      name,
      (routes ?? []).map(({ method, path, scope }) => ({
        httpApi: {
          ...{ method, path },
          authorizer: { name: 'operators', scopes: [scope, `${SCOPE_PREFIX}${scope}`] },
        },
      })),
    ]),
  )
  return `# Made by scripts/openapi.ts from src/contracts/api: change it there.\n${stringify(events, { lineWidth: 0 })}`
}
