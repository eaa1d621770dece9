import { DescribeThingCommand, IoTClient } from '@aws-sdk/client-iot'
import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane'
import { topics } from '../contracts/mqtt.ts'
import type { DeviceLink, Registry } from '../domain/ports.ts'
import { call, clientDefaults } from './aws-errors.ts'

export function deviceLink(client = new IoTDataPlaneClient(clientDefaults)): DeviceLink {
  const publish = (topic: string, payload: Uint8Array, retain = false) =>
    call(`publish to ${topic}`, () =>
      client.send(new PublishCommand({ topic, payload, qos: 1, retain })),
    ).then(() => undefined)
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  return {
    publishManifest: (fleet, envelope) => publish(topics.manifest(fleet), json(envelope), true),
    publishBeacon: (fleet, envelope) => publish(topics.beacon(fleet), json(envelope), true),
    publishTrust: chain => publish(topics.trust, json({ v: 1, chain }), true),
    answer: (thing, corr, body) => publish(topics.answer(thing, corr), json(body)),
    prediction: (thing, corr, body) => publish(topics.prediction(thing, corr), json(body)),
    block: (thing, digest, offset, bytes) => publish(topics.blob(thing, digest, offset), bytes),
  }
}

/** Things move between fleets rarely, so a warm function asks once per few minutes. */
const CACHE_MS = 5 * 60_000

export function iotRegistry(now: () => Date, client = new IoTClient(clientDefaults)): Registry {
  const cache = new Map<string, { until: number; found: Awaited<ReturnType<Registry['describe']>> }>()
  return {
    async describe(thing) {
      const known = cache.get(thing)
      if (known !== undefined && known.until > now().getTime()) return known.found
      const found = await lookUp(client, thing)
      if (cache.size > 5_000) cache.clear()
      cache.set(thing, { until: now().getTime() + CACHE_MS, found })
      return found
    },
  }
}

async function lookUp(client: IoTClient, thing: string): ReturnType<Registry['describe']> {
  try {
    const { attributes } = await client.send(new DescribeThingCommand({ thingName: thing }))
    const fleet = attributes?.['fleet']
    const hardware = attributes?.['hardware']
    return fleet === undefined || hardware === undefined ? undefined : { fleet, hardware }
  } catch (error) {
    if ((error as { name?: string }).name === 'ResourceNotFoundException') return undefined
    return call(`describe thing ${thing}`, () => Promise.reject(error))
  }
}
