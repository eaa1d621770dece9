/** Keys and drafts, made without a cloud. */
import { createPrivateKey } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readRootKey } from '../../scripts/lib/root-keys.ts'
import type { TrustChain } from '../../src/contracts/manifest.ts'
import { deploymentKey, modelKey, signingKey } from '../device/helpers.ts'
import { must } from './support.ts'
import { refusal, Workshop } from './workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = new Workshop()
})
afterEach(() => shop.remove())

const says = (message: string) => [2, expect.stringContaining(message)]

describe('keys new-root', () => {
  const make = (...args: readonly string[]) => ['keys', 'new-root', '--dir', shop.path('keys'), ...args]

  it('makes a key per name that only its owner can read', async () => {
    const made = await must(...make('--names', 'alice,bob'))
    expect(made['encrypted']).toBe(false)
    expect(made['warnings']).toHaveLength(2)
    expect(readdirSync(shop.path('keys')).sort()).toEqual([
      'alice.pem',
      'alice.pub.pem',
      'bob.pem',
      'bob.pub.pem',
    ])
    expect(statSync(shop.path('keys')).mode & 0o777).toBe(0o700)
    for (const name of ['alice', 'bob']) expect(statSync(shop.pem(name)).mode & 0o777).toBe(0o600)
    expect((made['keys'] as { keyid: string }[]).map(k => k.keyid)).toEqual([
      shop.idOf('alice'),
      shop.idOf('bob'),
    ])
    expect(createPrivateKey(readFileSync(shop.pem('alice'))).asymmetricKeyDetails).toEqual({
      namedCurve: 'prime256v1',
    })
  })

  it('never overwrites a key, and makes none when one of the names is taken', async () => {
    await shop.newRoot('bob')
    const before = readFileSync(shop.pem('bob'))
    expect(await refusal(...make('--names', 'alice,bob'))).toEqual(says('bob.pem: is there already'))
    expect(readFileSync(shop.pem('bob'))).toEqual(before)
    expect(existsSync(shop.pem('alice'))).toBe(false)
    shop.write('keys/carol.pub.pem', 'somebody’s')
    expect(await refusal(...make('--names', 'carol'))).toEqual(says('carol.pub.pem: is there already'))
    expect(existsSync(shop.pem('carol'))).toBe(false)
  })

  it('encrypts with the first line of a passphrase file', async () => {
    const secret = shop.write('secret', 'correct horse battery\nanother line\n')
    const made = await must(...make('--names', 'alice', '--passphrase-file', secret))
    expect([made['encrypted'], made['warnings']]).toEqual([true, []])
    expect(readFileSync(shop.pem('alice'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY')
    expect(readRootKey(shop.pem('alice'), 'correct horse battery').hint).toMatch(/^[0-9a-f]{64}$/)
    const short = shop.write('short', 'horse\n')
    expect(await refusal(...make('--names', 'bob', '--passphrase-file', short))).toEqual(
      says('the first line must hold at least 8 characters'),
    )
  })

  it('says so when the folder is a file', async () => {
    const file = shop.write('file', '')
    expect(await refusal('keys', 'new-root', '--dir', file, '--names', 'alice')).toEqual(says('--dir: '))
  })
})

describe('keys root', () => {
  it('drafts the first root, in words and as data', async () => {
    const drafted = await shop.draftFirst()
    const { root, signers, changes } = drafted as Record<string, Record<string, unknown>[]>
    expect(root).toMatchObject({ version: 1, epoch: 1, minimumRelease: {}, revokedBundles: [] })
    expect(root).toMatchObject({ roles: { model: { keyids: [modelKey.hint] }, root: { threshold: 2 } } })
    expect(signers).toMatchObject([{ version: 1, need: 2 }])
    expect(changes).toHaveLength(1)
    expect(shop.draftIn()).toMatchObject({ previous: null, link: { signatures: [] } })
  })

  it('carries everything over that is not given', async () => {
    await shop.firstChain()
    await shop.draftNext('--minimum-release', 'quality=3', '--revoke-bundle', 'ab'.repeat(32))
    await shop.signAndPublish('alice', 'carol')
    await shop.draftNext('--years', '3')
    await shop.signAndPublish('bob', 'carol')
    expect(shop.walked()).toMatchObject({
      version: 3,
      epoch: 1,
      minimumRelease: { quality: 3 },
      revokedBundles: ['ab'.repeat(32)],
      roles: {
        root: { keyids: ['alice', 'bob', 'carol'].map(shop.idOf).sort(), threshold: 2 },
        deployment: { keyids: [deploymentKey.hint] },
      },
    })
    expect(
      await refusal(
        'keys',
        'root',
        '--from',
        shop.chain,
        '--out',
        shop.draft,
        '--minimum-release',
        'quality=2',
      ),
    ).toEqual(says('--minimum-release: minimumRelease.quality: 2 is under 3; a minimum never falls'))
  })

  it('wants to know why a deployment key goes, and says what each answer means', async () => {
    await shop.firstChain()
    const key = shop.write('next.pub.pem', signingKey().pem)
    const next = ['keys', 'root', '--from', shop.chain, '--out', shop.draft, '--deployment-key', key]
    expect(await refusal(...next)).toEqual(says('--new-epoch or --keep-epoch: deployment key'))
    expect(await refusal(...next, '--new-epoch', '--keep-epoch')).toEqual(says('exclude each other'))
    const kept = await must(...next, '--keep-epoch')
    expect(kept['root']).toMatchObject({ epoch: 1 })
    expect(JSON.stringify(kept['changes'])).toContain('wrong if it was stolen')
    const renewed = await must(...next, '--new-epoch')
    expect(renewed['root']).toMatchObject({ epoch: 2 })
    expect(JSON.stringify(renewed['changes'])).toContain(
      'every manifest and beacon signed so far becomes void',
    )
  })

  it.each([
    [
      'a key in two roles',
      () => ['--model-key', shop.path('deployment.pub.pem')],
      'one key is given in two roles',
    ],
    ['a key twice', () => shop.rootKeys('alice', 'alice'), '--root-key: root: the same key is given twice'],
    [
      'a threshold that nobody can meet',
      () => ['--threshold', '4'],
      '--threshold: threshold must be a whole number from 1 to the 3',
    ],
    ['a private key', () => ['--root-key', shop.pem('alice')], 'give the public key, not the private one'],
    [
      'no key left in a role',
      () => ['--drop', modelKey.hint.slice(0, 10)],
      '--model-key or --online: model: name at least one key',
    ],
    [
      'more model keys than devices take',
      () => nineKeys(),
      'this root: trust root.roles.model.keyids must be a list of 1 to 8',
    ],
  ] as const)('refuses %s', async (_, changes, message) => {
    await shop.firstChain()
    expect(await refusal('keys', 'root', '--from', shop.chain, '--out', shop.draft, ...changes())).toEqual(
      says(message),
    )
  })
  const nineKeys = () =>
    Array.from({ length: 9 }, (_, i) => ['--model-key', shop.write(`m${i}.pub.pem`, signingKey().pem)]).flat()

  it('does not go behind a chain that does not hold', async () => {
    await shop.firstChain()
    const { chain } = shop.json(shop.chain) as unknown as TrustChain
    chain[0]?.signatures.pop()
    shop.write('chain.json', JSON.stringify({ v: 1, chain }))
    expect(await refusal('keys', 'root', '--from', shop.chain, '--out', shop.draft)).toEqual([
      1,
      expect.stringContaining('signed by 1 of its own root keys, 2 are needed'),
    ])
  })
})
