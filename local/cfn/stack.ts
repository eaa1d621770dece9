/** What the template says about itself and its addresses. */
import type { Addresses } from './addresses.ts'
import type { Template } from './template.ts'

/** `SERVICE-STAGE`, which osls writes into the key of every archive; `local` for another packager's template. */
export function stackNameOf(template: Template): string {
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== 'AWS::Lambda::Function') continue
    const code = Properties['Code'] as Readonly<Record<string, unknown>> | undefined
    const [, service, stage] = /^serverless\/([\w-]+)\/([\w-]+)\//.exec(String(code?.['S3Key'])) ?? []
    if (service !== undefined && stage !== undefined) return `${service}-${stage}`
  }
  return 'local'
}

/** Outputs with this cloud's addresses in the place of AWS's. */
export function localOutputs(
  outputs: Readonly<Record<string, unknown>>,
  addresses: Addresses,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      typeof value === 'string' ? addresses.local(value) : value,
    ]),
  )
}

/**
 * Where an API answers beside its own address: the first segment of a route's path, `GET /v1/fleets/{fleet}` → `/v1/`.
 * What it has no route for below that is its to refuse (404), not the endpoint's (403).
 */
export function routePrefix(routeKey: string): string {
  const [, first = ''] = (routeKey.split(' ')[1] ?? '/').split('/')
  return first === '' || first.includes('{') ? '/' : `/${first}/`
}
