import { noSuchKey, notImplemented, preconditionFailed, S3Error } from './errors.ts'
import type { StoredVersion } from './model.ts'

type Headers = Readonly<Record<string, string>>

const unquote = (etag: string): string => etag.trim().replace(/^W\//, '').replace(/^"|"$/g, '')
const names = (list: string, etag: string): boolean =>
  list.split(',').some(item => item.trim() === '*' || unquote(item) === etag)

/** Preconditions of GET and HEAD (RFC 9110 §13.2.2). Throws 412 PreconditionFailed or 304 NotModified. */
export function checkRead(
  headers: Headers,
  version: StoredVersion,
  prefix = '',
  answerHeaders: Headers = {},
): void {
  const modified = Date.parse(version.lastModified)
  const date = (name: string): number => Date.parse(headers[`${prefix}${name}`] ?? '')
  const ifMatch = headers[`${prefix}if-match`]
  const ifNoneMatch = headers[`${prefix}if-none-match`]
  // Copies answer 412 where reads answer 304.
  const unchanged = (condition: string) =>
    prefix === ''
      ? new S3Error('NotModified', 'Not Modified', 304, {}, answerHeaders)
      : preconditionFailed(condition)
  if (ifMatch !== undefined) {
    if (!names(ifMatch, version.etag)) throw preconditionFailed('If-Match')
  } else if (modified > date('if-unmodified-since')) throw preconditionFailed('If-Unmodified-Since')
  if (ifNoneMatch !== undefined) {
    if (names(ifNoneMatch, version.etag)) throw unchanged('If-None-Match')
  } else if (modified <= date('if-modified-since')) throw unchanged('If-Modified-Since')
}

/** Preconditions of writes: `If-None-Match: *` and `If-Match: etag`. */
export function checkWrite(headers: Headers, key: string, current: StoredVersion | undefined): void {
  const existing = current === undefined || current.deleteMarker ? undefined : current
  const ifNoneMatch = headers['if-none-match']
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() !== '*') throw notImplemented('If-None-Match on a write with anything but *')
    if (existing !== undefined) throw preconditionFailed('If-None-Match')
  }
  const ifMatch = headers['if-match']
  if (ifMatch === undefined) return
  if (existing === undefined) throw noSuchKey(key)
  if (!names(ifMatch, existing.etag)) throw preconditionFailed('If-Match')
}
