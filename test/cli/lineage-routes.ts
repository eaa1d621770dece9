import { api } from '../../src/contracts/api/index.ts'

const { getPredictionLineage, getBundleLineage, getVersionLineage } = api

/** Path parameters as API Gateway makes them of a route. */
export function route(path: string): { key: string; parameters: Record<string, string> } | undefined {
  for (const { path: template } of [getPredictionLineage, getBundleLineage, getVersionLineage]) {
    const names = [...template.matchAll(/\{(\w+)\}/g)].map(m => m[1] ?? '')
    const found = new RegExp(`^${template.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path)
    if (found)
      return {
        key: `GET ${template}`,
        parameters: Object.fromEntries(names.map((n, i) => [n, found[i + 1] ?? ''])),
      }
  }
  return undefined
}
