/** As much of pngjs as is used here; it brings no types. */
declare module 'pngjs' {
  export const PNG: {
    readonly sync: {
      read(bytes: Uint8Array): { readonly width: number; readonly height: number; readonly data: Buffer }
      write(image: { readonly width: number; readonly height: number; readonly data: Uint8Array }): Buffer
    }
  }
}
