import { describe, expect, it } from 'vitest'
import { topics } from '../../src/contracts/mqtt.ts'
import { THING, testDevice } from './cloud.ts'
import { json, sha256, signedManifest, slotOf } from './helpers.ts'
import { activeOf, committed, one, running, two } from './installed.ts'

describe('refused manifests', () => {
  const refusedBody = (d: ReturnType<typeof testDevice>) =>
    d.cloud.of('report').filter(r => r.body.step === 'REFUSED')

  it('reports each payload once, with the digest of its bytes', async () => {
    const d = await running(one)
    const old = signedManifest(1, committed(two))
    const forged = {
      ...old,
      signatures: [{ ...old.signatures[0]!, sig: old.signatures[0]!.sig.replace(/^..../, 'AAAA') }],
    }
    for (let i = 0; i < 3; i++) await d.cloud.push(topics.manifest('plant'), json(forged))
    // It may be that the key came later, so the device asks before it refuses.
    await d.clock.advance(10_000)
    expect(refusedBody(d).map(r => [r.body.code, r.body.bundle, r.body.slot])).toEqual([
      ['MANIFEST_SIGNATURE', sha256(Buffer.from(old.payload, 'base64')), 'quality'],
    ])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    await d.cloud.push(topics.manifest('plant'), json(signedManifest(1, [slotOf()])))
    await d.cloud.publish(5, committed(one))
    await d.cloud.push(topics.manifest('plant'), json(signedManifest(4, committed(two))))
    await d.cloud.push(
      topics.manifest('plant'),
      json(signedManifest(6, committed(two), { expires: '2026-11-21T11:30:00Z' })),
    )
    await d.cloud.push(topics.manifest('plant'), Buffer.from('{'))
    expect(refusedBody(d).map(r => r.body.code)).toEqual([
      'MANIFEST_SIGNATURE',
      'MANIFEST_EQUIVOCATION',
      'MANIFEST_ROLLBACK',
      'MANIFEST_EXPIRED',
      'MANIFEST_MALFORMED',
    ])
    expect(d.device.status().manifest).toEqual({ epoch: 1, counter: 5 })
  })

  it('keeps the newest position over a restart', async () => {
    const d = await running(one)
    await d.cloud.publish(7, committed(two))
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    await again.cloud.push(topics.manifest('plant'), json(signedManifest(6, committed(one))))
    expect(again.cloud.steps()).toEqual(['REFUSED MANIFEST_ROLLBACK'])
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('does not let a clock that starts in 1970 bring an expired manifest back', async () => {
    const d = await running(one)
    const clock = { ...d.clock, now: () => 1_000 }
    const again = testDevice({ storage: d.storage, clock })
    await again.cloud.up()
    const expired = signedManifest(2, committed(two), {
      issued: '2020-01-01T00:00:00Z',
      expires: '2021-01-01T00:00:00Z',
    })
    await again.cloud.push(topics.manifest('plant'), json(expired))
    expect(again.cloud.steps()).toEqual(['REFUSED MANIFEST_EXPIRED'])
  })

  it('holds a bounded number of them while offline and counts the rest', async () => {
    const d = await running(one)
    d.cloud.acknowledges = false
    for (let i = 0; i < 50; i++) await d.cloud.push(topics.manifest('plant'), Buffer.from(`{"n":${i}}`))
    expect(d.device.status().outbox).toEqual({ queued: 32, dropped: 18 })
  })

  it('survives whatever comes down', async () => {
    const d = await running(one)
    const topicsDown = [
      'answer/x',
      'answer/',
      'blob/zz/0',
      `blob/${'a'.repeat(64)}/1e9`,
      'hint',
      'predict/1',
      'x/y/z/w',
    ]
    for (const topic of topicsDown)
      for (const bytes of ['', '{}', 'null', '{"v":1,"kind":"ack"}', '\xff', '['.repeat(9_999)])
        await d.cloud.push(`edgeloop/v1/${THING}/down/${topic}`, Buffer.from(bytes, 'latin1'))
    await d.cloud.push(topics.manifest('plant'), Buffer.alloc(200_000, 32))
    await d.cloud.publish(2, committed(two))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })
})
