/** The person who labels, simulated: reads label requests from S3, looks the truth up, drops ground truth back. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'

const POLL_MS = 500

export interface Labeller {
  readonly labelled: () => number
  stop(): Promise<void>
}

export function startLabeller(options: {
  readonly s3: S3Client
  readonly model: string
  readonly dropBucket: string
  readonly artefactBucket: string
  readonly truth: (eventId: string) => string | undefined
}): Labeller {
  const { s3, model, dropBucket, artefactBucket, truth } = options
  const done = new Set<string>()
  const known = new Set<string>()
  let running = true
  const answer = async (key: string): Promise<void> => {
    const request = await s3.send(new GetObjectCommand({ Bucket: artefactBucket, Key: key }))
    const lines = ((await request.Body?.transformToString()) ?? '').split('\n').filter(line => line !== '')
    const labels = lines.flatMap(line => {
      const { eventId } = JSON.parse(line) as { eventId: string }
      const label = known.has(eventId) ? undefined : truth(eventId)
      if (label === undefined) return []
      known.add(eventId)
      return [
        JSON.stringify({
          groundTruthData: { data: label, encoding: 'CSV' },
          eventMetadata: { eventId },
          eventVersion: '0',
        }),
      ]
    })
    if (labels.length === 0) return
    const name = key.slice(key.lastIndexOf('/') + 1)
    await s3.send(
      new PutObjectCommand({
        Bucket: dropBucket,
        Key: `labels/${model}/${name}`,
        Body: `${labels.join('\n')}\n`,
      }),
    )
  }
  const loop = async (): Promise<void> => {
    while (running) {
      const found = await s3.send(
        new ListObjectsV2Command({ Bucket: artefactBucket, Prefix: `label-requests/${model}/` }),
      )
      for (const { Key = '' } of found.Contents ?? []) {
        if (done.has(Key)) continue
        done.add(Key)
        await answer(Key)
      }
      await new Promise(resolve => setTimeout(resolve, POLL_MS))
    }
  }
  const ended = loop()
  // A fault is reported by stop(); until then it must not end the process.
  ended.catch(() => {})
  return {
    labelled: () => known.size,
    stop() {
      running = false
      return ended
    },
  }
}
