import type { LineageNode } from '../../contracts/lineage.ts'
import type {
  AdmissionRow,
  DecisionRow,
  EpisodeRow,
  ErasedAdmittedRow,
  ErasedSetRow,
  SignedLineage,
  TargetRow,
  VersionRow,
} from '../entities.ts'
import { sha256Hex } from '../training/plan.ts'
import type { Chain } from './chain.ts'

export type Compiled = Extract<TargetRow, { status: 'COMPILED' }>
/** Rows that tell how a version came about. What is absent is not on record, or there was none. */
export interface VersionRecord {
  readonly version: VersionRow
  readonly targets: readonly Compiled[]
  readonly admission?: AdmissionRow
  readonly decision?: DecisionRow
  readonly episode?: EpisodeRow
  /** Where its admitted object is now, and what of its own samples was erased. */
  readonly erased?: { readonly admitted: ErasedAdmittedRow; readonly set?: ErasedSetRow }
  /** As in the anchor, or, for the one that is being signed, the champion of now; undefined: not known. */
  readonly previous?: SignedLineage['previous']
}
type Evaluated = Extract<VersionRow, { modelDigest: string }>
/** A failed row may carry what it had before it failed. */
const isEvaluated = (row: VersionRow): row is Evaluated =>
  'modelDigest' in row && row.modelDigest !== undefined

/**
 * Nodes from source objects and decision to what was signed. Only facts that never change after the version is signed
 * are in them, so the digest of the last node can be an anchor.
 * @returns the node `release`; for a version that did not come so far, its newest node
 */
export function versionNodes(chain: Chain, record: VersionRecord): LineageNode {
  const { version: row, targets, previous } = record
  const { model, version } = row
  const name = `${model}@${version}`
  const decision = decisionNode(chain, record)
  const made = row.origin === 'import' ? importNode(chain, row) : trainingNode(chain, record, decision)
  if (!isEvaluated(row)) {
    chain.missing('model', `version ${version} is ${row.status}: there is no evaluated model`)
    return made
  }
  if (previous === undefined)
    chain.missing(
      'previous version',
      'it was not recorded, since the version was not signed, or before lineage was',
    )
  const before =
    previous === undefined || previous === null
      ? undefined
      : chain.add('previous-version', `${model}@${previous.version}`, {
          ...{ model, version: previous.version, lineage: previous.lineage },
        })
  const evaluated = chain.add('version', name, factsOf(row), [made, decision, before])
  const compiled = [...targets]
    .sort((a, b) => (a.hardware < b.hardware ? -1 : 1))
    .map(target => compileNode(chain, name, target, evaluated))
  const wanted = row.config.targets.map(t => t.hardware)
  if (!wanted.every(hw => targets.some(t => t.hardware === hw))) return compiled.at(-1) ?? evaluated
  const hardware = targets.map(t => t.hardware).sort()
  return chain.add('release', name, { model, version, hardware }, compiled)
}

function factsOf(row: Evaluated) {
  const { config } = row
  const { metric, floor, nonInferiority } = config.evaluation
  return {
    ...{ model: row.model, version: row.version, origin: row.origin, generation: row.generation },
    ...{ task: config.task, features: config.features.map(f => f.name) },
    ...{ modelDigest: row.modelDigest, configDigest: row.configDigest },
    baselineDigest: 'baselineDigest' in row ? row.baselineDigest : null,
    metrics: { ...row.metrics },
    gate: { metric, floor, nonInferiority },
    evaluatedAt: row.evaluatedAt ?? null,
  }
}

/** The decision that asked for it, on the episode that it answered. */
function decisionNode(chain: Chain, { version, decision, episode }: VersionRecord): LineageNode | undefined {
  if (version.decision === undefined) return undefined
  if (decision === undefined) {
    chain.missing('decision', `there is no record of decision ${version.decision}`)
    return undefined
  }
  if (decision.episode !== undefined && episode === undefined)
    chain.missing('episode', `there is no record of episode ${decision.episode}`)
  const cause = episode && episodeNode(chain, episode)
  const { trigger, approved, at, facts, guards } = decision
  return chain.add(
    'decision',
    `${version.model}/${decision.decision}`,
    { decision: decision.decision, trigger, approved, at, facts, guards: [...guards] },
    [cause],
  )
}

/** Without `decision`, which changes when the episode is opened again. */
const episodeNode = (chain: Chain, row: EpisodeRow): LineageNode =>
  chain.add('episode', `${row.model}/${row.episode}`, {
    ...{ episode: row.episode, version: row.version, cause: row.cause, openedAt: row.openedAt },
    ...{ window: row.window ?? null, evidence: row.evidence ?? [] },
  })

function trainingNode(chain: Chain, record: VersionRecord, decision: LineageNode | undefined): LineageNode {
  const { version: row } = record
  const { trainingSet, trainingSetDigest: digest = '', field, image, hyperparameters: parameters = {} } = row
  const sources = (trainingSet?.sources ?? []).map(({ key, versionId = null, sha256, rows }) =>
    // Dropped twice under two names, the same bytes are registered once; the key is part of it all the same.
    chain.add('source', sha256Hex(`${key}\0${sha256}`).slice(0, 32), { key, versionId, sha256, rows }),
  )
  const admission = admissionNode(chain, record, decision)
  const set = chain.add(
    'training-set',
    digest,
    {
      digest,
      features: trainingSet?.features ?? [],
      split: trainingSet?.split ?? row.config.training.split,
      admitted: trainingSet?.admitted ?? null,
      fieldSamples: field?.samples ?? 0,
    },
    [...sources, admission],
  )
  erasureNodes(chain, record, [admission, set])
  if (image === undefined)
    chain.missing('training image', 'the version was requested before images were recorded')
  else if (!/@sha256:[0-9a-f]{64}$/.test(image))
    chain.missing(
      'digest of the training image',
      'it was asked for by a tag, which may name another image by now',
    )
  chain.missing('commit of the training code', 'the image is what is recorded; it is built elsewhere')
  const facts = {
    ...{ job: row.job ?? '', image: image ?? null, hyperparameters: { ...parameters } },
    ...{ seed: parameters['seed'] ?? null, instanceType: row.config.training.instanceType },
    requestedAt: row.requestedAt,
  }
  return chain.add('training', `${row.model}@${row.version}`, facts, [set, decision])
}

/** Nothing follows from them, so that the anchor stays what it was when the version was signed. */
function erasureNodes(
  chain: Chain,
  { erased, version: { trainingSetDigest = '' } }: VersionRecord,
  parents: readonly (LineageNode | undefined)[],
): void {
  for (const { erasedAt, reason, samples: admitted } of erased?.admitted.erasures ?? []) {
    const own = erased?.set?.erasures.find(e => e.erasedAt === erasedAt && e.reason === reason)
    chain.add(
      'erasure',
      `${trainingSetDigest}/${sha256Hex(`${erasedAt}\0${reason}`).slice(0, 16)}`,
      { erasedAt, reason, samples: own?.samples ?? 0, admitted, current: erased?.admitted.current ?? null },
      parents,
    )
  }
}

/** Field samples of its own decision, or those that an earlier version was given, for a drop that keeps them. */
function admissionNode(
  chain: Chain,
  { version: { model, field, decision: asked }, admission }: VersionRecord,
  decision: LineageNode | undefined,
): LineageNode | undefined {
  if (admission !== undefined) {
    const { digest, report, admitted, devices, excluded, at } = admission
    const facts = { digest, report, admitted, devices, excluded: { ...excluded }, at }
    return chain.add('admission', `${model}/${digest}`, facts, [decision])
  }
  if (asked !== undefined) chain.missing('admission', `there is no record of what decision ${asked} admitted`)
  if (field === undefined) return undefined
  chain.missing(
    'decision of the field samples',
    'they were admitted for an earlier version, whose lineage has the decision and what it left out',
  )
  const { digest, samples, devices, at } = field
  return chain.add('admission', `${model}/${digest}`, {
    digest,
    admitted: samples,
    devices,
    excluded: null,
    at,
  })
}

function importNode(chain: Chain, row: VersionRow): LineageNode {
  if (row.imported === undefined)
    chain.missing('imported object', 'its key was not recorded; the digest is that of its bytes')
  chain.missing('training of the import', 'the model was trained elsewhere')
  return chain.add('import', `${row.model}@${row.version}`, {
    key: row.imported?.key ?? null,
    versionId: row.imported?.versionId ?? null,
    sha256: isEvaluated(row) ? row.modelDigest : '',
  })
}

const compileNode = (chain: Chain, name: string, target: Compiled, version: LineageNode): LineageNode =>
  chain.add(
    'compile',
    `${name}/${target.hardware}`,
    {
      ...{ hardware: target.hardware, strategy: target.strategy, job: target.job ?? null },
      ...{ artefact: target.artefact, bytes: target.bytes, file: target.file, note: target.note ?? null },
      at: target.at ?? null,
    },
    [version],
  )
