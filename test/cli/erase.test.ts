/** `npx edgeloop erase` against the local cloud, with the rights that its help names and no others. */
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Credentials } from '../../local/core/services.ts'
import type { PolicyStatement } from '../../local/core/types.ts'
import { erasePorts } from '../../scripts/cli/erase-stack.ts'
import type { Kept } from '../../scripts/lib/erase/ports.ts'
import type { AuditRow } from '../../src/domain/entities.ts'
import { admittedKey } from '../../src/domain/sampling/admitted.ts'
import { channelKey } from '../../src/domain/training/assemble.ts'
import { account } from '../local/http-cloud.ts'
import { eventId, runChain } from '../loop/chain.ts'
import { everyVersion, names, startEraseCloud } from './erase-cloud.ts'
import { erasing, shapeOf } from './runbooks.ts'
import { history, run } from './support.ts'

const chain = await runChain()
const { trainingSetDigest: setDigest = '', field } = chain.version(2)
const original = field?.digest ?? ''
const DEVICE = ['erase', 'demo', '--device', 'lab-2', '--reason', 'its owner asked for it']
const requestKey =
  [...chain.world.state.artefacts.keys()].find(k => k.startsWith('label-requests/demo/')) ?? ''

const table = (name: string) => `arn:aws:dynamodb:eu-west-1:${account}:table/${name}`
const artefacts = `arn:aws:s3:::${names.artefactBucket}`
const drops = `arn:aws:s3:::${names.dropBucket}`
const allow = (Action: string[], Resource: string[]): PolicyStatement => ({
  Effect: 'Allow',
  Action,
  Resource,
})
const prefixed = (...prefixes: string[]) => prefixes.map(p => `${artefacts}/${p}/*`)
/** What the help says. */
const RIGHTS: PolicyStatement[] = [
  allow(
    ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'],
    [table(names.stateTable), table(names.quarantineTable)],
  ),
  allow(['s3:ListBucketVersions'], [artefacts, drops]),
  allow(
    ['s3:GetObjectVersion', 's3:GetObject', 's3:PutObject'],
    prefixed('field', 'training', 'label-requests'),
  ),
  allow(['s3:GetObjectVersion'], [`${drops}/labels/*`]),
]
const DELETE = allow(['s3:DeleteObjectVersion'], prefixed('field', 'training', 'label-requests'))

const VARIABLES = {
  AWS_ENDPOINT_URL: '',
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  AWS_SESSION_TOKEN: '',
  TOKEN: 'any',
}
const before = Object.keys(VARIABLES).map(name => [name, process.env[name]] as const)
let cloud: Awaited<ReturnType<typeof startEraseCloud>>
const as = ({ accessKeyId, secretAccessKey, sessionToken = '' }: Credentials): void => {
  Object.assign(process.env, {
    ...VARIABLES,
    ...{ AWS_ENDPOINT_URL: cloud.endpoint, AWS_SESSION_TOKEN: sessionToken },
    ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  })
  if (sessionToken === '') delete process.env['AWS_SESSION_TOKEN']
}
const put = (Key: string, Body: string) =>
  cloud.s3.send(new PutObjectCommand({ Bucket: names.artefactBucket, Key, Body }))
const textOf = async (Key: string, VersionId?: string): Promise<string> => {
  const { Body } = await cloud.s3.send(new GetObjectCommand({ Bucket: names.artefactBucket, Key, VersionId }))
  return (await Body?.transformToString()) ?? ''
}
const kept = () => everyVersion(cloud.s3, names.artefactBucket)
const rowsOf = async (thing: string): Promise<number> =>
  (await cloud.quarantine.query('SAMPLES#demo')).filter(r => r.key.sk.endsWith(`#${thing}`)).length

beforeAll(async () => {
  cloud = await startEraseCloud(chain.world)
  // As after somebody's `aws s3 rm`: behind the marker everything is still there.
  const Key = channelKey('demo', setDigest, 'field')
  await cloud.s3.send(new DeleteObjectCommand({ Bucket: names.artefactBucket, Key }))
  // As after an erasure that was cut off: the newest version is without the lines, an older one has them.
  const rest = (await textOf(requestKey)).split('\n').filter(line => !line.includes('"lab-2"'))
  await put(requestKey, rest.join('\n'))
})
beforeEach(() => as(cloud.operator))
afterEach(() => {
  for (const [name, value] of before)
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
})
afterAll(() => cloud?.close())

describe('before anything is erased', () => {
  it.each([
    [['erase', '--device', 'a', '--reason', 'x'], 'name one model'],
    [['erase', 'Demo', '--device', 'a', '--reason', 'x'], '"Demo" is no name of a model'],
    [['erase', 'demo', '--reason', 'x'], 'give either --device or --sample'],
    [
      ['erase', 'demo', '--device', 'a', '--sample', 'b', '--reason', 'x'],
      'give either --device or --sample',
    ],
    [['erase', 'demo', '--device', 'a b', '--reason', 'x'], '--device: "a b" is no name of a device'],
    [['erase', 'demo', '--sample', 'a b', '--reason', 'x'], '--sample: "a b" is no event id'],
    [['erase', 'demo', '--device', 'a'], '--reason is needed'],
    [['erase', 'demo', '--device', 'a', '--reason', ' '], '--reason must have 1 to 500 characters'],
    [['erase', 'demo', '--device', 'a', '--reason', 'x'], '--yes is needed where nobody can answer'],
    [['erase', 'other', '--device', 'a', '--reason', 'x', '--yes'], 'the stack knows no model "other"'],
  ])('%j is refused', async (args, message) => {
    const { exit, out, err } = await run(args)
    expect([exit, out]).toEqual([2, ''])
    expect(err).toContain(message)
  })
  it('a dry run shows what would be done, and a person may say no', async () => {
    const there = await kept()
    const dry = await run([...DEVICE, '--dry-run'])
    expect([dry.exit, dry.err]).toEqual([0, ''])
    expect(dry.out).toMatch(
      /^Will be erased\n +90 {2}samples in quarantine, with their labels\n +90 {2}samples in admitted/,
    )
    expect(dry.out).toContain('stays: 90 lines of labels/demo/first.jsonl')
    const no = await run(DEVICE, ['y'])
    expect([no.exit, no.out]).toEqual([1, 'Nothing was erased.\n'])
    expect(no.err).toContain('samples in the channels of training set')
    expect(await kept()).toEqual(there)
    expect(await rowsOf('lab-2')).toBe(90)
  })
  it('of a device that sent nothing there is nothing to do', async () => {
    const { exit, out } = await run(['erase', 'demo', '--device', 'lab-9', '--reason', 'x', '--yes'])
    expect([exit, out]).toEqual([0, '✓ nothing of it is left in demo\n'])
  })
})

describe('with the rights that the help names', () => {
  it('but one, it stops where that is missing, and says which', async () => {
    as(cloud.role('almost', RIGHTS))
    const { exit, err } = await run([...DEVICE, '--yes'])
    expect(exit).toBe(3)
    expect(err).toMatch(/S3: not allowed: .*DeleteObjectVersion/)
    as(cloud.operator)
    const other = await run(['erase', 'demo', '--device', 'lab-3', '--reason', 'x', '--yes'])
    expect([other.exit, other.out]).toEqual([1, ''])
    expect(other.err).toContain(
      'has not ended; finish it first: npx edgeloop erase demo --device lab-2 --reason "…"',
    )
    expect(await rowsOf('lab-3')).toBe(90)
  })
  it('a second run finishes it: every version is gone, and all else is there', async () => {
    as(cloud.role('eraser', [...RIGHTS, DELETE]))
    const { exit, out, err } = await run([...DEVICE, '--yes'])
    expect([exit, err]).toEqual([0, expect.stringContaining('goes on with what began')])
    expect(out).toMatch(/run it once more in\s+15 minutes/)
    as(cloud.operator)
    expect([await rowsOf('lab-2'), await rowsOf('lab-1')]).toEqual([0, 90])
    const left = await kept()
    const keysLeft = left.map(line => line.slice(0, line.lastIndexOf(' ')))
    for (const key of [
      admittedKey('demo', original),
      ...(['train', 'validation', 'field'] as const).map(c => channelKey('demo', setDigest, c)),
    ])
      expect(keysLeft).not.toContain(key)
    expect(keysLeft).toContain(channelKey('demo', setDigest, 'holdout'))
    expect(keysLeft.filter(k => k === requestKey)).toHaveLength(1)
    for (const line of left.filter(l => /^(field\/.*samples|label-requests)/.test(l))) {
      const cut = line.lastIndexOf(' ')
      expect(await textOf(line.slice(0, cut), line.slice(cut + 1))).not.toContain('lab-2')
    }
    expect(await textOf(requestKey)).toContain('"lab-1"')
    expect(await everyVersion(cloud.s3, names.dropBucket, 'labels/')).toHaveLength(1)
  })
  it('a third finds nothing', async () => {
    const { exit, json } = await run([...DEVICE, '--yes', '--json'])
    expect([exit, json()]).toEqual([
      0,
      expect.objectContaining({ result: 'nothing', model: 'demo', rows: 0, admitted: 0, leftovers: 0 }),
    ])
    expect(JSON.stringify(json()['subject'])).not.toContain('lab-2')
  })
  it('is on record with whose credentials they were', async () => {
    const [audit] = await cloud.store.list<AuditRow>('AUDIT', { newestFirst: true, limit: 1 })
    expect(audit?.data).toMatchObject({
      ...{ action: 'ERASE_SAMPLES', change: { reason: 'its owner asked for it' } },
      by: `arn:aws:sts::${account}:assumed-role/almost/almost-session`,
    })
  })
})

describe('lineage afterwards', () => {
  it.each([
    [
      'a version',
      'demo@2',
      /erasure +[0-9a-f]{12}… 90 of its samples, 2[^ ]+: its owner asked for it; 90 of those/,
    ],
    [
      'a prediction',
      eventId('lab-2', 5),
      /^Lineage of erasure:[\s\S]*\n {2}erasure +[0-9a-f]{12}… 1 of its samples/,
    ],
  ] as const)('of %s verifies, and says what was erased', async (_, target, says) => {
    const { exit, out } = await run(['lineage', target, '--verify', '--api', cloud.api])
    expect(exit).toBe(0)
    expect(out.replaceAll(/\n {33}/g, ' ')).toMatch(says)
    expect(out).toContain('digests hold, and what was signed is what is told')
  })
})

describe('one sample', () => {
  it('is erased alone, after a person has said yes', async () => {
    const args = ['erase', 'demo', '--sample', eventId('lab-1', 5), '--reason', 'a wrong reading']
    const { exit, out } = await run(args, ['yes'])
    expect([exit, out]).toEqual([0, expect.stringMatching(/^Erased\n +1 {2}samples in quarantine/)])
    expect(await rowsOf('lab-1')).toBe(89)
    const { out: told } = await run(['lineage', eventId('lab-1', 5), '--api', cloud.api, '--json'])
    expect(JSON.parse(told)).toMatchObject({ subject: expect.stringMatching(/^erasure:/) })
  })
})

describe('a bucket with many versions', () => {
  it('is read page by page, and a key that ends within one is whole', async () => {
    const counts = { 'pages/a': 700, 'pages/b': 601, 'pages/c': 1 }
    for (const [key, count] of Object.entries(counts))
      for (let at = 0; at < count; at += 50)
        await Promise.all(Array.from({ length: Math.min(50, count - at) }, (_, i) => put(key, `${at + i}`)))
    const { accessKeyId, secretAccessKey } = cloud.operator
    const config = {
      ...{ endpoint: cloud.endpoint, region: 'eu-west-1', credentials: { accessKeyId, secretAccessKey } },
    }
    const ports = erasePorts({ stage: 'dev', config, caller: '', names })
    const found: Kept[] = []
    for await (const each of ports.artefacts.versions('pages/')) found.push(each)
    expect(Object.fromEntries(found.map(f => [f.key, f.versions.length]))).toEqual(counts)
    expect(found.map(f => f.present)).toEqual([true, true, true])
    const [a] = found
    await ports.artefacts.remove('pages/a', a?.versions.map(v => v.id) ?? [])
    ports.close()
    expect(await everyVersion(cloud.s3, names.artefactBucket, 'pages/a')).toEqual([])
  })
})

describe('the runbook', () => {
  it('tells people to type nothing that was not run here', () => {
    const done = new Set(history.map(args => shapeOf(args)))
    const told = erasing().flatMap(({ lines }) => lines.map(args => shapeOf(args)))
    expect(told.length).toBeGreaterThan(3)
    expect(told.filter(line => !done.has(line))).toEqual([])
  })
})
