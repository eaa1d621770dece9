/** `edgeloop verify` with files only: a chain that holds, and the same chain with each of its links broken in turn. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { archiveOf, json, makePackage, sha256, signingKey } from '../device/helpers.ts'
import { run } from './support.ts'
import {
  ALL,
  chainOf,
  edited,
  flipped,
  links,
  made,
  manifest,
  outcome,
  prepare,
  repacked,
  shop,
  verify,
  withPackage,
} from './verify-case.ts'
import { LINKS } from './verify-links.ts'

beforeAll(prepare)
afterAll(() => shop.remove())

describe('a chain that holds', () => {
  it('is explained step by step', async () => {
    const { exit, holds, broken, steps, release } = await outcome()
    expect([exit, holds, broken]).toEqual([0, true, null])
    expect(steps.map(s => s.name)).toEqual(ALL)
    expect(steps.filter(s => s.outcome !== 'holds')).toEqual([])
    expect(release).toMatchObject({ model: 'quality', version: 2 })
    const { out, err } = await verify({}, true)
    expect(err).toBe('')
    expect(out.match(/^✓/gm)).toHaveLength(ALL.length)
    expect(out).toContain('as committed release of slot quality on edge')
    expect(out).toContain('3 rows give the signed margins, bit for bit')
    expect(out.trimEnd().endsWith('quality.tar: the whole chain holds.')).toBe(true)
  })

  it('says what was not checked when parts are not given', async () => {
    const { exit, steps } = await outcome({ beacon: undefined, manifest: undefined })
    expect(exit).toBe(0)
    expect(steps.filter(s => s.outcome === 'note').map(s => s.name)).toEqual(['beacon', 'manifest'])
    const { out } = await verify({ beacon: undefined, manifest: undefined }, true)
    expect(out).toContain('quality.tar: what was checked holds. Not checked: beacon, manifest.')
  })

  it('takes the digest of the root that devices are made with', async () => {
    const digest = sha256(Buffer.from(links()[0]?.payload ?? '', 'base64'))
    expect(await outcome({ more: ['--pin', digest.slice(0, 12)] })).toMatchObject({ exit: 0 })
    expect(await outcome({ more: ['--pin', digest] })).toMatchObject({ exit: 0 })
  })

  it('says what one device is to run', async () => {
    const older = makePackage({ version: 3, lift: 0.5 })
    const candidate = {
      rollout: 'r',
      release: made.release,
      seed: 's',
      exposure: 1,
      control: 0,
      mode: 'active' as const,
    }
    const changes = { manifest: manifest(older.release, {}, { candidate }), more: ['--thing', 'cam-1'] }
    const { steps } = await outcome(changes)
    expect(steps.find(s => s.name === 'named')?.text).toMatch(
      /^as candidate of slot quality on edge; cam-1 draws 0\.\d{4} and is to run quality@2$/,
    )
  })
})

describe('a chain with one broken link', () => {
  it.each(LINKS)('%s', async (_, changes, name, code) => {
    const { exit, holds, broken, steps, release } = await outcome(changes())
    expect([exit, holds, release]).toEqual([1, false, null])
    expect([broken?.name, broken?.code]).toEqual([name, code])
    const at = steps.findIndex(s => s.outcome === 'broken')
    expect(steps.slice(0, at).filter(s => s.outcome === 'broken' || s.outcome === 'unchecked')).toEqual([])
    const behind = steps.slice(at + 1)
    expect(behind.filter(s => s.outcome !== 'unchecked' || s.text !== 'not checked')).toEqual([])
    if (name !== 'self-test') expect(behind.at(-1)?.name).toBe('self-test')
    const { out } = await verify(changes(), true)
    expect(out).toContain(`✗ ${name.padEnd(14)} ${code}: `)
    expect(out.trimEnd().endsWith(`quality.tar: broken at ${name} (${code}).`)).toBe(true)
  })

  it('breaks every kind of step', () => {
    const kinds = new Set(LINKS.map(([, , name]) => name))
    // These two have tests of their own below.
    expect(ALL.filter(name => !kinds.has(name))).toEqual(['validity', 'bars'])
  })

  it('a root that has expired', async () => {
    const { issued } = shop.walked()
    await shop.draftNext()
    shop.tamper({ issued, expires: new Date(Date.parse(issued) + 1).toISOString() })
    await shop.sign('alice')
    await shop.sign('carol')
    const { exit, broken } = await outcome({ chain: chainOf(...links(), shop.draftIn().link) })
    expect([exit, broken?.name, broken?.code]).toEqual([1, 'validity', 'ROOT_EXPIRED'])
  })
})

describe('without a manifest, the package’s own word counts', () => {
  const alone = { beacon: undefined, manifest: undefined }
  it.each([
    [
      'a package that is under the minimum',
      () => withPackage(makePackage({ version: 1 })),
      'bars',
      'RELEASE_TOO_OLD',
    ],
    ['one bit changed', () => ({ archive: flipped(made.archive, 700) }), 'contents', 'PACKAGE_CONTENT'],
    [
      'a file too many',
      () => repacked(files => archiveOf([...files, { name: 'x', bytes: json(1) }])),
      'contents',
      'PACKAGE_ARCHIVE',
    ],
    [
      'a contract that says nothing',
      () => withPackage(edited('contract.json', '{}')),
      'contents',
      'PACKAGE_CONTRACT',
    ],
    [
      'other hardware than the device’s',
      () => ({ more: ['--hardware', 'other'] }),
      'contents',
      'PACKAGE_CONTRACT',
    ],
    [
      'another key',
      () => withPackage(makePackage({ version: 2, key: signingKey() })),
      'bundle',
      'BUNDLE_SIGNATURE',
    ],
  ] as const)('%s', async (_, changes, name, code) => {
    const { exit, broken } = await outcome({ ...changes(), ...alone })
    expect([exit, broken?.name, broken?.code]).toEqual([1, name, code])
  })
})

describe('a target that is no file', () => {
  it.each([
    [
      'quality',
      '"quality" is no file, no MODEL@VERSION-HARDWARE, such as cold-chain@2-gateway, and no SHA-256',
    ],
    ['quality@x', '"quality@x" is no file'],
    ['abcdef', '"abcdef" is no file'],
  ])('%s', async (target, message) => {
    const { exit, err } = await run(['verify', target])
    expect([exit, err]).toEqual([2, expect.stringContaining(message)])
  })
})
