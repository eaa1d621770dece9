/** Growable byte buffer with WebAssembly's encodings (core specification 2.0, chapter 5). */
export class ByteWriter {
  #bytes = new Uint8Array(256)
  #length = 0

  get length(): number {
    return this.#length
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }

  byte(...values: number[]): this {
    this.#reserve(values.length)
    for (const value of values) this.#bytes[this.#length++] = value
    return this
  }

  append(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** Unsigned LEB128, value below 2^32. */
  u32(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    return this.byte(rest)
  }

  /** Signed LEB128, value in [-2^31, 2^31). */
  s32(value: number): this {
    let rest = value
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return this.byte(low)
      this.byte(low | 0x80)
    }
  }

  f32(value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.append(bytes)
  }

  /** Length-prefixed bytes. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.length).append(bytes)
  }

  name(text: string): this {
    return this.sized(new TextEncoder().encode(text))
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }
}

export const I32 = 0x7f
export const F32 = 0x7d
export const VOID = 0x40

export const op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  call: 0x10,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  f32Load: 0x2a,
  i32Load16U: 0x2f,
  f32Store: 0x38,
  i32Const: 0x41,
  f32Const: 0x43,
  i32Eqz: 0x45,
  i32LtU: 0x49,
  f32Eq: 0x5b,
  f32Ne: 0x5c,
  f32Lt: 0x5d,
  f32Ge: 0x60,
  i32Add: 0x6a,
  i32Mul: 0x6c,
  i32And: 0x71,
  i32Or: 0x72,
  i32Shl: 0x74,
  f32Add: 0x92,
} as const

/** Writes instructions of one function body. */
export class Code extends ByteWriter {
  /** Appends opcodes that have no immediate. */
  emit(...opcodes: number[]): this {
    return this.byte(...opcodes)
  }

  get(local: number): this {
    return this.byte(op.localGet).u32(local)
  }

  set(local: number): this {
    return this.byte(op.localSet).u32(local)
  }

  tee(local: number): this {
    return this.byte(op.localTee).u32(local)
  }

  int(value: number): this {
    return this.byte(op.i32Const).s32(value)
  }

  float(value: number): this {
    return this.byte(op.f32Const).f32(value)
  }

  /** A load or store with its alignment hint (log2 of bytes) and static offset. */
  memory(opcode: number, align: number, offset: number): this {
    return this.byte(opcode, align).u32(offset)
  }

  call(func: number): this {
    return this.byte(op.call).u32(func)
  }

  /** `block`, `loop` or `if` with a result type (VOID for none). */
  open(opcode: number, type: number): this {
    return this.byte(opcode, type)
  }
}

/** One function: its type index, extra locals in groups, and its instructions without the final `end`. */
export interface Func {
  readonly type: number
  readonly locals: readonly { count: number; type: number }[]
  readonly code: Code
}

export const encodeBody = (func: Func): Uint8Array => {
  const body = new ByteWriter().u32(func.locals.length)
  for (const { count, type } of func.locals) body.u32(count).byte(type)
  return body.append(func.code.bytes()).byte(op.end).bytes()
}
