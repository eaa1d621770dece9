import * as z from 'zod'
import { type Artefact, loadArtefact } from '../../compiler/run.ts'
import { deviceLink, iotRegistry } from '../adapters/devices.ts'
import { bucketObjects } from '../adapters/objects.ts'
import type { Release } from '../contracts/manifest.ts'
import { type BundleRow, type FleetRow, keys, type ModelRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import { decideRow } from '../domain/evaluation/score.ts'
import type { Core, DeviceLink, Objects, Registry } from '../domain/ports.ts'
import { blobKey } from '../domain/training/assemble.ts'
import { lambda } from '../runtime/lambda.ts'
import { handleUplink } from '../runtime/uplink.ts'

const MAX_ARTEFACT = 64 * 1024 * 1024

export interface PredictDeps extends Core {
  readonly artefacts: Objects
  readonly link: DeviceLink
  readonly registry: Registry
}

/** `predict`: the committed model of the device's fleet, run here, for devices that cannot run it themselves. */
export const predictInCloud = (deps: PredictDeps) => {
  const loaded = new Map<string, Artefact>()
  return (event: unknown) =>
    handleUplink(deps, event, ['predict'], async ({ message, thing }) => {
      const { corr, slot, row } = message.body
      const answer = (body: unknown) => deps.link.prediction(thing, corr, { v: 1, ...(body as object) })
      const release = await committed(deps, thing, slot)
      if (release === undefined) {
        return answer({
          kind: 'error',
          code: 'NO_MODEL',
          message: `no model is committed in slot ${slot} for this device`,
        })
      }
      const bundle = (await deps.store.get<BundleRow>(keys.bundle(release.bundle.sha256)))?.data
      const config = (await deps.store.get<ModelRow>(keys.model(release.model)))?.data.config
      if (bundle === undefined || config === undefined) {
        return answer({
          kind: 'error',
          code: 'NO_MODEL',
          message: 'the committed release is not known any more',
        })
      }
      if (row.length !== config.features.length) {
        const message = `${row.length} values, the model has ${config.features.length} features`
        await answer({ kind: 'error', code: 'FEATURE_COUNT', message })
        throw new InputError('FEATURE_COUNT', message, 'body.row')
      }
      const model = loaded.get(bundle.artefact) ?? (await load(deps, bundle.artefact))
      loaded.set(bundle.artefact, model)
      const margins = model.margins(row.map(v => (v === null ? Number.NaN : v)))
      const { prediction } = decideRow(margins, config.task, config.evaluation.threshold)
      await answer({ kind: 'prediction', version: release.version, margins: [...margins], prediction })
    })
}

async function committed(deps: PredictDeps, thing: string, slot: string): Promise<Release | undefined> {
  const device = await deps.registry.describe(thing)
  if (device === undefined) return undefined
  const fleet = (await deps.store.get<FleetRow>(keys.fleet(device.fleet)))?.data
  return fleet?.slots.find(s => s.slot === slot && s.hardware === device.hardware)?.committed ?? undefined
}
async function load(deps: PredictDeps, digest: string): Promise<Artefact> {
  const { bytes } = await deps.artefacts.get(blobKey(digest), { maxBytes: MAX_ARTEFACT })
  return loadArtefact(bytes)
}

export const handler = lambda({ ARTEFACT_BUCKET: z.string().min(1) }, (env, core) =>
  predictInCloud({
    ...core,
    artefacts: bucketObjects(env.ARTEFACT_BUCKET),
    link: deviceLink(),
    registry: iotRegistry(core.now),
  }),
)
