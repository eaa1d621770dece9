import type { Schema } from './schemas.ts'

/** Every place in a schema that has a name, such as `.body.slots.*.active`. */
function paths(schema: unknown, resolve: (ref: string) => unknown, at: string, found: Set<string>): void {
  if (schema === null || typeof schema !== 'object') return
  const ref = (schema as Schema)['$ref']
  const open = (typeof ref === 'string' ? resolve(ref) : schema) as Schema
  for (const [name, field] of Object.entries((open['properties'] ?? {}) as Schema)) {
    found.add(`${at}.${name}`)
    paths(field, resolve, `${at}.${name}`, found)
  }
  paths(open['additionalProperties'], resolve, `${at}.*`, found)
  paths(open['items'], resolve, `${at}[]`, found)
  for (const key of ['anyOf', 'oneOf'])
    for (const variant of (open[key] ?? []) as readonly unknown[]) paths(variant, resolve, at, found)
}

/**
 * Fields that the old schema has and the new one has not. An optional field may be absent, so a document without it is
 * a valid one; a device that acts on it would still be without it for good.
 */
export function lostFields(
  before: { readonly schema: unknown; readonly resolve: (ref: string) => unknown },
  after: { readonly schema: unknown; readonly resolve: (ref: string) => unknown },
  path: string,
): string[] {
  const [old, now] = [new Set<string>(), new Set<string>()]
  paths(before.schema, before.resolve, path, old)
  paths(after.schema, after.resolve, path, now)
  return [...old].filter(field => !now.has(field)).map(field => `${field}: the field is gone`)
}
