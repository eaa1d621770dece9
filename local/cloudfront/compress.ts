import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Types and sizes that CloudFront compresses. Source: CloudFront developer guide, "Serve compressed files". */
const TYPES =
  /^(text\/(html|css|plain|javascript|xml|csv|markdown)|application\/(javascript|json|xml|wasm|x-javascript)|image\/svg\+xml|font\/(otf|ttf))\b/
const FROM_BYTES = 1000
const TO_BYTES = 10_000_000

export interface Compressed {
  readonly encoding: 'br' | 'gzip'
  readonly body: Buffer
}

/** Undefined where the object goes out as it is. Brotli is preferred, as CloudFront does. */
export async function compress(
  acceptEncoding: string | undefined,
  contentType: string | undefined,
  body: Buffer,
): Promise<Compressed | undefined> {
  if (!compressible(contentType, body.length)) return undefined
  const accepted = new Set(
    (acceptEncoding ?? '')
      .split(',')
      .map(each => each.trim().toLowerCase())
      .filter(each => !/;\s*q=0(\.0*)?$/.test(each))
      .map(each => each.split(';')[0]?.trim()),
  )
  if (accepted.has('br')) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: 5 }
    return { encoding: 'br', body: await promisify(brotliCompress)(body, { params }) }
  }
  return accepted.has('gzip') ? { encoding: 'gzip', body: await promisify(gzip)(body) } : undefined
}

export const compressible = (contentType: string | undefined, bytes: number): boolean =>
  bytes >= FROM_BYTES && bytes <= TO_BYTES && TYPES.test(contentType ?? '')
