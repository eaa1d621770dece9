/** From signed drafts to a chain, and the chain in words; the cloud is missing all the while. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TrustChain } from '../../src/contracts/manifest.ts'
import { readRoot } from '../../verifier/index.ts'
import { must, run } from './support.ts'
import { refusal, Workshop } from './workshop.ts'

let shop: Workshop
beforeEach(() => {
  shop = new Workshop()
})
afterEach(() => shop.remove())

const says = (message: string) => [2, expect.stringContaining(message)]

describe('keys publish --no-upload', () => {
  const publish = (...drafts: readonly string[]) =>
    run([
      'keys',
      'publish',
      ...drafts.flatMap(d => ['--draft', d]),
      '--chain',
      shop.chain,
      '--no-upload',
      '--json',
    ])

  it('waits for enough signatures and says whose are missing', async () => {
    await shop.draftFirst()
    expect((await publish(shop.draft)).json()).toMatchObject({
      published: false,
      missing: [{ need: 2, signed: 0 }],
    })
    await shop.sign('carol')
    const early = await publish(shop.draft)
    expect([early.exit, early.json()]).toMatchObject([
      1,
      { missing: [{ candidates: ['alice', 'bob'].map(shop.idOf).sort() }] },
    ])
    expect(existsSync(shop.chain)).toBe(false)
    await shop.sign('bob')
    const done = await publish(shop.draft)
    expect([done.exit, done.json()]).toMatchObject([
      0,
      { published: false, file: shop.chain, root: { version: 1 } },
    ])
    expect(shop.walked().version).toBe(1)
  })

  it('puts copies together that were signed apart, and is safe to repeat', async () => {
    await shop.draftFirst()
    const copies = ['a.json', 'b.json'].map(name => shop.path(name))
    for (const [i, copy] of copies.entries()) {
      copyFileSync(shop.draft, copy)
      await shop.sign(['alice', 'carol'][i] ?? '', copy)
    }
    expect((await publish(...copies)).exit).toBe(0)
    const bytes = readFileSync(shop.chain)
    expect((await publish(...copies)).exit).toBe(0)
    expect(readFileSync(shop.chain)).toEqual(bytes)
    expect(shop.walked().version).toBe(1)
  })

  it('does not put different drafts together', async () => {
    await shop.firstChain()
    await shop.draftNext('--years', '1')
    await shop.sign('alice')
    const other = shop.path('other.json')
    copyFileSync(shop.draft, other)
    await shop.draftNext('--years', '2')
    await shop.sign('bob')
    const { exit, json } = await publish(shop.draft, other)
    expect([exit, json()]).toMatchObject([
      2,
      { error: { message: expect.stringContaining('is another draft than') } },
    ])
  })

  it('needs both thresholds when the holders change', async () => {
    await shop.firstChain()
    await shop.newRoot('dave', 'erin')
    await shop.draftNext(...shop.rootKeys('dave', 'erin'))
    await shop.sign('dave')
    await shop.sign('erin')
    expect((await publish(shop.draft)).json()).toMatchObject({
      missing: [{ version: 1, need: 2, signed: 0 }],
    })
    await shop.sign('alice')
    expect((await publish(shop.draft)).json()).toMatchObject({
      missing: [{ version: 1, need: 2, signed: 1 }],
    })
    await shop.sign('bob')
    expect((await publish(shop.draft)).exit).toBe(0)
    expect(shop.walked().roles.root.keyids).toEqual(['dave', 'erin'].map(shop.idOf).sort())
  })

  it('does not go behind another chain, nor change it', async () => {
    await shop.firstChain()
    await shop.draftNext('--years', '1')
    const stale = shop.path('stale.json')
    copyFileSync(shop.draft, stale)
    await shop.signAndPublish('alice', 'bob')
    await must('keys', 'sign', '--draft', stale, '--key', shop.pem('alice'), '--yes')
    await must('keys', 'sign', '--draft', stale, '--key', shop.pem('carol'), '--yes')
    // The same content with other signatures is the link that is there.
    expect((await publish(stale)).exit).toBe(0)
    await shop.draftNext('--years', '2')
    await shop.signAndPublish('alice', 'bob')
    const bytes = readFileSync(shop.chain)
    const { exit, json } = await publish(stale)
    expect([exit, json()]).toMatchObject([
      2,
      {
        error: {
          message: expect.stringContaining('ends with version 3, and the draft goes behind version 1'),
        },
      },
    ])
    expect(readFileSync(shop.chain)).toEqual(bytes)
  })

  it('does not publish what has expired', async () => {
    await shop.draftFirst()
    shop.tamper({ issued: '2001-01-01T00:00:00.000Z', expires: '2002-01-01T00:00:00.000Z' })
    await shop.sign('alice')
    await shop.sign('bob')
    const { exit, json } = await publish(shop.draft)
    expect([exit, json()]).toMatchObject([1, { error: { code: 'ROOT_EXPIRED' } }])
    expect(existsSync(shop.chain)).toBe(false)
  })

  it('needs a folder that it can write to', async () => {
    await shop.draftFirst()
    await shop.sign('alice')
    const args = ['keys', 'publish', '--draft', shop.draft, '--chain', shop.path('none', 'chain.json')]
    expect(await refusal(...args)).toEqual(says('--chain: '))
  })
})

describe('keys show', () => {
  it('walks the chain in words, and as data with the digests that people compare', async () => {
    await shop.firstChain()
    await shop.draftNext('--minimum-release', 'quality=2')
    const { digest } = (await shop.sign('alice')) as { digest: string }
    await shop.signAndPublish('bob')
    const out = shop.path('root.json')
    const shown = await run(['keys', 'show', shop.chain, '--out', out])
    expect(shown.exit).toBe(0)
    expect(shown.out).toContain(
      '✓ trust root 2   signed by 2 of 3 root keys of version 1 and 2 of its own 3 root keys',
    )
    expect(shown.out.replaceAll(/\s+/g, ' ')).toContain('lowest release of quality that may run: 2, was any')
    expect(readRoot(readFileSync(out)).digest).toBe(digest)
    const data = await must('keys', 'show', shop.chain)
    expect(data).toMatchObject({ broken: null, root: { version: 2, minimumRelease: { quality: 2 } } })
    expect((data['digests'] as string[])[1]).toBe(digest)
  })

  it('stops at the first link that does not hold, and writes nothing', async () => {
    await shop.firstChain()
    await shop.draftNext()
    await shop.signAndPublish('alice', 'bob')
    const { chain } = shop.json(shop.chain) as unknown as TrustChain
    shop.write(
      'chain.json',
      JSON.stringify({ v: 1, chain: [chain[0], { ...chain[1], signatures: chain[1]?.signatures.slice(1) }] }),
    )
    const out = shop.path('root.json')
    const shown = await run(['keys', 'show', shop.chain, '--out', out, '--json'])
    expect([shown.exit, shown.json()]).toMatchObject([
      1,
      { broken: { link: 'trust root 2', code: 'ROOT_SIGNATURE' } },
    ])
    expect(existsSync(out)).toBe(false)
  })

  it('warns before a root expires', async () => {
    await shop.draftFirst()
    const soon = new Date(Date.now() + 5.5 * 86_400_000).toISOString()
    shop.tamper({ expires: soon })
    await shop.signAndPublish('alice', 'bob')
    const shown = await run(['keys', 'show', shop.chain])
    expect([shown.exit, shown.out]).toEqual([
      0,
      expect.stringContaining('It expires in 5 days: draft the next one'),
    ])
  })
})

describe('without a cloud', () => {
  const ENDPOINT = {
    AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'x',
    AWS_SECRET_ACCESS_KEY: 'y',
  }
  const before = Object.keys(ENDPOINT).map(name => [name, process.env[name]] as const)
  beforeEach(() => {
    Object.assign(process.env, ENDPOINT)
  })
  afterEach(() => {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })

  it('commands that need one say so and exit with 3', async () => {
    await shop.firstChain()
    const commands = [
      ['keys', 'fetch', '--out', shop.path('online.json')],
      ['keys', 'status', '--chain', shop.chain],
      ['keys', 'publish', '--draft', shop.draft, '--chain', shop.chain],
      ['verify', 'quality@1-edge'],
      ['verify', shop.chain, '--bundle', shop.draft],
    ]
    for (const args of commands) {
      const { exit, err } = await run(args)
      expect([args, exit, err]).toEqual([
        args,
        3,
        expect.stringMatching(/could not be reached \(.*ECONNREFUSED.*AWS_ENDPOINT_URL/),
      ])
    }
    const { exit, json } = await run([...(commands[0] ?? []), '--json'])
    expect([exit, json()]).toMatchObject([3, { error: { code: 'CLOUD' } }])
  })

  it('a chain that was written before the upload failed is published by the same command', async () => {
    await shop.draftFirst()
    await shop.sign('alice')
    await shop.sign('bob')
    const args = ['keys', 'publish', '--draft', shop.draft, '--chain', shop.chain]
    expect((await run(args)).exit).toBe(3)
    expect(shop.walked().version).toBe(1)
    expect((await run([...args, '--no-upload'])).exit).toBe(0)
    expect(shop.walked().version).toBe(1)
  })

  it.each([
    ['AWS_REGION', '', 'no region is set, or none that is one; set AWS_REGION'],
    ['AWS_REGION', 'no region', 'set AWS_REGION'],
    ['AWS_ENDPOINT_URL', 'nonsense', 'is AWS_ENDPOINT_URL right'],
  ])('%s=%j is named as what is wrong', async (name, value, message) => {
    process.env[name] = value
    const { exit, err } = await run(['keys', 'fetch', '--out', shop.path('online.json')])
    expect([exit, err]).toEqual([3, expect.stringContaining(message)])
  })
})
