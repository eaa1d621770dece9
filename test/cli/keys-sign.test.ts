/** What a holder sees and signs, and which drafts are refused. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { must, run } from './support.ts'
import { refusal, Workshop } from './workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = new Workshop()
})
afterEach(() => shop.remove())

const says = (message: string) => [2, expect.stringContaining(message)]

describe('keys sign', () => {
  const args = (name: string, ...more: readonly string[]) => [
    'keys',
    'sign',
    '--draft',
    shop.draft,
    '--key',
    shop.pem(name),
    ...more,
  ]

  it('shows what is signed, asks, and takes only yes', async () => {
    await shop.firstChain()
    await shop.draftNext('--new-epoch')
    const before = readFileSync(shop.draft)
    const no = await run(args('alice'), ['y'])
    expect([no.exit, no.out]).toEqual([1, 'Not signed.\n'])
    expect(readFileSync(shop.draft)).toEqual(before)
    const yes = await run(args('alice', '--chain', shop.chain), ['yes'])
    expect([yes.exit, yes.out]).toEqual([0, expect.stringContaining('version 2 has 1 of 2 signatures')])
    expect(yes.err).toContain('Against version 1:\n  • epoch 2 begins')
    expect(yes.err).toMatch(/Digest of what is signed: ([0-9a-f]{8} ){7}[0-9a-f]{8}\n/)
    expect((await run(args('bob'))).err).toContain('give --yes to sign without asking')
  })

  it('counts a holder once, however often they sign', async () => {
    await shop.draftFirst()
    await shop.sign('alice')
    const again = await shop.sign('alice')
    expect(again).toMatchObject({ signed: true, missing: [{ version: 1, need: 2, signed: 1 }] })
    expect(await shop.sign('bob')).toMatchObject({ missing: [] })
  })

  it('refuses a key that has no say, and a key that it cannot open', async () => {
    await shop.draftFirst()
    await shop.newRoot('mallory')
    expect(await refusal(...args('mallory', '--yes'))).toEqual(says('is no root key of this draft'))
    const secret = shop.write('secret', 'correct horse battery\n')
    await must('keys', 'new-root', '--dir', shop.path('keys'), '--names', 'dora', '--passphrase-file', secret)
    expect(await refusal(...args('dora', '--yes'))).toEqual(
      says('is encrypted; give its passphrase with --passphrase-file'),
    )
    const wrong = shop.write('wrong', 'incorrect horse\n')
    expect(await refusal(...args('dora', '--yes', '--passphrase-file', wrong))).toEqual(
      says('the passphrase is wrong'),
    )
    const pub = ['keys', 'sign', '--draft', shop.draft, '--key', shop.path('keys', 'alice.pub.pem'), '--yes']
    expect(await refusal(...pub)).toEqual(says('give the private key, not the public one'))
    expect(await refusal('keys', 'sign', '--draft', shop.draft, '--key', shop.path('none.pem'))).toEqual(
      says('there is no such file'),
    )
    const rsa = shop.write('rsa.pem', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')
    expect(await refusal('keys', 'sign', '--draft', shop.draft, '--key', rsa)).toEqual(
      says(`--key: ${rsa}: `),
    )
    expect(shop.draftIn().link.signatures).toEqual([])
  })

  it('notices a draft that was changed after somebody signed it', async () => {
    await shop.draftFirst()
    await shop.sign('alice')
    shop.tamper({ epoch: 7 })
    expect(await refusal(...args('bob', '--yes'))).toEqual(says('perhaps changed after it was signed'))
    expect(
      await refusal('keys', 'publish', '--draft', shop.draft, '--chain', shop.chain, '--no-upload'),
    ).toEqual(says('perhaps changed after it was signed'))
    expect(existsSync(shop.chain)).toBe(false)
  })

  it('notices a draft that names another link before it than the holder has', async () => {
    await shop.firstChain()
    const own = shop.path('own.json')
    copyFileSync(shop.chain, own)
    await shop.draftNext('--years', '1')
    await shop.signAndPublish('alice', 'bob')
    await shop.draftNext('--years', '2')
    expect(await refusal(...args('carol', '--yes', '--chain', own))).toEqual(
      says('goes behind a version 2, which is not the last link of'),
    )
    shop.tamper({ minimumRelease: { quality: 2 } }, 'previous')
    expect(await refusal(...args('carol', '--yes'))).toEqual(says('previous trust root 2: the signature by'))
  })

  it.each([
    ['a version left out', { version: 4 }, 'version 4 does not follow version 1'],
    ['two epochs at once', { epoch: 3 }, 'epoch 3 does not follow epoch 1'],
    [
      'a time before the last link',
      { issued: '2001-01-01T00:00:00.000Z' },
      'issued before the link that it follows',
    ],
    ['an unknown field', { extra: true }, 'trust root.extra must be absent'],
    ['a key that its id does not name', { keys: {} }, 'exactly the keys that the roles name'],
  ])('refuses a draft with %s', async (_, words, message) => {
    await shop.firstChain()
    await shop.draftNext()
    shop.tamper(words)
    expect(await refusal(...args('alice', '--yes'))).toEqual(says(message))
  })

  it.each([
    ['no JSON', '{', 'not JSON'],
    ['a list', '[]', 'the file: '],
    ['another kind', '{"v":1,"kind":"x","previous":null,"link":{}}', 'kind: '],
    [
      'a payload that says nothing',
      JSON.stringify({
        v: 1,
        kind: 'trust-root-draft',
        previous: null,
        link: { payload: 'AAAA', payloadType: 'application/vnd.in-toto+json', signatures: [] },
      }),
      'draft.json: ',
    ],
  ])('refuses a file with %s', async (_, text, message) => {
    await shop.newRoot('alice')
    shop.write('draft.json', text)
    expect(await refusal(...args('alice', '--yes'))).toEqual(says(message))
    expect(await refusal('keys', 'publish', '--draft', shop.draft, '--chain', shop.chain)).toEqual(
      says(message),
    )
  })
})
