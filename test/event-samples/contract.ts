/** Finds the contract of a sample by who delivers it, and parses everything in it that has one. */
import * as z from 'zod'
import {
  httpCommand,
  httpRequest,
  outboxStreamEvent,
  presenceEvent,
  preTokenGeneration,
  provisioningRequest,
  ruleError,
  s3ObjectCreated,
  scheduledEvent,
  sqsEvent,
  trainingJobStateChange,
} from '../../src/contracts/aws.ts'
import { eventContracts } from '../../src/contracts/events/index.ts'
import { ingress, type UplinkKind, uplinks } from '../../src/contracts/mqtt.ts'
import { hardwareName, modelName, versionNumber } from '../../src/contracts/names.ts'

/** What the delay queue carries from compile-model to track-compilation. */
const poll = z.object({
  model: modelName,
  version: versionNumber,
  hardware: hardwareName,
  attempt: z.int().min(1),
})
const busEnvelope = z.object({
  id: z.uuid(),
  source: z.literal('edgeloop'),
  'detail-type': z.string(),
  detail: z.unknown(),
})

const domainEvent = (type: string, detail: unknown): string => {
  const contract = eventContracts.find(c => c.type === type)
  if (contract === undefined) throw new Error(`there is no contract for ${type}`)
  contract.schema.parse(detail)
  return type
}
const ofBus = (event: unknown): string => {
  const { 'detail-type': type, detail } = busEnvelope.parse(event)
  return domainEvent(type, detail)
}
const uplink = (value: unknown): string => {
  const raw = ingress.parse(value)
  const schema = uplinks[raw.kind as UplinkKind]
  if (schema === undefined) throw new Error(`"${raw.kind}" is no kind of device message`)
  schema.parse(JSON.parse(Buffer.from(raw.data, 'base64').toString()))
  return `uplink ${raw.kind}`
}
const bodies: Readonly<Record<string, (body: string) => unknown>> = {
  'ingest-reports': body => uplink(JSON.parse(body)),
  'ingest-metrics': body => uplink(JSON.parse(body)),
  'ingest-samples': body => uplink(JSON.parse(body)),
  'record-refusal': body => z.union([presenceEvent, ruleError]).parse(JSON.parse(body)),
  'advance-rollout': body => ofBus(JSON.parse(body)),
  'track-compilation': body => poll.parse(JSON.parse(body)),
}

/** Throws where the event breaks its contract; records at `poison` must break theirs. Answers with what it holds. */
export function parseSample(fn: string, event: unknown, poison: readonly number[] = []): string[] {
  const source = (event as { source?: unknown }).source
  const body = bodies[fn]
  // advance-rollout gets its events from the bus as well as from a queue.
  if (body !== undefined && source === undefined) {
    return sqsEvent.parse(event).Records.map((record, i) => {
      if (!poison.includes(i)) return String(body(record.body))
      try {
        body(record.body)
      } catch {
        return 'poison'
      }
      throw new Error(`record ${i} is meant to break its contract and does not`)
    })
  }
  if (fn === 'publish-outbox') {
    return outboxStreamEvent.parse(event).Records.map(record => {
      const row = JSON.parse(record.dynamodb.NewImage.data.S) as { type: string; detail: string }
      return domainEvent(row.type, JSON.parse(row.detail))
    })
  }
  if (fn === 'ops-query') return [httpRequest.parse(event).routeKey]
  if (fn === 'ops-command' || fn === 'ops-queues') return [httpCommand.parse(event).routeKey]
  if (fn === 'grant-scopes') return [preTokenGeneration.parse(event).triggerSource]
  if (fn === 'vet-device') return [provisioningRequest.parse(event).clientId]
  if (source === 'aws.s3') return [s3ObjectCreated.parse(event)['detail-type']]
  if (source === 'aws.sagemaker') return [trainingJobStateChange.parse(event)['detail-type']]
  if (source === 'aws.events') return [scheduledEvent.parse(event)['detail-type']]
  if (source === 'edgeloop') return [ofBus(event)]
  return [uplink(event)]
}
