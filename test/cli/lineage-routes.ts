import { lineageRoutes } from '../../src/domain/operators/lineage.ts'

/** Path parameters as API Gateway makes them of a route. */
export function route(path: string): { key: string; parameters: Record<string, string> } | undefined {
  for (const key of Object.keys(lineageRoutes)) {
    const names = [...key.matchAll(/\{(\w+)\}/g)].map(m => m[1] ?? '')
    const found = new RegExp(`^${key.slice(4).replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path)
    if (found) return { key, parameters: Object.fromEntries(names.map((n, i) => [n, found[i + 1] ?? ''])) }
  }
  return undefined
}
