import * as z from 'zod'
import { hardwareName, modelName, runtimeName, sha256, slotName, thingName, versionNumber } from './names.ts'

const blob = z.strictObject({ sha256, length: z.int().min(1) })

/** Facts are open: a reader that knows fewer of them than the writer must still be able to recompute the digest. */
const node = <const K extends string, F extends z.ZodRawShape>(kind: K, facts: F) =>
  z.strictObject({
    kind: z.literal(kind),
    /** `{kind}:{name}`, unique in its document. */
    id: z.string(),
    facts: z.looseObject(facts),
    /** Ids of the nodes that this one follows from; all of them are earlier in the document. */
    parents: z.array(z.string()),
    /** SHA-256 of `{id, kind, facts, parents: their digests}` as canonical JSON; see docs/lineage.md. */
    digest: sha256,
  })

export const lineageNode = z.discriminatedUnion('kind', [
  node('source', { key: z.string(), versionId: z.string().nullable(), sha256, rows: z.int() }),
  node('episode', { episode: z.string(), version: versionNumber, cause: z.string(), openedAt: z.string() }),
  node('decision', {
    decision: z.string(),
    trigger: z.string(),
    approved: z.boolean(),
    at: z.string(),
    guards: z.array(
      z.object({
        guard: z.string(),
        passed: z.boolean(),
        detail: z.string(),
        waived: z.string().optional(),
      }),
    ),
  }),
  node('admission', {
    digest: sha256,
    admitted: z.int(),
    devices: z.int(),
    excluded: z.record(z.string(), z.int()).nullable(),
    at: z.string(),
  }),
  node('training-set', {
    digest: sha256,
    split: z.object({ validation: z.number(), holdout: z.number() }),
    admitted: sha256.nullable(),
    fieldSamples: z.int(),
  }),
  /** Samples that were erased later: of the training set, or the prediction that was asked about. Behind no anchor. */
  node('erasure', {
    erasedAt: z.string(),
    reason: z.string(),
    samples: z.int(),
    /** Erased with them from the admitted object, and the digest of what is left of it. */
    admitted: z.int().nullable(),
    current: sha256.nullable(),
  }),
  node('training', {
    job: z.string(),
    image: z.string().nullable(),
    hyperparameters: z.record(z.string(), z.string()),
    seed: z.string().nullable(),
    instanceType: z.string(),
    requestedAt: z.string(),
  }),
  node('import', { key: z.string().nullable(), versionId: z.string().nullable(), sha256 }),
  /** Named, not told: its own document begins at its anchor. */
  node('previous-version', { model: modelName, version: versionNumber, lineage: sha256.nullable() }),
  node('version', {
    model: modelName,
    version: versionNumber,
    origin: z.enum(['training', 'import']),
    task: z.string(),
    features: z.array(z.string()),
    modelDigest: sha256,
    configDigest: sha256,
    baselineDigest: sha256.nullable(),
    metrics: z.record(z.string(), z.number()),
    gate: z.object({ metric: z.string(), floor: z.number(), nonInferiority: z.number() }),
    evaluatedAt: z.string().nullable(),
  }),
  node('compile', {
    hardware: hardwareName,
    strategy: z.string(),
    job: z.string().nullable(),
    artefact: sha256,
    file: z.string(),
    note: z.string().nullable(),
    at: z.string().nullable(),
  }),
  /** Everything up to what was signed; its digest is the anchor. */
  node('release', { model: modelName, version: versionNumber, hardware: z.array(hardwareName) }),
  node('package', { hardware: hardwareName, runtime: runtimeName, package: blob, bundle: blob }),
  node('rollout', {
    rollout: z.string(),
    fleet: z.string(),
    slot: slotName,
    status: z.string(),
    createdAt: z.string(),
    createdBy: z.string(),
    approved: z.array(z.string()),
    phases: z.array(z.object({ name: z.string(), exposure: z.number(), begun: z.string().nullable() })),
    decisions: z.array(z.looseObject({ at: z.string(), decision: z.string(), by: z.string() })),
  }),
  node('delivery', {
    thing: thingName,
    hardware: hardwareName,
    by: z.enum(['phase', 'completion', 'pin']),
    phase: z.string(),
    since: z.string(),
    /** What the device has reported about it so far. */
    outcome: z.string().nullable(),
  }),
  node('prediction', {
    eventId: z.string(),
    thing: thingName,
    capturedAt: z.string(),
    receivedAt: z.string(),
    lane: z.enum(['audit', 'hard']),
    pi: z.number(),
    policy: z.string(),
    prediction: z.number(),
    /** SHA-256 of the row as canonical JSON; the values stay in quarantine. */
    row: sha256,
  }),
  node('label', { label: z.number(), class: z.string().nullable(), labelledAt: z.string().nullable() }),
])
export type LineageNode = z.infer<typeof lineageNode>
export type LineageKind = LineageNode['kind']

/** `GET /v1/lineage/…`: a chain of nodes, what follows after what it follows from. */
export const lineageDocument = z.strictObject({
  v: z.literal(1),
  /** Id of the node that was asked about. */
  subject: z.string(),
  model: modelName,
  version: versionNumber,
  nodes: z.array(lineageNode).min(1),
  /** Written when the version was signed, in its row and in every package; null for a version that is not. */
  anchor: z.strictObject({ node: z.string(), digest: sha256, at: z.string() }).nullable(),
  /** What is not on record, and why. */
  unknown: z.array(z.strictObject({ what: z.string(), why: z.string() })),
})
export type LineageDocument = z.infer<typeof lineageDocument>
