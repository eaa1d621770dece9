/** `npx edgeloop label`: one by one, by the file, and by the id. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiServer, GOOD, type Reply, startApiServer, variables } from './api-server.ts'
import { run } from './support.ts'

let server: ApiServer
let back: () => void
let dir: string
beforeAll(async () => {
  server = await startApiServer()
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-label-'))
  back = variables({ AWS_ENDPOINT_URL: undefined, EDGELOOP_API: server.url, TOKEN: GOOD })
})
afterAll(async () => {
  back?.()
  rmSync(dir, { recursive: true, force: true })
  await server?.close()
})

const review = (n: number, more: object = {}) => ({
  ...{ review: `demo.lab-1-1-${n}`, model: 'demo', eventId: `lab-1-1-${n}`, thing: 'lab-1', status: 'OPEN' },
  ...{ requestedAt: '2026-03-01T00:00:00.000Z', request: 'r', claim: null, answers: 0, skipped: 0 },
  ...{ row: [n, null], prediction: 1, capturedAt: '2026-03-01T00:00:00.000Z' },
  ...more,
})
const queue = (...reviews: object[]): void =>
  server.reply('listReviews', () => ({ status: 200, body: { reviews, next: null, labellers: [] } }))
const ok = (sent: { path: Readonly<Record<string, string>> }, more: object = {}): Reply => ({
  status: 200,
  body: review(Number(sent.path['review']?.split('-').at(-1)), more),
})
beforeEach(() => {
  server.reset()
  queue(review(1), review(2), review(3))
  server.reply('claimReview', sent => ok(sent))
  server.reply('labelReview', sent => ok(sent, { status: 'SETTLED' }))
  server.reply('skipReview', sent => ok(sent, { skipped: 1 }))
  server.reply('disagreeWithReview', sent => ok(sent))
})
const soon = (): string => new Date(Date.now() + 600_000).toISOString()
const orders = () =>
  server.sent
    .filter(s => ['claimReview', 'labelReview', 'skipReview', 'disagreeWithReview'].includes(s.name))
    .map(s => [s.name, s.path['review'], s.body])

describe('the queue, on a terminal', () => {
  it('claims, shows, and takes a class by its name or its number, or a reason to skip', async () => {
    const { exit, out, err } = await run(['label', 'demo'], ['1', 's', 'too dark', 'what', '2'])
    expect([exit, out]).toEqual([0, '2 samples labelled, 1 skipped.\n'])
    expect(err).toContain('demo.lab-1-1-1 of lab-1')
    expect(err).toMatch(/x {20}1\n {2}y {20}missing/)
    expect(err).toContain('1 to 2, a class by its name, s or q')
    expect(orders()).toEqual([
      ['claimReview', 'demo.lab-1-1-1', {}],
      // Class "1" is meant by its name, not by its place.
      ['labelReview', 'demo.lab-1-1-1', { label: '1' }],
      ['claimReview', 'demo.lab-1-1-2', {}],
      ['skipReview', 'demo.lab-1-1-2', { reason: 'too dark' }],
      ['claimReview', 'demo.lab-1-1-3', {}],
      ['labelReview', 'demo.lab-1-1-3', { label: '1' }],
    ])
  })

  it('stops at q, goes on where others hold a sample, and passes over what is settled', async () => {
    queue(
      review(1, { claim: { by: 'bob', until: soon() } }),
      review(2),
      review(3, { status: 'SETTLED' }),
      review(4),
    )
    server.reply('claimReview', sent =>
      sent.path['review']?.endsWith('-4')
        ? ok(sent)
        : { status: 409, body: { message: 'claimed by another person' } },
    )
    const { exit, out, err } = await run(['label', 'demo'], ['q'])
    expect([exit, out]).toEqual([0, '0 samples labelled, 0 skipped, 2 were held or answered by others.\n'])
    expect(err).toContain('claimed by another person')
    expect(orders().map(o => o[1])).toEqual(['demo.lab-1-1-1', 'demo.lab-1-1-2', 'demo.lab-1-1-4'])
  })

  it('takes up again what it has claimed itself', async () => {
    queue(review(1, { claim: { by: 'alice', until: soon() } }))
    expect(await run(['label', 'demo'], ['q'])).toMatchObject({ exit: 0 })
    const { exit, out } = await run(['label', 'demo'], ['1'])
    expect([exit, out]).toEqual([0, '1 sample labelled, 0 skipped.\n'])
    expect(orders().map(o => o[0])).toEqual(['claimReview', 'claimReview', 'labelReview'])
  })

  it('needs somebody who can answer', async () => {
    expect(await run(['label', 'demo'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('name a file'),
    })
  })
})

describe('one review by its id', () => {
  it.each([
    [['--answer', '1'], ['claimReview', 'labelReview'], { label: '1' }],
    [['--skip', 'too dark'], ['claimReview', 'skipReview'], { reason: 'too dark' }],
    [['--disagree', '0'], ['disagreeWithReview'], { label: '0' }],
  ])('%j', async (args, names, body) => {
    const { exit } = await run(['label', '--review', 'demo.lab-1-1-1', ...args])
    expect(exit).toBe(0)
    expect(orders().map(o => o[0])).toEqual(names)
    expect(orders().at(-1)?.[2]).toEqual(body)
  })

  it.each([
    [['--review', 'x'], '--review goes with one of'],
    [['--review', 'x', '--answer', '1', '--skip', 'y'], '--review goes with one of'],
    [['demo', '--answer', '1'], '--answer goes with --review'],
    [['demo', 'a', 'b'], 'at most one file'],
  ])('%j is refused', async (args, message) => {
    expect(await run(['label', ...args])).toMatchObject({ exit: 2, err: expect.stringContaining(message) })
  })
})

describe('a file', () => {
  const truth = (n: number, data = '1') =>
    JSON.stringify({
      groundTruthData: { data, encoding: 'CSV' },
      eventMetadata: { eventId: `lab-1-1-${n.toString(36)}` },
      eventVersion: '0',
    })
  const file = (content: string): string => {
    writeFileSync(join(dir, 'truth.jsonl'), content)
    return join(dir, 'truth.jsonl')
  }

  it('goes in parts of 500 lines, and what is refused is told by its line', async () => {
    const refused = [{ index: 2, code: 'SCHEMA', message: 'no' }]
    server.reply('postLabels', sent => {
      const { labels } = sent.body as { labels: unknown[] }
      const body = {
        model: 'demo',
        matched: labels.length,
        unmatched: 0,
        refused: labels.length === 500 ? [] : refused,
      }
      return { status: 200, body }
    })
    // An empty line is passed over, and counted all the same.
    const lines = Array.from({ length: 700 }, (_, i) => truth(i))
    const { exit, json } = await run(['label', 'demo', file(['', ...lines].join('\n')), '--json'])
    expect(exit).toBe(1)
    expect(json()).toMatchObject({ matched: 700, refused: [{ line: 504, code: 'SCHEMA' }] })
    expect(
      server.sent
        .filter(s => s.name === 'postLabels')
        .map(s => (s.body as { labels: unknown[] }).labels.length),
    ).toEqual([500, 200])
  })

  it('reaches the rows of the loop', async () => {
    const { exit, out } = await run(['label', 'demo', file(truth(5))])
    expect([exit, out]).toEqual([0, '1 labels matched, 0 did not.\n'])
  })

  it('with a fault is shown with its line, and nothing is sent', async () => {
    const { exit, out } = await run(['label', 'demo', file(`${truth(1)}\n${truth(2, 'maybe')}\n`)])
    expect([exit, out]).toEqual([
      1,
      expect.stringMatching(/truth\.jsonl:2 {2}UNKNOWN_CLASS[\s\S]*Nothing was sent\./),
    ])
    expect(server.sent.some(s => s.name === 'postLabels')).toBe(false)
  })
})
