import { parse as parseYaml } from 'yaml'
import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import {
  MAX_MODEL_YAML_BYTES,
  type ModelConfig,
  modelConfig,
  YAML_OPTIONS,
} from '../contracts/model-config.ts'
import { keys, listings, type ModelRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import { configFaults } from '../domain/model/check-config.ts'
import { refuseFirst } from '../domain/model/fault.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { dropHandler } from '../runtime/drops.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface RegisterModelDeps extends Core {
  readonly drops: Objects
}

/** `models/{model}/model.yaml` was dropped: check it, keep it, and let waiting datasets know. */
export const registerModel = (deps: RegisterModelDeps) =>
  dropHandler(deps, s3ObjectCreated, 'models', async ({ key, model, cause }) => {
    // The newest object counts, not the one this event is about: events come late and out of order.
    const { bytes } = await deps.drops.get(key, { maxBytes: MAX_MODEL_YAML_BYTES })
    const config = parseConfig(new TextDecoder().decode(bytes), model)
    const configDigest = sha256Hex(bytes)
    const before = await deps.store.get<ModelRow>(keys.model(model))
    if (before?.data.configDigest === configDigest) return
    await deps.store.commit(
      [
        put(
          keys.model(model),
          { ...before?.data, config, configDigest, nextVersion: before?.data.nextVersion ?? 1 },
          before,
          { list: { pk: listings.models, sk: model } },
        ),
      ],
      [{ type: 'ModelConfigured', data: { model, fleet: config.fleet, configDigest } }],
      cause,
    )
  })

function parseConfig(text: string, model: string): ModelConfig {
  let document: unknown
  try {
    document = parseYaml(text, YAML_OPTIONS)
  } catch (error) {
    throw new InputError('NOT_YAML', `not YAML: ${(error as Error).message.split('\n')[0]}`, 'model.yaml')
  }
  const config = parseOrReject(modelConfig, document)
  if (config.name !== model) {
    throw new InputError(
      'NAME_MISMATCH',
      `name is "${config.name}", the file was dropped under models/${model}/`,
      'name',
    )
  }
  refuseFirst(configFaults(config))
  return config
}

export const handler = lambda({ DROP_BUCKET: z.string().min(1) }, (env, core) =>
  registerModel({ ...core, drops: bucketObjects(env.DROP_BUCKET) }),
)
