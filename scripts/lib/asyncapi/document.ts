import { topics } from '../../../src/contracts/mqtt.ts'
import { type Channel, channels, type Message, operations } from './channels.ts'
import { componentSchemas, type Schema, schemaRef } from './schemas.ts'

/** Raised by hand: the second number for what devices may ignore, the first for what they may not. */
export const CONTRACT_VERSION = '1.0.0'
const BINDING = { bindingVersion: '0.2.0' } as const
const QOS = 1

const PARAMETERS: Readonly<Record<string, { readonly description: string; readonly schema: string }>> = {
  thing: {
    description: "The device's thing name, which is also its client id and its certificate's thing.",
    schema: 'ThingName',
  },
  fleet: { description: 'The fleet of the device.', schema: 'Name' },
  corr: {
    description: "The request's correlation id; of an acknowledgement, `{epoch}-{seq}` of the report.",
    schema: 'CorrelationId',
  },
  digest: { description: 'SHA-256 of the whole blob.', schema: 'Sha256' },
  offset: { description: 'Where in the blob the block begins, in bytes, decimal.', schema: 'Offset' },
}

const DESCRIPTION = `What a device of an Edgeloop fleet sends and receives, seen from the **device**: it *sends* on
\`up\` topics and *receives* on all others. Works on AWS IoT Core and on any MQTT 3.1.1 broker.

The schemas are the messages. What a device must do with them is in docs/device.md and docs/trust.md, and
\`npx edgeloop device-test\` shows whether it does (docs/device-conformance.md). Generated from src/contracts by
\`node scripts/asyncapi.ts\`; a change here that would break devices in the field fails the build.`

/** The device contract as an AsyncAPI document; plain data, always in the same order. */
export function asyncapiDocument(): Schema {
  return {
    asyncapi: '3.1.0',
    id: 'urn:edgeloop:device',
    info: {
      title: 'Edgeloop device contract',
      version: CONTRACT_VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      contact: { name: 'Edgeloop', url: 'https://edgeloop.dev' },
      tags: [{ name: 'device' }],
    },
    defaultContentType: 'application/json',
    servers: { broker: server() },
    channels: Object.fromEntries(channels.map(channel => [channel.id, channelOf(channel)])),
    operations: Object.fromEntries(operations.map(operation => [operation.id, operationOf(operation)])),
    components: {
      messages: Object.fromEntries(
        channels.flatMap(({ messages }) =>
          Object.entries(messages).map(([id, message]) => [id, messageOf(id, message)]),
        ),
      ),
      parameters: Object.fromEntries(
        Object.entries(PARAMETERS).map(([name, { description, schema }]) => [
          name,
          { description, 'x-schema': schemaRef(schema) },
        ]),
      ),
      schemas: {
        ...componentSchemas(),
        Block: { type: 'string', format: 'binary', description: 'Raw bytes, not JSON.' },
        Offset: { type: 'string', pattern: '^\\d{1,15}$' },
      },
      securitySchemes: {
        deviceCertificate: {
          type: 'X509',
          description:
            'TLS 1.2 or later with a client certificate. The broker takes the identity of a device from it, never from a payload.',
        },
      },
    },
  }
}

const server = (): Schema => ({
  host: '{endpoint}',
  protocol: 'secure-mqtt',
  protocolVersion: '3.1.1',
  description:
    'Clean session, client id = thing name, no last will needed. After a lost connection wait a random time in [0, min(120 s, 1 s · 2^attempt)).',
  variables: {
    endpoint: {
      description: 'Host and port. AWS IoT Core on port 443 wants the ALPN name `x-amzn-mqtt-ca`.',
      default: 'localhost:8883',
    },
  },
  security: [{ $ref: '#/components/securitySchemes/deviceCertificate' }],
  'x-max-subscriptions': 10,
  'x-subscriptions': [
    topics.trust,
    topics.beacon('{fleet}'),
    topics.manifest('{fleet}'),
    topics.down('{thing}'),
  ],
  bindings: { mqtt: { clientId: '{thing}', cleanSession: true, keepAlive: 60, ...BINDING } },
})

function channelOf({ address, summary, description, retained, messages }: Channel): Schema {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(match => match[1]!)
  return {
    address,
    summary,
    ...(description === undefined ? {} : { description }),
    servers: [{ $ref: '#/servers/broker' }],
    messages: Object.fromEntries(
      Object.keys(messages).map(id => [id, { $ref: `#/components/messages/${id}` }]),
    ),
    ...(names.length > 0
      ? {
          parameters: Object.fromEntries(
            names.map(name => [name, { $ref: `#/components/parameters/${name}` }]),
          ),
        }
      : {}),
    'x-retained': retained ?? false,
  }
}

function messageOf(
  id: string,
  { schema, summary, maxBytes, maxDepth, correlation, carries }: Message,
): Schema {
  return {
    name: id,
    title: schema,
    summary,
    contentType: schema === 'Block' ? 'application/octet-stream' : 'application/json',
    payload: schemaRef(schema),
    ...(correlation ? { correlationId: correlation } : {}),
    'x-max-bytes': maxBytes,
    ...(maxDepth === undefined ? {} : { 'x-max-depth': maxDepth }),
    ...(carries
      ? { 'x-carries': Object.fromEntries(Object.entries(carries).map(([k, v]) => [k, schemaRef(v)])) }
      : {}),
  }
}

function operationOf({ action, channel, reply }: (typeof operations)[number]): Schema {
  const found = channels.find(({ id }) => id === channel)!
  const message = (of: string, id: string) => ({ $ref: `#/channels/${of}/messages/${id}` })
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    summary: found.summary,
    messages: Object.keys(found.messages).map(id => message(channel, id)),
    ...(reply
      ? {
          reply: {
            channel: { $ref: `#/channels/${reply.channel}` },
            messages: reply.messages.map(id => message(reply.channel, id)),
          },
        }
      : {}),
    bindings: { mqtt: { qos: QOS, retain: found.retained ?? false, ...BINDING } },
  }
}
