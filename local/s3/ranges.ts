import { invalidArgument, S3Error } from './errors.ts'
import type { StoredVersion } from './model.ts'

export interface Slice {
  readonly start: number
  readonly length: number
  /** Content-Range, when it is only a part of the object. */
  readonly contentRange?: string
}

/**
 * The bytes that `Range: bytes=…` or `partNumber` ask for. Like S3, takes one range only and ignores what it
 * cannot read. Throws InvalidRange (416).
 */
export function sliceOf(version: StoredVersion, range: string | undefined, partNumber: string | null): Slice {
  if (partNumber !== null) return partSlice(version, partNumber)
  const match = /^bytes=(\d*)-(\d*)$/.exec(range?.trim() ?? '')
  const [, from = '', to = ''] = match ?? []
  if (match === null || (from === '' && to === '')) return { start: 0, length: version.size }
  const { size } = version
  const start = from === '' ? Math.max(size - Number(to), 0) : Number(from)
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1)
  if (from !== '' && to !== '' && Number(to) < Number(from)) return { start: 0, length: size }
  if (start >= size || (from === '' && Number(to) === 0))
    throw new S3Error(
      'InvalidRange',
      'The requested range is not satisfiable',
      416,
      { RangeRequested: range ?? '', ActualObjectSize: String(size) },
      { 'content-range': `bytes */${size}` },
    )
  return partial(start, end - start + 1, size)
}

function partSlice(version: StoredVersion, text: string): Slice {
  const sizes = version.partSizes ?? [version.size]
  const number = Number(text)
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw invalidArgument('partNumber', 'Part number must be an integer between 1 and 10000, inclusive')
  const length = sizes[number - 1]
  if (length === undefined)
    throw new S3Error('InvalidPartNumber', 'The requested partnumber is not satisfiable', 416)
  const start = sizes.slice(0, number - 1).reduce((sum, size) => sum + size, 0)
  return partial(start, length, version.size)
}

function partial(start: number, length: number, size: number): Slice {
  return { start, length, contentRange: `bytes ${start}-${start + length - 1}/${size}` }
}
