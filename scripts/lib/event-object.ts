/** The object that an S3 event is about: a sample event is of no use in a cloud that does not hold it. */
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import * as z from 'zod'

const objectCreated = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  detail: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
})

export interface EventObject {
  readonly bucket: string
  readonly key: string
}

/** Undefined for every other event. */
export function objectOf(event: unknown): EventObject | undefined {
  const { data } = objectCreated.safeParse(event)
  return data && { bucket: data.detail.bucket.name, key: data.detail.object.key }
}

/** False when the bucket or the object is not there. Who may not look is not told, and goes on. */
export async function holdsObject(s3: S3Client, { bucket, key }: EventObject): Promise<boolean> {
  try {
    await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    return true
  } catch (error) {
    return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode !== 404
  }
}

export const putObject = async (s3: S3Client, { bucket, key }: EventObject, body: Uint8Array) => {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))
}

export const missing = ({ bucket, key }: EventObject): string =>
  `the event is about s3://${bucket}/${key}, which this cloud does not hold; --object FILE puts FILE there first`
