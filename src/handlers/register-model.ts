import { parse as parseYaml } from 'yaml'
import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { type ModelConfig, modelConfig } from '../contracts/model-config.ts'
import { keys, listings, type ModelRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { checkPolicies } from '../domain/retrain/check-config.ts'
import { checkSampling } from '../domain/sampling/check-config.ts'
import { put } from '../domain/store.ts'
import { hyperparameters, sha256Hex } from '../domain/training/plan.ts'
import { dropHandler } from '../runtime/drops.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_BYTES = 65_536

export interface RegisterModelDeps extends Core {
  readonly drops: Objects
}

/** `models/{model}/model.yaml` was dropped: check it, keep it, and let waiting datasets know. */
export const registerModel = (deps: RegisterModelDeps) =>
  dropHandler(deps, s3ObjectCreated, 'models', async ({ key, model, cause }) => {
    // The newest object counts, not the one this event is about: events come late and out of order.
    const { bytes } = await deps.drops.get(key, { maxBytes: MAX_BYTES })
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
    document = parseYaml(text, { maxAliasCount: 20 })
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
  const { task, label } = config
  if (
    task === 'regression'
      ? label.classes.length > 0
      : label.classes.length < 2 || (task === 'binary' && label.classes.length !== 2)
  ) {
    const need = { binary: 'exactly two', multiclass: 'at least two', regression: 'no' }[task]
    throw new InputError(
      'CLASSES',
      `a ${task} model needs ${need} label.classes, not ${label.classes.length}`,
      'label.classes',
    )
  }
  const again = label.classes.find((name, i) => label.classes.indexOf(name) !== i)
  if (again !== undefined) throw new InputError('CLASSES', `class "${again}" is named twice`, 'label.classes')
  for (const [i, { name, min, max }] of config.features.entries()) {
    if (min !== undefined && max !== undefined && min > max) {
      throw new InputError('RANGE', `feature "${name}" has min ${min} above max ${max}`, `features.${i}.min`)
    }
  }
  const names = [...config.features.map(f => f.name), label.column, ...config.ignore]
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new InputError('DUPLICATE_COLUMN', `column "${twice}" is named twice`, twice)
  hyperparameters(config)
  checkPolicies(config)
  checkSampling(config)
  return config
}

export const handler = lambda({ DROP_BUCKET: z.string().min(1) }, (env, core) =>
  registerModel({ ...core, drops: bucketObjects(env.DROP_BUCKET) }),
)
