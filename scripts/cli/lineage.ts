import type { LineageDocument, LineageNode } from '../../src/contracts/lineage.ts'
import { type LineageFault, verifyLineage } from '../../src/domain/lineage/chain.ts'
import { toCycloneDx } from '../../src/domain/lineage/cyclonedx.ts'
import type { Places } from '../../src/domain/lineage/find.ts'
import { toOpenLineage } from '../../src/domain/lineage/openlineage.ts'
import { UsageError } from '../lib/options.ts'
import { API_HELP, apiOptions, type Client, openApi } from './api.ts'
import type { Command, Options } from './command.ts'
import { type Paint, short, wrap } from './paint.ts'
import { plain } from './text.ts'

const FORMATS = ['json', 'openlineage', 'cyclonedx'] as const
type Format = (typeof FORMATS)[number]

export const lineage: Command = {
  help: `Usage: npx edgeloop lineage EVENTID | BUNDLE | MODEL@VERSION [options]

Tells where a prediction, a package (the SHA-256 of its bundle) or a version comes from: model, compilations, training,
data, and the decision that asked for it. What is not on record is said.

  --model MODEL      of the prediction, where there are very many models
  --thing THING      with BUNDLE: how it came to this device
  --at TIME          with --thing: by then, ISO (default now)
  --format FORMAT    json: the document as the API gives it; openlineage: RunEvents 2-0-2; cyclonedx: ML-BOM 1.6
  --verify           recomputes every digest, and compares with what was written down when the version was signed
  --anchor SHA256    with --verify: the digest must be this one, such as "chain" in lineage.json of a verified package
  --drops BUCKET     for openlineage and cyclonedx: where dropped objects are
  --artefacts BUCKET    and where artefacts are
${API_HELP}
Exits with 1 when something does not hold.
`,
  examples: ['cold-chain@2 --verify', 'containers-0001-mwqcizae-7 --format openlineage'],
  options: {
    ...apiOptions,
    ...{ model: { type: 'string' }, thing: { type: 'string' }, at: { type: 'string' } },
    ...{
      format: { type: 'string', choices: FORMATS },
      verify: { type: 'boolean' },
      anchor: { type: 'string' },
    },
    ...{ drops: { type: 'string' }, artefacts: { type: 'string' } },
  },
  positionals: [{ name: 'EVENTID' }],
  async run(options, io) {
    const { paint } = io
    const asks = targetOf(options)
    const format = formatOf(options)
    const anchor = options.string('anchor')
    if (anchor !== undefined && !options.flag('verify'))
      throw new UsageError('--verify is needed with --anchor')
    if (anchor !== undefined && !/^[0-9a-f]{64}$/.test(anchor))
      throw new UsageError(`--anchor: "${anchor}" must be 64 lower-case hex digits`)
    const document = await asks(await openApi(options, io))
    const faults = options.flag('verify') ? judge(document, anchor) : undefined
    const exported = format === undefined ? undefined : exportAs(format, document, placesOf(options))
    return {
      exit: faults !== undefined && faults.length > 0 ? 1 : 0,
      text:
        exported === undefined
          ? told(document, faults, paint)
          : [JSON.stringify(exported, null, 2), ...faultLines(faults ?? [], paint)].join('\n'),
      data: { ...dataOf(exported ?? document), ...(faults === undefined ? {} : { faults }) },
    }
  },
}

type Asks = (client: Client) => Promise<LineageDocument>

function targetOf(options: Options): Asks {
  const [target, ...more] = options.positionals
  if (target === undefined || more.length > 0)
    throw new UsageError('name one event id, one bundle by its SHA-256, or one MODEL@VERSION')
  const [, model = '', version] = /^([^@]+)@(\d{1,7})$/.exec(target) ?? []
  const bundle = /^[0-9a-f]{64}$/.test(target)
  const given = (name: string, to: boolean): string | undefined => {
    const value = options.string(name)
    if (value !== undefined && !to) throw new UsageError(`--${name} does not go with ${target}`)
    return value
  }
  const thing = given('thing', bundle)
  const at = given('at', bundle && thing !== undefined)
  const ofModel = given('model', version === undefined && !bundle)
  if (version !== undefined) return client => client.ask('getVersionLineage', { path: { model, version } })
  if (bundle)
    return client => client.ask('getBundleLineage', { path: { digest: target }, query: { thing, at } })
  return client =>
    client.ask('getPredictionLineage', { path: { eventId: target }, query: { model: ofModel } })
}

/** What it may be was checked with the options. */
const formatOf = (options: Options): Format | undefined =>
  FORMATS.find(format => format === options.string('format'))

function placesOf(options: Options): Places {
  const [drops, artefacts] = [options.string('drops'), options.string('artefacts')]
  return { ...(drops === undefined ? {} : { drops }), ...(artefacts === undefined ? {} : { artefacts }) }
}

function exportAs(format: Format, document: LineageDocument, places: Places): object {
  if (format === 'json') return document
  if (format === 'openlineage') return toOpenLineage(document, places)
  const bom = toCycloneDx(document, places)
  if (bom === undefined)
    throw new UsageError(
      `${document.model}@${document.version} has no model yet, so there is no bill of materials`,
    )
  return bom
}
const dataOf = (exported: object): Readonly<Record<string, unknown>> =>
  Array.isArray(exported) ? { events: exported } : { ...exported }

function judge(document: LineageDocument, anchor: string | undefined): LineageFault[] {
  const faults = verifyLineage(document)
  if (anchor !== undefined && document.anchor?.digest !== anchor)
    faults.push({ at: 'anchor', message: `is ${document.anchor?.digest ?? 'not there'}, not ${anchor}` })
  return faults
}

const faultLines = (faults: readonly LineageFault[], paint: Paint): string[] =>
  faults.map(({ at, message }) => `${paint.bad('✗')} ${wrap(plain(`${at}: ${message}`), '  ')}`)

/** The newest first, as one asks: where does this come from? */
function told(document: LineageDocument, faults: readonly LineageFault[] | undefined, paint: Paint): string {
  const { nodes, anchor, unknown, subject } = document
  return [
    paint.bold(`Lineage of ${plain(subject)}`),
    ...nodes
      .toReversed()
      .map(
        node =>
          `  ${node.kind.padEnd(16)} ${paint.dim(short(node.digest))} ${wrap(plain(inWords(node)), ' '.repeat(33))}`,
      ),
    ...(anchor === null ? [] : ['', `Anchored in the signed packages ${plain(anchor.at)}: ${anchor.digest}`]),
    ...(unknown.length === 0 ? [] : ['', paint.bold('Not on record')]),
    ...unknown.map(({ what, why }) => `  ${wrap(plain(`${what}: ${why}`), '    ')}`),
    ...(faults === undefined
      ? []
      : ['', ...(faults.length === 0 ? [verdict(document, paint)] : faultLines(faults, paint))]),
  ].join('\n')
}

const verdict = ({ nodes, anchor }: LineageDocument, paint: Paint): string =>
  anchor === null
    ? `${paint.warn('!')} ${nodes.length} digests hold; there is no anchor to compare them with`
    : `${paint.good('✓')} ${nodes.length} digests hold, and what was signed is what is told`

function inWords(node: LineageNode): string {
  switch (node.kind) {
    case 'source':
      return `${node.facts.key}, version ${node.facts.versionId ?? 'not kept'}, ${node.facts.rows} rows, sha256 ${short(node.facts.sha256)}`
    case 'episode':
      return `${node.facts.cause} of version ${node.facts.version}, ${node.facts.openedAt}`
    case 'decision':
      return `${node.facts.decision}: ${node.facts.approved ? 'approved' : 'held back'} ${node.facts.at}, ${node.facts.guards.filter(g => g.passed).length} of ${node.facts.guards.length} guards passed`
    case 'admission':
      return `${node.facts.admitted} field samples of ${node.facts.devices} devices, sha256 ${short(node.facts.digest)}`
    case 'training-set':
      return `sha256 ${short(node.facts.digest)}, ${node.facts.fieldSamples} field samples`
    case 'erasure':
      return `${node.facts.samples} of its samples, ${node.facts.erasedAt}: ${node.facts.reason}${
        node.facts.current === null
          ? ''
          : `; ${node.facts.admitted} of those admitted, and what is left is sha256 ${short(node.facts.current)}`
      }`
    case 'training':
      return `${node.facts.job}, image ${node.facts.image ?? 'not kept'}, seed ${node.facts.seed ?? 'none'}`
    case 'import':
      return `${node.facts.key ?? 'key not kept'}, sha256 ${short(node.facts.sha256)}`
    case 'previous-version':
      return `${node.facts.model}@${node.facts.version}`
    case 'version':
      return `${node.facts.model}@${node.facts.version}, model ${short(node.facts.modelDigest)}`
    case 'compile':
      return `${node.facts.hardware} by ${node.facts.strategy}, artefact ${short(node.facts.artefact)}`
    case 'release':
      return `${node.facts.model}@${node.facts.version} for ${node.facts.hardware.join(', ')}`
    case 'package':
      return `${node.facts.hardware}, bundle ${short(node.facts.bundle.sha256)}`
    case 'rollout':
      return `${node.facts.rollout}, ${node.facts.status}, ${node.facts.decisions.length} decisions, approved by ${node.facts.approved.join(', ') || 'the engine alone'}`
    case 'delivery':
      return `to ${node.facts.thing} by ${node.facts.by} "${node.facts.phase}" since ${node.facts.since}`
    case 'prediction':
      return `${node.facts.thing} said ${node.facts.prediction} at ${node.facts.capturedAt}, ${node.facts.lane} lane, π ${node.facts.pi}`
    case 'label':
      return `${node.facts.class ?? node.facts.label}, ${node.facts.labelledAt ?? 'time not kept'}`
  }
}
