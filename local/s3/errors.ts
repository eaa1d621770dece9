import { AwsError } from '../core/types.ts'

/** An S3 error; `headers` go on the response (delete markers, ranges), `extra` into the XML. */
export class S3Error extends AwsError {
  readonly headers: Readonly<Record<string, string>>
  constructor(
    code: string,
    message: string,
    status: number,
    extra: Readonly<Record<string, string>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message, status, extra)
    this.headers = headers
  }
}

export const noSuchBucket = (bucket: string) =>
  new S3Error('NoSuchBucket', 'The specified bucket does not exist', 404, { BucketName: bucket })
export const noSuchKey = (key: string) =>
  new S3Error('NoSuchKey', 'The specified key does not exist.', 404, { Key: key })
export const noSuchVersion = (key: string, versionId: string) =>
  new S3Error('NoSuchVersion', 'The specified version does not exist.', 404, {
    Key: key,
    VersionId: versionId,
  })
export const noSuchUpload = (uploadId: string) =>
  new S3Error(
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    404,
    { UploadId: uploadId },
  )
export const invalidArgument = (name: string, message: string) =>
  new S3Error('InvalidArgument', message, 400, { ArgumentName: name })
export const invalidRequest = (message: string) => new S3Error('InvalidRequest', message, 400)
export const malformedXml = () =>
  new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    400,
  )
export const preconditionFailed = (condition: string) =>
  new S3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', 412, {
    Condition: condition,
  })
export const notImplemented = (what: string) =>
  new S3Error('NotImplemented', `The local cloud does not implement s3: ${what}.`, 501)
