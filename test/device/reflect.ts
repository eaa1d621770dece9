// @peculiar/x509 will not load without the Reflect metadata API, of which it uses this much.
const registry = new WeakMap<object, Map<unknown, unknown>>()
const get = (key: unknown, target: object): unknown => registry.get(target)?.get(key)
const api = {
  getMetadata: get,
  getOwnMetadata: get,
  hasOwnMetadata: (key: unknown, target: object) => registry.get(target)?.has(key) ?? false,
  defineMetadata: (key: unknown, value: unknown, target: object) => {
    registry.set(target, (registry.get(target) ?? new Map<unknown, unknown>()).set(key, value))
  },
}
if (!('getMetadata' in Reflect)) Object.assign(Reflect, api)
