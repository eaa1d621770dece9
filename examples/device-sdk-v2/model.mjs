/** Runs XGBoost's own JSON: the runtime `xgboost`. Margins are f32 sums in the order of the trees. */
import { parseUntrustedJson, Refusal, refuseAs } from '../../verifier/index.ts'

export const RUNTIME = 'xgboost'
export const FILES = ['baseline.json', 'contract.json', 'lineage.json', 'model.json', 'self-test.json']
const LIMITS = { maxBytes: 8_388_608, maxDepth: 32 }
const TASKS = { 'binary:logistic': 'binary', 'reg:squarederror': 'regression' }

/** What a verified package says, loaded and tested. @throws Refusal PACKAGE_CONTRACT, MODEL_FORMAT or SELF_TEST */
export function loadPackage(files) {
  const read = (name, code) => refuseAs(code, () => parseUntrustedJson(files.get(name), LIMITS))
  const contract = read('contract.json', 'PACKAGE_CONTRACT')
  const baseline = read('baseline.json', 'PACKAGE_CONTRACT')
  const test = read('self-test.json', 'PACKAGE_CONTRACT')
  read('lineage.json', 'PACKAGE_CONTRACT')
  refuseAs('PACKAGE_CONTRACT', () => {
    if (!Array.isArray(contract.features) || !Array.isArray(baseline.features))
      throw new Error('features must be lists')
    if (test.rows.length !== test.margins.length) throw new Error('as many rows as margins are needed')
  })
  const margin = refuseAs('MODEL_FORMAT', () => compileTrees(read('model.json', 'MODEL_FORMAT'), contract))
  return { contract, baseline, test, margin }
}

/** Every row of the self-test must give its margin, bit for bit. @throws Refusal SELF_TEST */
export function selfTest({ test, margin }) {
  test.rows.forEach((row, i) => {
    const got = refuseAs('SELF_TEST', () => bits(margin(row)))
    if (got !== test.margins[i][0] || test.margins[i].length !== 1)
      throw new Refusal('SELF_TEST', `row ${i} gives ${got}, not ${test.margins[i].join(' ')}`)
  })
}

function bits(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes.toString('hex')
}

/** @returns a function from a row (null is missing) to its margin */
function compileTrees({ learner }, contract) {
  const task = TASKS[learner.objective.name]
  if (task === undefined || task !== contract.task) throw new Error(`objective ${learner.objective.name}`)
  const features = Number(learner.learner_model_param.num_feature)
  if (features !== contract.features.length) throw new Error(`${features} features, contract.json has others`)
  const base = Number(learner.learner_model_param.base_score)
  const start = Math.fround(task === 'binary' ? -Math.log(1 / base - 1) : base)
  const trees = learner.gradient_booster.model.trees.map(readTree)
  return row => {
    if (row.length !== features) throw new Error(`a row must have ${features} values`)
    return trees.reduce((sum, tree) => Math.fround(sum + tree(row)), start)
  }
}

function readTree({ left_children, right_children, split_indices, split_conditions, default_left }) {
  const conditions = Float32Array.from(split_conditions)
  return row => {
    let node = 0
    // A node is visited once, so there are no more steps than nodes.
    for (let steps = 0; left_children[node] !== -1; steps++) {
      if (steps > left_children.length) throw new Error('a tree with a loop')
      const value = row[split_indices[node]]
      const missing = value === null || Number.isNaN(value)
      const left = missing ? Boolean(default_left[node]) : Math.fround(value) < conditions[node]
      node = left ? left_children[node] : right_children[node]
    }
    return conditions[node]
  }
}
