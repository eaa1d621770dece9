import { admitSamples } from '../../src/handlers/admit-samples.ts'
import { advanceRollout } from '../../src/handlers/advance-rollout.ts'
import { allowDevices } from '../../src/handlers/allow-devices.ts'
import { answerDevice } from '../../src/handlers/answer-device.ts'
import { archiveWindows } from '../../src/handlers/archive-windows.ts'
import { compileModel } from '../../src/handlers/compile-model.ts'
import { decideRetrain } from '../../src/handlers/decide-retrain.ts'
import { evaluateWindow } from '../../src/handlers/evaluate-window.ts'
import { importModel } from '../../src/handlers/import-model.ts'
import { ingestLabels } from '../../src/handlers/ingest-labels.ts'
import { ingestMetrics } from '../../src/handlers/ingest-metrics.ts'
import { ingestReports } from '../../src/handlers/ingest-reports.ts'
import { ingestSamples } from '../../src/handlers/ingest-samples.ts'
import { makeDeltas } from '../../src/handlers/make-deltas.ts'
import { opsCommand } from '../../src/handlers/ops-command.ts'
import { opsQuery } from '../../src/handlers/ops-query.ts'
import { planRollout } from '../../src/handlers/plan-rollout.ts'
import { predictInCloud } from '../../src/handlers/predict-in-cloud.ts'
import { publishOutbox } from '../../src/handlers/publish-outbox.ts'
import { publishTrust } from '../../src/handlers/publish-trust.ts'
import { reconcile } from '../../src/handlers/reconcile.ts'
import { recordRefusal } from '../../src/handlers/record-refusal.ts'
import { refresh } from '../../src/handlers/refresh-overview.ts'
import { registerDataset } from '../../src/handlers/register-dataset.ts'
import { registerModel } from '../../src/handlers/register-model.ts'
import { requestLabels } from '../../src/handlers/request-labels.ts'
import { revokeDeviceCertificates } from '../../src/handlers/revoke-device.ts'
import { serveBlob } from '../../src/handlers/serve-blob.ts'
import { signPackage } from '../../src/handlers/sign-package.ts'
import { startTraining } from '../../src/handlers/start-training.ts'
import { trackCompilation } from '../../src/handlers/track-compilation.ts'
import { trackTraining } from '../../src/handlers/track-training.ts'
import { vetDevice } from '../../src/handlers/vet-device.ts'
import type { World } from './world.ts'

export type Handler = (event: unknown) => Promise<unknown>
type Deps = ReturnType<World['deps']>

/** Every handler of the template, by its file's name. */
export const makeHandlers = (deps: Deps): Record<string, Handler> => ({
  'register-model': registerModel(deps),
  'register-dataset': registerDataset(deps),
  'admit-samples': admitSamples(deps),
  'start-training': startTraining(deps),
  'track-training': trackTraining(deps),
  'import-model': importModel(deps),
  'compile-model': compileModel(deps),
  'track-compilation': trackCompilation(deps),
  'sign-package': signPackage(deps),
  'make-deltas': makeDeltas(deps),
  'plan-rollout': planRollout(deps),
  'advance-rollout': advanceRollout(deps),
  'publish-trust': publishTrust(deps),
  'answer-device': answerDevice(deps),
  'serve-blob': serveBlob(deps),
  'predict-in-cloud': predictInCloud(deps),
  'ingest-reports': ingestReports(deps),
  'ingest-metrics': ingestMetrics(deps),
  'ingest-samples': ingestSamples(deps),
  'ingest-labels': ingestLabels(deps),
  'record-refusal': recordRefusal(deps),
  'evaluate-window': evaluateWindow(deps),
  'archive-windows': archiveWindows(deps),
  'request-labels': requestLabels(deps),
  'decide-retrain': decideRetrain(deps),
  reconcile: reconcile(deps),
  'refresh-overview': refresh(deps),
  'publish-outbox': publishOutbox(deps),
  'allow-devices': allowDevices(deps),
  'vet-device': vetDevice(deps),
  'revoke-device': revokeDeviceCertificates(deps),
  'ops-query': opsQuery(deps),
  'ops-command': opsCommand(deps),
})
