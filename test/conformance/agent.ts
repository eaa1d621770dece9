/** What of the reference device a simulated bench needs: the entry of every broken copy. */
export { startDevice } from '../../device/agent.ts'
export { wasmRuntime } from '../../device/runtime.ts'
export { memoryStorage } from '../../device/storage/memory.ts'
