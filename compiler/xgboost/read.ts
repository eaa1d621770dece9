import type { Ensemble, Tree } from '../ensemble.ts'
import { ModelFormatError } from '../errors.ts'
import {
  arrayAt,
  asFloat,
  asInteger,
  asObject,
  type Fields,
  objectAt,
  own,
  show,
  stringAt,
} from './fields.ts'
import { parseJson } from './json.ts'
import { assertObjective, baseMargin } from './objective.ts'
import { readTree } from './tree.ts'
import { parseUbjson } from './ubjson.ts'

export const MAX_MODEL_BYTES = 64 * 1024 * 1024
const MAX_DEPTH = 32
const MAX_FEATURES = 2 ** 16
const MAX_OUTPUTS = 2 ** 12
const MODEL = 'learner.gradient_booster.model'
const PARAM = 'learner.learner_model_param'

const parse = (source: Uint8Array): unknown => {
  if (source.length > MAX_MODEL_BYTES)
    throw new ModelFormatError('', `is ${source.length} bytes long; the limit is ${MAX_MODEL_BYTES}`)
  // Both start with `{`; a UBJSON object goes on with the int64 length of its first key.
  if (source[0] === 0x7b && source[1] === 0x4c) return parseUbjson(source, MAX_DEPTH)
  if (source[0] === 0x62 && source[1] === 0x69 && source[2] === 0x6e && source[3] === 0x66)
    throw new ModelFormatError('', 'is in the legacy binary format; save it as .json or .ubj')
  return parseJson(source, MAX_DEPTH)
}

/** Whether the version that wrote the file clamps the base score of a logistic objective: 3.2 and later. */
const readClamps = (root: Fields): boolean => {
  const version = arrayAt(root, 'version', '', 3)
  const major = asInteger(version[0], 'version[0]', 1, 3)
  return asInteger(version[1], 'version[1]', 0, 1000) >= 2 && major === 3
}

/** `"5E-1"`, since 3.1 also `"[1E-1,2E-1]"` with one number per output. */
const readBaseScore = (
  param: Fields,
  objective: string,
  numOutput: number,
  clamps: boolean,
): Float32Array => {
  const path = `${PARAM}.base_score`
  const value = own(param, 'base_score')
  const text = typeof value === 'number' ? String(value) : stringAt(param, 'base_score', PARAM)
  if (text.length > 40 * (numOutput + 1))
    throw new ModelFormatError(path, `is ${text.length} characters long`)
  const parts = (/^\[(.*)\]$/.exec(text)?.[1] ?? text).split(',')
  if (parts.length !== 1 && parts.length !== numOutput)
    throw new ModelFormatError(path, `must hold 1 or ${numOutput} numbers, found ${parts.length}`)
  const margins = parts.map(part => {
    if (part.length > 40 || !/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(part))
      throw new ModelFormatError(path, `must be a number, found ${show(part)}`)
    return asFloat(baseMargin(objective, asFloat(Number(part), path), clamps, path), path)
  })
  return Float32Array.from({ length: numOutput }, (_, i) => margins[i] ?? margins[0]!)
}

const readIterationEnds = (model: Fields, numTrees: number, perIteration: number): number[] => {
  const path = `${MODEL}.iteration_indptr`
  if (own(model, 'iteration_indptr') === undefined) {
    if (numTrees % perIteration !== 0)
      throw new ModelFormatError(
        `${MODEL}.trees`,
        `${numTrees} trees are not a multiple of ${perIteration} per iteration`,
      )
    return Array.from({ length: numTrees / perIteration }, (_, i) => (i + 1) * perIteration)
  }
  const indptr = arrayAt(model, 'iteration_indptr', MODEL)
  let previous = 0
  const ends: number[] = []
  for (let i = 0; i < indptr.length; i++) {
    const end = asInteger(indptr[i], `${path}[${i}]`, previous, i === 0 ? 0 : numTrees)
    if (i > 0) ends.push(end)
    previous = end
  }
  if (indptr.length === 0 || previous !== numTrees)
    throw new ModelFormatError(path, `must run from 0 to ${numTrees}`)
  return ends
}

const readTrees = (model: Fields, numFeature: number, numOutput: number): Tree[] => {
  const trees = arrayAt(model, 'trees', MODEL)
  const info = arrayAt(model, 'tree_info', MODEL, trees.length)
  return Array.from({ length: trees.length }, (_, i) => {
    const path = `${MODEL}.trees[${i}]`
    const outputClass = asInteger(info[i], `${MODEL}.tree_info[${i}]`, 0, numOutput - 1)
    return readTree(asObject(trees[i], path), path, numFeature, outputClass)
  })
}

const readFeatureNames = (learner: Fields, numFeature: number): string[] | undefined => {
  if (own(learner, 'feature_names') === undefined) return undefined
  const names = arrayAt(learner, 'feature_names', 'learner')
  if (names.length === 0) return undefined
  if (names.length !== numFeature)
    throw new ModelFormatError(
      'learner.feature_names',
      `must have ${numFeature} elements, found ${names.length}`,
    )
  return Array.from(names, (name, i) => {
    if (typeof name !== 'string')
      throw new ModelFormatError(`learner.feature_names[${i}]`, 'must be a string')
    return name
  })
}

const readBestIteration = (learner: Fields, iterations: number): number | undefined => {
  if (own(learner, 'attributes') === undefined) return undefined
  const best = own(objectAt(learner, 'attributes', 'learner'), 'best_iteration')
  return best === undefined
    ? undefined
    : asInteger(best, 'learner.attributes.best_iteration', 0, iterations - 1)
}

/**
 * Reads a tree model saved by XGBoost 1.x to 3.x as JSON or UBJSON (told apart by content), at most 64 MiB.
 * Everything that prediction depends on is validated. Throws ModelFormatError, nothing else.
 */
export const readXgboost = (source: Uint8Array): Ensemble => {
  const root = asObject(parse(source), 'document')
  const clamps = readClamps(root)
  const learner = objectAt(root, 'learner', '')
  const booster = objectAt(learner, 'gradient_booster', 'learner')
  const boosterName = stringAt(booster, 'name', 'learner.gradient_booster')
  if (boosterName !== 'gbtree')
    throw new ModelFormatError(
      'learner.gradient_booster.name',
      `booster ${show(boosterName)} is not supported; train with booster=gbtree`,
    )
  const objective = stringAt(objectAt(learner, 'objective', 'learner'), 'name', 'learner.objective')
  assertObjective(objective, 'learner.objective.name')

  const param = objectAt(learner, 'learner_model_param', 'learner')
  const numFeature = asInteger(own(param, 'num_feature'), `${PARAM}.num_feature`, 1, MAX_FEATURES)
  const numClass = asInteger(own(param, 'num_class'), `${PARAM}.num_class`, 0, MAX_OUTPUTS)
  const numTarget = asInteger(own(param, 'num_target') ?? 1, `${PARAM}.num_target`, 0, MAX_OUTPUTS)
  const numOutput = Math.max(1, numClass, numTarget)
  if (objective.startsWith('multi:') !== numClass > 1)
    throw new ModelFormatError(`${PARAM}.num_class`, `${numClass} does not fit objective ${objective}`)

  const model = objectAt(booster, 'model', 'learner.gradient_booster')
  const gbtree = objectAt(model, 'gbtree_model_param', MODEL)
  const numTrees = asInteger(own(gbtree, 'num_trees'), `${MODEL}.gbtree_model_param.num_trees`, 0, 2 ** 24)
  const parallel = asInteger(
    own(gbtree, 'num_parallel_tree') ?? 1,
    `${MODEL}.gbtree_model_param.num_parallel_tree`,
    0,
    2 ** 24,
  )
  const trees = readTrees(model, numFeature, numOutput)
  if (trees.length !== numTrees)
    throw new ModelFormatError(
      `${MODEL}.trees`,
      `must have ${numTrees} elements (num_trees), found ${trees.length}`,
    )
  const iterationEnds = readIterationEnds(model, numTrees, numOutput * Math.max(1, parallel))
  const featureNames = readFeatureNames(learner, numFeature)
  const bestIteration = readBestIteration(learner, iterationEnds.length)
  return {
    objective,
    numFeature,
    numClass,
    numOutput,
    baseScore: readBaseScore(param, objective, numOutput, clamps),
    trees,
    iterationEnds,
    ...(featureNames === undefined ? {} : { featureNames }),
    ...(bestIteration === undefined ? {} : { bestIteration }),
  }
}
