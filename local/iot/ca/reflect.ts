/**
 * The three calls of the Reflect metadata API that @peculiar/x509's container (tsyringe) makes. tsyringe refuses
 * to load without them; x509 registers its classes by hand, so this is all that it needs. Import it before x509.
 */
type Registry = WeakMap<object, Map<unknown, unknown>>
interface MetadataApi {
  getMetadata?: (key: unknown, target: object) => unknown
  getOwnMetadata?: (key: unknown, target: object) => unknown
  hasOwnMetadata?: (key: unknown, target: object) => boolean
  defineMetadata?: (key: unknown, value: unknown, target: object) => void
}

const install = (api: MetadataApi): void => {
  if (api.getMetadata) return
  const registry: Registry = new WeakMap()
  const own = (key: unknown, target: object) => registry.get(target)?.get(key)
  api.getOwnMetadata = own
  api.hasOwnMetadata = (key, target) => registry.get(target)?.has(key) ?? false
  api.getMetadata = (key, target) => {
    for (let at: object | null = target; at; at = Object.getPrototypeOf(at) as object | null)
      if (registry.get(at)?.has(key)) return own(key, at)
    return undefined
  }
  api.defineMetadata = (key, value, target) => {
    const entries = registry.get(target) ?? new Map<unknown, unknown>()
    registry.set(target, entries.set(key, value))
  }
}

install(Reflect as MetadataApi)
