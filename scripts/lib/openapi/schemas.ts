import * as z from 'zod'
import * as commands from '../../../src/contracts/api/commands.ts'
import * as fleets from '../../../src/contracts/api/fleets.ts'
import { operations } from '../../../src/contracts/api/index.ts'
import * as models from '../../../src/contracts/api/models.ts'
import type { Operation } from '../../../src/contracts/api/operation.ts'
import * as system from '../../../src/contracts/api/operations.ts'
import { gatewayMessage, problem } from '../../../src/contracts/api/problem.ts'
import * as rollouts from '../../../src/contracts/api/rollouts.ts'
import * as bodies from '../../../src/contracts/commands.ts'
import { driftEvidence } from '../../../src/contracts/drift.ts'
import { enrolmentEntry } from '../../../src/contracts/enrolment.ts'
import { groundTruth } from '../../../src/contracts/labels.ts'
import { lineageDocument } from '../../../src/contracts/lineage.ts'
import * as manifest from '../../../src/contracts/manifest.ts'
import * as names from '../../../src/contracts/names.ts'
import { packageRef } from '../../../src/contracts/packages.ts'

/** JSON Schema, draft 2020-12: what OpenAPI 3.1 is made of. */
export type Schema = Readonly<Record<string, unknown>>

/** The same in requests and answers. */
const shared: Readonly<Record<string, z.ZodType>> = {
  Name: names.modelName,
  ThingName: names.thingName,
  Sha256: names.sha256,
  FeatureName: names.featureName,
  VersionNumber: names.versionNumber,
}
const answers: Readonly<Record<string, z.ZodType>> = {
  Fleet: fleets.fleetView,
  ManifestSlot: manifest.manifestSlot,
  Release: manifest.release,
  CommittedRelease: manifest.committedRelease,
  FleetReport: fleets.fleetReport,
  VersionReport: fleets.versionReport,
  Device: fleets.deviceView,
  DeviceDetail: fleets.deviceDetail,
  DeviceSlot: fleets.deviceSlotView,
  DeviceProblem: fleets.deviceProblem,
  DeviceRollout: fleets.deviceRollout,
  DeviceWindow: fleets.deviceWindow,
  Placement: fleets.placement,
  Revocation: fleets.revocationView,
  Enrolment: fleets.enrolmentView,
  ModelSummary: models.modelSummary,
  ModelDetail: models.modelDetail,
  Harm: models.harmView,
  Quantity: models.quantityView,
  DriftEvidence: driftEvidence,
  Version: models.versionView,
  PackageRef: packageRef,
  Dataset: models.datasetView,
  Package: models.packageView,
  Window: models.windowView,
  WindowDetail: models.windowDetail,
  Episode: models.episodeView,
  Sample: models.sampleView,
  RolloutStatus: rollouts.rolloutStatus,
  RolloutSummary: rollouts.rolloutSummary,
  RolloutDetail: rollouts.rolloutDetail,
  RolloutDecision: rollouts.rolloutDecision,
  RolloutTest: rollouts.testResult,
  RolloutLadder: rollouts.ladder,
  DeviceEvidence: rollouts.deviceEvidence,
  Review: commands.reviewView,
  RetrainDecision: system.decisionView,
  Admission: system.admissionView,
  Rejection: system.rejectionView,
  AuditRecord: system.auditView,
  Queue: system.queueView,
  DeadLetter: system.deadLetter,
  Attention: system.attention,
  Overview: system.overview,
  LineageDocument: lineageDocument,
  Problem: problem,
  GatewayMessage: gatewayMessage,
}
const requests: Readonly<Record<string, z.ZodType>> = {
  EnrolmentEntry: enrolmentEntry,
  GroundTruth: groundTruth,
  ReviewAnswer: bodies.reviewAnswer,
}
/** Elements of lists that are checked one by one, and what they should be. */
const oneByOne = new Map<unknown, string>([
  [bodies.enrolmentList.element, 'EnrolmentEntry'],
  [bodies.labelPost.shape.labels.element, 'GroundTruth'],
])

const pascal = (id: string): string => `${id.charAt(0).toUpperCase()}${id.slice(1)}`
type Registry = z.core.$ZodRegistry<{ id: string }>

function registryOf(
  named: Readonly<Record<string, z.ZodType>>,
  each: (operation: Operation) => readonly [string, z.ZodType | undefined],
): Registry {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id })
  for (const operation of operations) {
    const [id, schema] = each(operation)
    // A view that is an answer by itself has a name already.
    if (schema !== undefined && !registry.has(schema)) registry.add(schema, { id })
  }
  return registry
}
const answerRegistry = registryOf({ ...shared, ...answers }, ({ id, answer }) => [
  `${pascal(id)}Answer`,
  answer,
])
const bodyRegistry = registryOf({ ...shared, ...requests }, ({ id, body }) => [`${pascal(id)}Body`, body])

export const schemaRef = (id: string): Schema => ({ $ref: `#/components/schemas/${id}` })
export const answerRef = ({ answer }: Operation): Schema => schemaRef(answerRegistry.get(answer)?.id ?? '')
export const bodyRef = ({ body }: Operation): Schema => schemaRef((body && bodyRegistry.get(body)?.id) ?? '')

const settings = { target: 'draft-2020-12', uri: (id: string) => `#/components/schemas/${id}` } as const

/** Everything that has a name. Answers may get fields that older readers do not know; requests may not. */
export function componentSchemas(): Readonly<Record<string, Schema>> {
  const { schemas: sent } = z.toJSONSchema(answerRegistry, {
    ...settings,
    io: 'output',
    override: ({ jsonSchema }) => {
      bounded(jsonSchema)
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  const { schemas: received } = z.toJSONSchema(bodyRegistry, {
    ...settings,
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      bounded(jsonSchema)
      const id = oneByOne.get(zodSchema)
      if (id !== undefined)
        jsonSchema.anyOf = [schemaRef(id), { description: 'Anything else is refused by itself.' }]
    },
  })
  const all = Object.entries({ ...received, ...sent })
  return Object.fromEntries(
    all
      .map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema as Schema] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

/** A parameter's schema: what its text stands for, a number or a flag. */
export function parameterSchema(schema: z.ZodType): Schema {
  const known = answerRegistry.get(schema)?.id
  if (known !== undefined) return schemaRef(known)
  const { $schema: _, ...plain } = z.toJSONSchema(schema, {
    io: 'output',
    override: ({ jsonSchema }) => bounded(jsonSchema),
  })
  return plain
}

/** Leaves out the ends of what a double can count, which say nothing. */
function bounded(schema: { minimum?: number; maximum?: number }): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
}
