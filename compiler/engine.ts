/** The part of the WebAssembly JavaScript API that we use. TypeScript only declares it with the browser's library. */
export interface WasmEngine {
  validate(bytes: Uint8Array): boolean
  readonly Module: {
    new (bytes: Uint8Array): object
    imports(module: object): { module: string; name: string }[]
    exports(module: object): { name: string; kind: string }[]
    customSections(module: object, name: string): ArrayBuffer[]
  }
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

export const engine = (globalThis as unknown as { WebAssembly: WasmEngine }).WebAssembly
