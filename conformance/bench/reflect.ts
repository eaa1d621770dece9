/** `@peculiar/x509` asks for the Reflect metadata API when it loads; it uses these four functions of it. */
type Metadata = Map<unknown, unknown>
const store = new WeakMap<object, Metadata>()
const read = (key: unknown, target: object): unknown => store.get(target)?.get(key)
const shim = {
  defineMetadata(key: unknown, value: unknown, target: object): void {
    const known: Metadata = store.get(target) ?? new Map()
    store.set(target, known.set(key, value))
  },
  getMetadata: read,
  getOwnMetadata: read,
  hasOwnMetadata: (key: unknown, target: object): boolean => store.get(target)?.has(key) === true,
}
if (!Object.hasOwn(Reflect, 'getMetadata')) Object.assign(Reflect, shim)
