/** `npx edgeloop drop` on the local cloud: from a new project to a signed package, and everything that is refused. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IN_PARTS_FROM } from '../../scripts/cli/drop/upload.ts'
import { blobKey } from '../../src/domain/training/assemble.ts'
import { type CommandCloud, startCommandCloud } from './cloud-support.ts'
import { must, run } from './support.ts'

interface Dropped {
  readonly key: string
  readonly sha256: string
  readonly versionId: string
  readonly correlation: string
  readonly fate: { readonly result: string; readonly text: string; readonly version?: number } | null
}
const dropped = async (...args: string[]): Promise<Dropped[]> =>
  ((await must('drop', ...args)) as { dropped: Dropped[] }).dropped

let cloud: CommandCloud
let project: string
let s3: S3Client
beforeAll(async () => {
  cloud = await startCommandCloud()
  s3 = new S3Client({ ...cloud.h.client, forcePathStyle: true })
  project = join(cloud.dir, 'pumps')
  await must('init', project)
  execFileSync(process.execPath, [join(project, 'make-data.mjs'), '1200'])
})
afterAll(async () => {
  s3?.destroy()
  await cloud?.close()
})
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(cloud.dir, name), content)
  return join(cloud.dir, name)
}
const Bucket = () => String(cloud.h.cloud.outputs['DropBucketName'])

describe('a new project', () => {
  it('is trained, compiled and signed by what its README says, and its rollout is planned', async () => {
    const [model] = await dropped('model', join(project, 'model.yaml'), '--wait')
    expect(model).toMatchObject({ key: 'models/pumps/model.yaml', fate: { result: 'done' } })
    const data = join(project, 'readings.csv')
    const [early] = await dropped('dataset', data, '--model', 'pumps', '--wait', '--until', 'packaged')
    expect(early).toMatchObject({ key: 'datasets/pumps/readings.csv', fate: { result: 'done', version: 1 } })
    expect(early?.sha256).toBe(createHash('sha256').update(readFileSync(data)).digest('hex'))
    const event = await cloud.h.event('RolloutPlanned')
    expect(event).toMatchObject({ model: 'pumps', version: 1 })
    const { json } = await run(['verify', 'pumps@1', '--json'])
    expect(json()['holds']).toBe(true)
  })

  it('is not dropped twice: the same bytes count once', async () => {
    const { exit, out } = await run(['drop', 'dataset', join(project, 'readings.csv'), '--model', 'pumps'])
    expect(exit).toBe(1)
    expect(out).toContain('DUPLICATE_DATASET')
    expect(out).toContain('Nothing was dropped.')
  })

  it('carries the correlation that the events of the drop have', async () => {
    const rows = readFileSync(join(project, 'readings.csv'), 'utf8').split('\n')
    const more = file('more.csv', [rows[0], ...rows.slice(1, 300)].join('\n'))
    const seen: string[] = []
    cloud.h.cloud.events.onEvent((event, bus) => {
      const { metadata } = event['detail'] as { metadata?: { correlationId: string } }
      if (bus !== 'default' && event['detail-type'] === 'DatasetRegistered')
        seen.push(metadata?.correlationId ?? '')
    })
    const [one] = await dropped('dataset', more, '--model', 'pumps', '--until', 'registered')
    await cloud.h.event('DatasetRegistered', d => d['dataset'] === one?.sha256)
    expect(seen).toEqual([one?.correlation])
  })
})

describe('a file with faults', () => {
  it('is shown as validate shows it, and nothing goes up, the good one beside it neither', async () => {
    const good = file('fine.csv', 'pump,vibration,temperature,current,fault\np,1,2,3,0\n')
    const bad = file('bad.csv', 'pump,vibration,temperature,current,fault\np,1,2,x,0\n')
    const { exit, out } = await run(['drop', 'dataset', good, bad, '--model', 'pumps'])
    expect(exit).toBe(1)
    expect(out).toContain('bad.csv:2:7  NOT_A_NUMBER')
    const Key = 'datasets/pumps/fine.csv'
    await expect(s3.send(new HeadObjectCommand({ Bucket: Bucket(), Key }))).rejects.toThrow()
  })

  it('that goes up all the same is refused by the loop, and --wait says so', async () => {
    const bad = file('worse.csv', 'pump,vibration,temperature,current,fault\np,1,2,x,0\n')
    const { exit, json } = await run([
      'drop',
      'dataset',
      bad,
      '--model',
      'pumps',
      '--no-validate',
      '--wait',
      '--json',
    ])
    expect(exit).toBe(1)
    const [only] = (json() as { dropped: Dropped[] }).dropped
    expect(only?.fate).toMatchObject({ result: 'refused', text: expect.stringContaining('NOT_A_NUMBER') })
  })

  it('of a model that is none yet waits for its model.yaml', async () => {
    const rows = file('early.csv', 'pump,vibration,temperature,current,fault\np,1,2,3,0\n')
    const ran = await run(['drop', 'dataset', rows, '--model', 'nobody', '--wait', '--timeout', '1'])
    expect(ran.exit).toBe(1)
    expect(ran.err).toContain('the stack has no model.yaml for it yet')
    expect(ran.out).toMatch(/refused: MODEL_UNKNOWN|waits for models\/nobody\/model.yaml/)
  })

  it('is checked against a model.yaml of one’s own', async () => {
    const rows = file('own.csv', 'pump,vibration,temperature,current,fault\np,x,2,3,0\n')
    const config = join(project, 'model.yaml')
    const ran = await run(['drop', 'dataset', rows, '--model', 'nobody', '--config', config])
    expect([ran.exit, ran.out]).toEqual([1, expect.stringContaining('own.csv:2:3  NOT_A_NUMBER')])
  })
})

describe('the other kinds', () => {
  it('labels: what matched and what did not', async () => {
    const truth = { groundTruthData: { data: '1', encoding: 'CSV' }, eventVersion: '0' }
    const labels = file('l.jsonl', JSON.stringify({ ...truth, eventMetadata: { eventId: 'pump-1-1-1' } }))
    const [one] = await dropped('labels', labels, '--model', 'pumps', '--wait')
    expect(one?.fate).toMatchObject({ result: 'done', text: '0 labels matched, 1 did not' })
  })

  it('devices: until they may enrol', async () => {
    const list = file(
      'depot.csv',
      'serial,fleet,hardware\npump-1,plant,gateway-arm64\npump-2,plant,gateway-arm64\n',
    )
    const [one] = await dropped('devices', list, '--wait')
    expect(one).toMatchObject({ key: 'devices/depot.csv', fate: { text: '2 devices are on the allow-list' } })
  })

  it('imports: what XGBoost did not write is refused before it goes up', async () => {
    const { exit, out } = await run(['drop', 'import', file('m.json', '{}'), '--model', 'pumps'])
    expect([exit, out]).toEqual([1, expect.stringContaining('MODEL_FORMAT')])
    const none = await run(['drop', 'import', file('m.json', '{}'), '--model', 'nobody'])
    expect([none.exit, none.out]).toEqual([1, expect.stringContaining('MODEL_UNKNOWN')])
  })

  it('imports: the trained model itself comes back as the next version', async () => {
    const { store, client, cloud: local } = cloud.h
    const row = await store.get<{ modelDigest: string }>({ pk: 'MODEL#pumps', sk: 'VERSION#0000001' })
    const artefacts = new S3Client({ ...client, forcePathStyle: true })
    const { Body } = await artefacts.send(
      new GetObjectCommand({
        Bucket: String(local.outputs['ArtefactBucketName']),
        Key: blobKey(row?.data.modelDigest ?? ''),
      }),
    )
    const bytes = await Body?.transformToByteArray()
    artefacts.destroy()
    const [one] = await dropped(
      'import',
      file('model.ubj', bytes ?? new Uint8Array()),
      '--model',
      'pumps',
      '--wait',
    )
    expect(one?.fate).toMatchObject({ result: 'done', version: expect.any(Number) })
  })
})

describe('a large file', () => {
  it('goes up in parts, arrives whole, and leaves no parts behind', async () => {
    const line = 'pump-1,1.23,45.6,14.20,0\n'
    const body = `pump,vibration,temperature,current,fault\n${line.repeat(Math.ceil(IN_PARTS_FROM / line.length) + 1)}`
    const large = file('large.csv', body)
    const [one] = await dropped('dataset', large, '--model', 'pumps', '--no-validate')
    const head = await s3.send(
      new HeadObjectCommand({ Bucket: Bucket(), Key: one?.key ?? '', VersionId: one?.versionId }),
    )
    expect(head.ContentLength).toBe(body.length)
    expect(head.ETag).toMatch(/-\d+"$/)
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: Bucket() }))
    expect(Uploads).toEqual([])
  })
})

describe('what is not taken', () => {
  it.each([
    [['drop'], 'name what it is: model, dataset'],
    [['drop', 'modl', 'x'], 'not "modl". Did you mean model?'],
    [['drop', 'dataset'], 'name at least one file'],
    [['drop', 'dataset', 'package.json'], '--model is needed'],
    [['drop', 'dataset', 'package.json', '--model', 'A b'], '--model: "A b" is no name of a model'],
    [['drop', 'model', 'package.json', '--model', 'x'], '--model does not go with model'],
    [['drop', 'devices', 'package.json'], 'a list of devices must be named NAME.csv'],
    [['drop', 'dataset', 'nothing.csv', '--model', 'm'], 'nothing.csv: there is no such file'],
    [['drop', 'dataset', 'package.json', '--model', 'm', '--until', 'soon'], '--until must be one of'],
    [
      ['drop', 'dataset', 'package.json', '--model', 'm', '--timeout', '0'],
      '--timeout must be a whole number',
    ],
    [['drop', 'model', 'package-lock.json'], 'at most 65536 are taken as model'],
  ])('%j', async (args, message) => {
    const { exit, err } = await run(args)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })

  it('an empty file', async () => {
    const { exit, err } = await run(['drop', 'dataset', file('empty.csv', ''), '--model', 'm'])
    expect([exit, err]).toEqual([2, expect.stringContaining('the file is empty')])
  })

  it('says that there is no stack of this name', async () => {
    const model = join(project, 'model.yaml')
    const { exit, err } = await run(['drop', 'model', model, '--stage', 'nowhere'])
    expect(exit).toBe(3)
    expect(err).toContain('there is no bucket edgeloop-nowhere-drops-123456789012: is the stack deployed')
  })
})
