import { ByteWriter, encodeBody, F32, type Func, I32 } from './encode.ts'

export const PAGE = 65536

/** Function types by index. */
export const type = {
  /** (row, out) */ predict: 0,
  /** (rows, n, out) */ batch: 1,
  /** (data, count, row, out) */ walk: 2,
} as const

const TYPES: readonly (readonly number[])[] = [
  [I32, I32],
  [I32, I32, I32],
  [I32, I32, I32, I32],
]

export interface ModuleParts {
  readonly funcs: readonly Func[]
  /** Exported functions by name, as indices into `funcs`. */
  readonly exported: Readonly<Record<string, number>>
  /** Exported immutable i32 globals. */
  readonly globals: Readonly<Record<string, number>>
  readonly memoryBytes: number
  readonly data: Uint8Array
  readonly dataAt: number
  readonly custom: Readonly<Record<string, Uint8Array>>
}

const vector = (items: readonly Uint8Array[]): ByteWriter => {
  const out = new ByteWriter().u32(items.length)
  for (const item of items) out.append(item)
  return out
}

const item = (): ByteWriter => new ByteWriter()

/** Lays out a module without imports, start function or table; its memory cannot grow. */
export const encodeModule = (parts: ModuleParts): Uint8Array => {
  const out = new ByteWriter().byte(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
  const section = (id: number, body: ByteWriter): void => {
    out.byte(id).sized(body.bytes())
  }
  const pages = Math.max(1, Math.ceil(parts.memoryBytes / PAGE))
  const globals = Object.entries(parts.globals)

  // Metadata first, so that a reader finds it without scanning the code.
  for (const [name, bytes] of Object.entries(parts.custom)) section(0, item().name(name).append(bytes))
  section(1, vector(TYPES.map(params => item().byte(0x60).sized(Uint8Array.from(params)).u32(0).bytes())))
  section(3, vector(parts.funcs.map(func => item().u32(func.type).bytes())))
  section(5, vector([item().byte(0x01).u32(pages).u32(pages).bytes()]))
  section(6, vector(globals.map(([, value]) => item().byte(I32, 0x00, 0x41).s32(value).byte(0x0b).bytes())))
  section(
    7,
    vector([
      item().name('memory').byte(0x02).u32(0).bytes(),
      ...Object.entries(parts.exported).map(([name, index]) =>
        item().name(name).byte(0x00).u32(index).bytes(),
      ),
      ...globals.map(([name], index) => item().name(name).byte(0x03).u32(index).bytes()),
    ]),
  )
  section(10, vector(parts.funcs.map(func => item().sized(encodeBody(func)).bytes())))
  if (parts.data.length > 0)
    section(11, vector([item().byte(0x00, 0x41).s32(parts.dataAt).byte(0x0b).sized(parts.data).bytes()]))
  return out.bytes()
}

/** Declares `count` locals of each type. */
export const locals = (i32: number, f32: number): Func['locals'] =>
  [
    { count: i32, type: I32 },
    { count: f32, type: F32 },
  ].filter(group => group.count > 0)
