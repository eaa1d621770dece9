/** Writes tar archives with anything in them, right or wrong. */
export interface Entry {
  readonly name?: string | Uint8Array
  readonly type?: string
  readonly link?: string
  readonly prefix?: string
  readonly content?: Uint8Array | string
  /** The size field as it is written, when it shall not be the content's length. */
  readonly size?: string | Uint8Array
  /** Changes the header before its checksum is taken. */
  readonly edit?: (header: Buffer) => void
  /** Changes the header after that. */
  readonly spoil?: (header: Buffer) => void
}

export function header(entry: Entry): Buffer {
  const { name = 'file', type = '0', link = '', prefix = '', content = '', size } = entry
  const block = Buffer.alloc(512)
  const put = (value: string | Uint8Array, at: number) => void block.set(Buffer.from(value as string), at)
  put(name, 0)
  put('0000644\0', 100)
  put('0000000\0', 108)
  put('0000000\0', 116)
  put(
    size ??
      `${Buffer.byteLength(content as string)
        .toString(8)
        .padStart(11, '0')}\0`,
    124,
  )
  put('00000000000\0', 136)
  put(type, 156)
  put(link, 157)
  put('ustar\x0000', 257)
  put(prefix, 345)
  entry.edit?.(block)
  checksum(block)
  entry.spoil?.(block)
  return block
}

export function checksum(block: Buffer): void {
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
}

export function member(entry: Entry): Buffer {
  const content = Buffer.from((entry.content ?? '') as string)
  return Buffer.concat([header(entry), content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

const END = Buffer.alloc(1_024)
export const tar = (...entries: readonly Entry[]): Buffer => Buffer.concat([...entries.map(member), END])

/** A pax record says its own length, digits included. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest)
  while (`${length}`.length + Buffer.byteLength(rest) !== length) length++
  return `${length}${rest}`
}
