/** Screenshots as small files, and how far two of them differ. */
import { crc32, deflateSync } from 'node:zlib'
import pixelmatch from 'pixelmatch'
import { PNG } from 'pngjs'

export interface Image {
  readonly width: number
  readonly height: number
  /** RGBA. */
  readonly data: Uint8Array
}
const COLOURS = 256

/** Of a PNG of any kind. */
export const decode = (png: Uint8Array): Image => PNG.sync.read(png)

/** Four bits per channel, and at most 256 colours: what a baseline keeps of a screenshot. */
export function reduce({ width, height, data }: Image): Image {
  const counts = new Map<number, number>()
  const keys = new Uint16Array(width * height)
  for (let i = 0; i < keys.length; i++) {
    const level = (c: number): number => Math.round((data[i * 4 + c] ?? 0) / 17)
    const key = (level(0) << 8) | (level(1) << 4) | level(2)
    keys[i] = key
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const kept = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, COLOURS)
  const map = new Map<number, number>(kept.map(([key]) => [key, key]))
  const out = new Uint8Array(data.length)
  keys.forEach((key, i) => {
    if (!map.has(key)) map.set(key, nearest(key, kept))
    const shown = map.get(key) ?? 0
    out.set([(shown >> 8) * 17, ((shown >> 4) & 15) * 17, (shown & 15) * 17, 255], i * 4)
  })
  return { width, height, data: out }
}

function nearest(key: number, kept: readonly (readonly [number, number])[]): number {
  const channel = (k: number, shift: number): number => (k >> shift) & 15
  const distance = (a: number, b: number): number =>
    [8, 4, 0].reduce((sum, shift) => sum + (channel(a, shift) - channel(b, shift)) ** 2, 0)
  return kept.reduce((best, [k]) => (distance(k, key) < distance(best, key) ? k : best), kept[0]?.[0] ?? 0)
}

/** A reduced image as a PNG with a palette. */
export function encode({ width, height, data }: Image): Buffer {
  const palette = new Map<number, number>()
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = (y * width + x) * 4
      const colour = ((data[i] ?? 0) << 16) | ((data[i + 1] ?? 0) << 8) | (data[i + 2] ?? 0)
      const index = palette.get(colour) ?? palette.size
      if (index >= COLOURS) throw new RangeError('reduce the image first: it has more than 256 colours')
      palette.set(colour, index)
      rows[y * (width + 1) + 1 + x] = index
    }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const colours = Buffer.from([...palette.keys()].flatMap(c => [c >> 16, (c >> 8) & 255, c & 255]))
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    ...[chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', deflateSync(rows, { level: 9 }))],
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}

export interface Difference {
  /** Share of pixels that differ visibly; 1 for another size. */
  readonly share: number
  readonly picture: Buffer | undefined
}

/** Anti-aliased edges do not count. */
export function difference(a: Image, b: Image): Difference {
  if (a.width !== b.width || a.height !== b.height) return { share: 1, picture: undefined }
  const data = new Uint8Array(a.data.length)
  const pixels = pixelmatch(a.data, b.data, data, a.width, a.height, { threshold: 0.2 })
  return {
    share: pixels / (a.width * a.height),
    picture: PNG.sync.write({ width: a.width, height: a.height, data }),
  }
}
