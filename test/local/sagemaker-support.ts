/** A small real cloud for SageMaker tests: front, IAM and S3 of the project, plus programs made on the fly. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { SageMakerClient } from '@aws-sdk/client-sagemaker'
import { parseTarGzip } from 'nanotar'
import type { Iam, SageMaker } from '../../local/core/services.ts'
import type { PolicyDocument, ServiceEvent } from '../../local/core/types.ts'
import { startFront } from '../../local/http/front.ts'
import { createIam } from '../../local/iam/index.ts'
import { createS3 } from '../../local/s3/index.ts'
import { createSageMaker, type SageMakerOptions } from '../../local/sagemaker/index.ts'
import { testRealm } from './events-support.ts'

export const ROLE = 'arn:aws:iam::123456789012:role/jobs'
const allow = (actions: readonly string[], resources: readonly string[]): PolicyDocument => ({
  Statement: [{ Effect: 'Allow', Action: actions, Resource: resources }],
})
const trust = (service: string): PolicyDocument => ({
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: service } }],
})

export async function smallCloud(options: Partial<SageMakerOptions> = {}) {
  const realm = testRealm()
  const iam: Iam = createIam(realm)
  const events: ServiceEvent[] = []
  const lines: string[] = []
  const s3 = createS3({ realm, iam, emit: () => {} })
  const start = (): SageMaker =>
    createSageMaker({
      realm,
      iam,
      emit: event => events.push(event),
      onLog: (group, stream, line) => lines.push(`${group} ${stream.replace(/-\d+$/, '-N')} ${line}`),
      stopGraceSeconds: 5,
      ...options,
    })
  let sagemaker = start()
  const front = await startFront({
    realm,
    iam,
    port: 0,
    services: [
      s3.service,
      {
        ...sagemaker.service,
        get operations() {
          return sagemaker.service.operations
        },
      },
    ],
  })
  s3.createBucket({ BucketName: 'lake' })
  iam.addRole({
    name: 'jobs',
    arn: ROLE,
    trust: trust('sagemaker.amazonaws.com'),
    policies: [
      {
        name: 'read',
        document: allow(
          ['s3:GetObject', 's3:PutObject'],
          ['arn:aws:s3:::lake/data/*', 'arn:aws:s3:::lake/out/*'],
        ),
      },
      { name: 'list', document: allow(['s3:ListBucket'], ['arn:aws:s3:::lake']) },
      {
        name: 'run',
        document: allow(
          [
            'ecr:GetAuthorizationToken',
            'ecr:BatchCheckLayerAvailability',
            'ecr:GetDownloadUrlForLayer',
            'ecr:BatchGetImage',
            'logs:CreateLogGroup',
            'logs:CreateLogStream',
            'logs:PutLogEvents',
          ],
          ['*'],
        ),
      },
    ],
  })
  iam.addRole({
    name: 'no-image',
    arn: ROLE.replace('jobs', 'no-image'),
    trust: trust('sagemaker.amazonaws.com'),
    policies: [{ name: 'read', document: allow(['s3:GetObject'], ['arn:aws:s3:::lake/data/*']) }],
  })
  iam.addRole({
    name: 'lambda-only',
    arn: ROLE.replace('jobs', 'lambda-only'),
    trust: trust('lambda.amazonaws.com'),
    policies: [],
  })
  const config = { endpoint: realm.endpoint, region: realm.region }
  const client = new SageMakerClient({ ...config, credentials: iam.operator, maxAttempts: 1 })
  const store = new S3Client({ ...config, credentials: iam.operator, forcePathStyle: true })
  return {
    realm,
    iam,
    events,
    lines,
    client,
    /** A client with the rights of a role that has only these statements. */
    clientAs(statements: PolicyDocument['Statement']) {
      iam.addRole({
        name: 'caller',
        arn: ROLE.replace('jobs', 'caller'),
        trust: trust('lambda.amazonaws.com'),
        policies: [{ name: 'p', document: { Statement: statements } }],
      })
      return new SageMakerClient({
        ...config,
        credentials: iam.credentialsFor('caller', 'fn'),
        maxAttempts: 1,
      })
    },
    put: (Key: string, Body: string | Buffer) =>
      store.send(new PutObjectCommand({ Bucket: 'lake', Key, Body })),
    head: (Key: string) => store.send(new HeadObjectCommand({ Bucket: 'lake', Key })),
    async bytes(Key: string): Promise<Buffer> {
      const { Body } = await store.send(new GetObjectCommand({ Bucket: 'lake', Key }))
      return Buffer.from((await Body?.transformToByteArray()) ?? [])
    },
    /** Files of a tar.gz in the bucket, read by another implementation of tar. */
    async untar(Key: string): Promise<Record<string, string>> {
      const { Body } = await store.send(new GetObjectCommand({ Bucket: 'lake', Key }))
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
      const files = await parseTarGzip(bytes)
      return Object.fromEntries(files.map(file => [file.name, Buffer.from(file.data ?? []).toString()]))
    },
    async restart() {
      await sagemaker.close()
      sagemaker = start()
    },
    closeSageMaker: () => sagemaker.close(),
    async close() {
      await sagemaker.close()
      client.destroy()
      store.destroy()
      await front.close()
      await s3.close()
      realm.remove()
    },
  }
}
export type SmallCloud = Awaited<ReturnType<typeof smallCloud>>

/** A Node program in a file; the command that runs it. */
export function program(dir: string, name: string, source: string): string[] {
  const file = join(dir, `${name}.mjs`)
  writeFileSync(file, source)
  return [process.execPath, file]
}
