import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keepAliveSeconds, packetFault } from '../../../local/iot/broker/limits.ts'
import { createIot } from '../../../local/iot/index.ts'
import { openLab } from './support.ts'

describe('keep-alive', () => {
  // AWS IoT Core: 30 to 1200 seconds, and 1200 for 0, which in MQTT means none.
  it.each([
    [0, 1200],
    [1, 30],
    [30, 30],
    [300, 300],
    [1200, 1200],
    [65535, 1200],
  ])('of %i s is taken as %i s', (requested, taken) => {
    expect(keepAliveSeconds(requested)).toBe(taken)
  })
})

describe('packets', () => {
  it('that are fine have no fault', () => {
    expect(packetFault({ cmd: 'pingreq' })).toBeUndefined()
    expect(
      packetFault({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(131_072), qos: 1 }),
    ).toBeUndefined()
    expect(packetFault({ cmd: 'subscribe', subscriptions: [{ topic: 'a/+/#', qos: 1 }] })).toBeUndefined()
  })
  it('of QoS 2 or with malformed filters have one', () => {
    expect(packetFault({ cmd: 'pubrel' })).toMatch(/QoS 2/)
    expect(packetFault({ cmd: 'subscribe', subscriptions: [{ topic: 'a#', qos: 0 }] })).toMatch(
      /whole last level/,
    )
  })
})

describe('starting', () => {
  it('fails clearly when the port is taken or a file is damaged', async () => {
    const lab = await openLab()
    const dir = mkdtempSync(join(tmpdir(), 'iot-'))
    const start = (mqttPort: number) =>
      createIot({
        realm: { ...lab.realm, dir },
        iam: {
          assertAssumable: () => undefined,
          principalFor: () => ({ arn: '', kind: 'role' }),
          authorize: () => undefined,
        },
        invokeAsync: async () => undefined,
        invoke: async () => ({ payload: Buffer.alloc(0) }),
        sendToQueue: async () => undefined,
        mqttPort,
      })
    try {
      await expect(start(lab.iot.mqtt.port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
      await mkdir(join(dir, 'iot'), { recursive: true })
      writeFileSync(join(dir, 'iot', 'registry.json'), '{"things":')
      await expect(start(0)).rejects.toThrow(/registry\.json is not JSON; delete it/)
    } finally {
      await lab.close()
      rmSync(dir, { recursive: true, force: true })
    }
  })
})
