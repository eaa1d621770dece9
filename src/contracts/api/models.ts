import * as z from 'zod'
import { driftEvidence } from '../drift.ts'
import { gateSets } from '../evaluation-policy.ts'
import { modelConfig } from '../model-config.ts'
import { featureName, hardwareName, modelName, sha256, slotName, thingName, versionNumber } from '../names.ts'
import { packageRef } from '../packages.ts'
import { deviceProblem } from './fleets.ts'
import { flagText, page, paging, question, time } from './operation.ts'

const count = z.int().min(0)

/** What the last window said of one quantity. */
export const quantityView = driftEvidence.extend({
  state: z.enum(['ok', 'insufficient', 'drift']),
  reason: z.enum(['devices', 'readings']).optional(),
  upperBound: z.number(),
  since: z.int(),
  correlation: z.number(),
  open: z.string().optional().describe('Its open episode'),
  scope: z.enum(['none', 'device', 'model']),
})
export const harmView = z.object({
  state: z
    .enum(['harmed', 'ok', 'not-enough-labels', 'not-watched'])
    .describe('`not-watched`: regression, no champion, or one whose baseline is gone'),
  labels: count,
  errors: count,
  estimate: z.number().nullable().describe('Error of the champion in the field, weighted by 1/π'),
  lowerBound: z.number().nullable().describe('Of the anytime-valid confidence sequence'),
  accepted: z.number().nullable().describe('Error at release and how much worse it may be'),
})
export const modelSummary = z.object({
  model: modelName,
  fleet: modelName,
  slot: slotName,
  task: z.enum(['binary', 'multiclass', 'regression']),
  champion: versionNumber.nullable(),
  versions: count,
  lastTrainingAt: time.nullable(),
  retraining: z.object({ decision: z.string(), since: time }).nullable(),
  configDigest: sha256,
})
export const modelDetail = modelSummary.extend({
  config: z.looseObject(modelConfig.shape).describe('As model.yaml, with defaults filled in'),
  monitoring: z
    .object({
      version: versionNumber,
      window: z.int().nullable().describe('The last that was judged'),
      episode: z.string().nullable(),
      latest: z.array(quantityView),
      problems: z.array(deviceProblem),
    })
    .nullable(),
  harm: harmView,
})
const gateLine = z.object({
  set: z.enum(gateSets),
  slice: z.string().nullable(),
  rows: count,
  metric: z.enum(['auc', 'accuracy', 'rmse']),
  challenger: z.number().nullable(),
  champion: z.number().nullable().optional(),
  loss: z
    .object({ estimate: z.number(), lower: z.number().nullable(), upper: z.number().nullable() })
    .optional(),
  verdict: z.enum(['non-inferior', 'inferior', 'insufficient']).optional(),
  restsOnOneDevice: z.boolean().optional(),
  blocks: z.boolean(),
})
const source = z.object({ key: z.string(), versionId: z.string().optional(), sha256, rows: count })
export const versionView = z.object({
  model: modelName,
  version: versionNumber,
  status: z.enum(['REQUESTED', 'TRAINING', 'FAILED', 'REJECTED', 'REGISTERED', 'PACKAGED']),
  origin: z.enum(['training', 'import']),
  generation: count.describe('Turns of the loop since a person’s drop'),
  requestedAt: time,
  evaluatedAt: time.optional(),
  configDigest: sha256,
  job: z.string().optional(),
  decision: z.string().optional().describe('That asked for it; absent for a person’s drop'),
  reason: z.string().optional(),
  reasons: z.array(z.string()).optional(),
  metrics: z.record(z.string(), z.number()).optional(),
  gate: z.array(gateLine).optional(),
  hyperparameters: z.record(z.string(), z.string()).optional(),
  trainingSetDigest: sha256.optional(),
  modelDigest: sha256.optional(),
  baselineDigest: sha256.optional(),
  packages: z.array(packageRef).optional(),
  sources: z.array(source).optional(),
  fieldSamples: count,
  imported: z.object({ key: z.string(), versionId: z.string().optional() }).optional(),
  lineage: z.string().optional().describe('Digest of its anchor'),
  correlationId: z.string().optional().describe('Of the chain of events that it came from'),
})
export type VersionView = z.infer<typeof versionView>
const targetView = z.object({
  hardware: hardwareName,
  strategy: z.enum(['edgeloop', 'neo', 'none']),
  status: z.enum(['COMPILING', 'COMPILED', 'FAILED']),
  job: z.string().optional(),
  reason: z.string().optional(),
  artefact: sha256.optional(),
  bytes: count.optional(),
  note: z.string().optional(),
  at: time.optional(),
})
export const datasetView = z.object({
  key: z.string(),
  versionId: z.string().optional(),
  digest: sha256,
  rows: count,
  registeredAt: time,
})
export const packageView = z.object({
  digest: sha256.describe('Of the bundle, which names the package'),
  model: modelName,
  version: versionNumber,
  hardware: hardwareName,
  fleet: modelName,
  slot: slotName,
  package: z.object({ sha256, length: count }).nullable(),
  bundle: z.object({ sha256, length: count }).nullable(),
})
/** One closed window of one version, judged. */
export const windowView = z.object({
  model: modelName,
  version: versionNumber,
  window: z.int(),
  start: time,
  reported: count.describe('Devices whose counts were in it'),
  expected: count,
  active: count,
  sampling: count,
  inferences: count,
  errors: count,
  resets: count,
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  confidence: z.number().nullable(),
  quantities: z.array(quantityView),
})
export const windowDetail = windowView.extend({
  bins: z.array(
    z.object({
      name: featureName,
      edges: z.array(z.number()),
      baseline: z.array(z.number()).describe('Shares; the last is of missing values'),
      counts: z.array(count).describe('In this window, in the same order'),
    }),
  ),
  problems: z.array(deviceProblem).describe('Devices that were off in it'),
})
export const episodeView = z.object({
  episode: z.string(),
  model: modelName,
  version: versionNumber,
  cause: z.enum(['drift', 'harm']),
  openedAt: time,
  window: z.int().optional(),
  evidence: z.array(driftEvidence).optional(),
  accepted: z.number().optional(),
  decision: z.string().optional(),
  closed: z.int().optional(),
})
export const sampleView = z.object({
  eventId: z.string(),
  thing: thingName,
  model: modelName,
  version: versionNumber,
  capturedAt: time,
  receivedAt: time,
  lane: z.enum(['audit', 'hard']),
  pi: z.number(),
  strategy: z.string().optional(),
  row: z.array(z.number().nullable()),
  prediction: z.number(),
  label: z.number().nullable(),
  labelClass: z.string().nullable(),
  labelledAt: time.nullable(),
  contested: z.boolean(),
})

const at = { tag: 'Models', problems: [404] } as const
const ofModel = { path: { model: 'cold-chain' } }
export const modelQuestions = {
  listModels: question({
    ...{ id: 'listModels', path: '/v1/models', tag: 'Models', summary: 'Models with their champions' },
    query: paging,
    answer: page('models', modelSummary),
    example: {},
  }),
  getModel: question({
    ...at,
    ...{ id: 'getModel', path: '/v1/models/{model}', summary: 'One model: settings, drift, harm' },
    answer: modelDetail,
    example: ofModel,
  }),
  listVersions: question({
    ...{ id: 'listVersions', path: '/v1/models/{model}/versions', tag: 'Models' },
    summary: 'Versions of a model, newest first',
    query: { ...paging, status: versionView.shape.status.optional() },
    answer: page('versions', versionView),
    example: ofModel,
  }),
  getVersion: question({
    ...at,
    ...{ id: 'getVersion', path: '/v1/models/{model}/versions/{version}' },
    summary: 'One version, with what became of each target',
    answer: versionView.extend({ targets: z.array(targetView) }),
    example: { path: { model: 'cold-chain', version: '1' } },
  }),
  listDatasets: question({
    ...{ id: 'listDatasets', path: '/v1/models/{model}/datasets', tag: 'Models' },
    summary: 'Datasets that were registered, by digest',
    query: paging,
    answer: page('datasets', datasetView),
    example: ofModel,
  }),
  getPackage: question({
    ...at,
    ...{ id: 'getPackage', path: '/v1/packages/{digest}', summary: 'What a bundle’s digest stands for' },
    answer: packageView,
    example: { path: { digest: '{bundle}' } },
  }),
  listWindows: question({
    ...{ id: 'listWindows', path: '/v1/models/{model}/versions/{version}/windows', tag: 'Monitoring' },
    summary: 'Windows of a version that were judged, newest first',
    query: paging,
    answer: page('windows', windowView),
    problems: [404],
    example: { path: { model: 'cold-chain', version: '1' }, query: { limit: '2' } },
  }),
  getWindow: question({
    ...{ id: 'getWindow', path: '/v1/models/{model}/versions/{version}/windows/{window}', tag: 'Monitoring' },
    summary: 'One window with its counts against the baseline',
    answer: windowDetail,
    problems: [404],
    example: { path: { model: 'cold-chain', version: '1', window: '{window}' } },
  }),
  listEpisodes: question({
    ...{ id: 'listEpisodes', path: '/v1/models/{model}/episodes', tag: 'Monitoring' },
    summary: 'Episodes of drift and harm, and which decision answered them',
    query: paging,
    answer: page('episodes', episodeView),
    example: ofModel,
  }),
  listSamples: question({
    ...{ id: 'listSamples', path: '/v1/models/{model}/samples', tag: 'Labels', scope: 'labels:write' },
    summary: 'Captured samples, by event id',
    query: {
      ...paging,
      thing: thingName.optional(),
      lane: z.enum(['audit', 'hard']).optional(),
      labelled: flagText.optional(),
    },
    answer: page('samples', sampleView),
    example: { ...ofModel, query: { limit: '2' } },
  }),
}
