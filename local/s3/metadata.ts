import { invalidRequest, notImplemented, S3Error } from './errors.ts'
import { checkedTags } from './tags.ts'

type Headers = Readonly<Record<string, string>>

const kept = [
  'cache-control',
  'content-disposition',
  'content-language',
  'content-type',
  'expires',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
]

/** The headers of a write that are stored with the object; refuses those that the local S3 could not honour. */
export function storedHeaders(headers: Headers): Record<string, string> {
  refuseUnsupported(headers)
  const stored: Record<string, string> = {
    'content-type': 'binary/octet-stream',
    'x-amz-server-side-encryption': 'AES256',
  }
  let metadataBytes = 0
  for (const [name, value] of Object.entries(headers)) {
    if (kept.includes(name)) stored[name] = value
    if (!name.startsWith('x-amz-meta-')) continue
    stored[name] = value
    metadataBytes += name.length - 'x-amz-meta-'.length + value.length
  }
  if (metadataBytes > 2048)
    throw new S3Error(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      400,
    )
  // aws-chunked describes the transfer, not the object.
  const encodings = (headers['content-encoding'] ?? '').split(',').map(part => part.trim())
  const encoding = encodings.filter(part => part !== '' && part !== 'aws-chunked').join(',')
  if (encoding !== '') stored['content-encoding'] = encoding
  if (stored['x-amz-storage-class'] === 'STANDARD') delete stored['x-amz-storage-class']
  return stored
}

function refuseUnsupported(headers: Headers): void {
  const acl = headers['x-amz-acl']
  const grants = Object.keys(headers).some(name => name.startsWith('x-amz-grant-'))
  if (grants || (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control'))
    throw new S3Error('AccessControlListNotSupported', 'The bucket does not allow ACLs', 400)
  if (headers['x-amz-server-side-encryption-customer-algorithm'] !== undefined)
    throw notImplemented('server-side encryption with customer keys')
  if (Object.keys(headers).some(name => name.startsWith('x-amz-object-lock-')))
    throw invalidRequest('Bucket is missing Object Lock Configuration')
}

/** Tags from the `x-amz-tagging` header, which is written as a query string. */
export function headerTags(headers: Headers): Readonly<Record<string, string>> {
  return checkedTags([...new URLSearchParams(headers['x-amz-tagging'] ?? '')])
}
