/** From a prediction, a bundle or a version back to the bytes it was trained on. */
import type { LineageDocument, LineageNode } from '../api/types.ts'
import { capital, words } from '../lib/format.ts'
import { factsOf, wantedOf } from '../lib/lineage.ts'
import { href } from '../lib/route.ts'
import { type Asked, useAsk, useRoute } from '../ui/app.ts'
import { Badge, Card, Digest, Facts, Heading, To } from '../ui/bits.tsx'
import { Empty, Partial, Show } from '../ui/states.tsx'

export function LineagePage() {
  const { query } = useRoute()
  const wanted = wantedOf(query['of'] ?? '')
  const prediction = useAsk(
    'getPredictionLineage',
    wanted?.by === 'prediction' ? { eventId: wanted.eventId } : undefined,
    { model: query['model'] },
  )
  const bundle = useAsk('getBundleLineage', wanted?.by === 'bundle' ? { digest: wanted.digest } : undefined, {
    thing: query['thing'],
    at: query['at'],
  })
  const version = useAsk(
    'getVersionLineage',
    wanted?.by === 'version' ? { model: wanted.model, version: wanted.version } : undefined,
  )
  const asked: Asked<LineageDocument> | undefined =
    wanted === undefined ? undefined : { prediction, bundle, version }[wanted.by]
  return (
    <>
      <Heading>Lineage</Heading>
      <search>
        <form
          class="lookup"
          onSubmit={event => {
            event.preventDefault()
            location.hash = href(['lineage'], {
              of: String(new FormData(event.currentTarget).get('of') ?? '').trim(),
            })
          }}
        >
          <label class="field">
            <span>Prediction, bundle or version</span>
            <input
              type="text"
              name="of"
              key={query['of']}
              defaultValue={query['of'] ?? ''}
              spellcheck={false}
            />
            <small>An event id, a bundle’s SHA-256, or a version such as cold-chain@3</small>
          </label>
          <button type="submit" class="primary">
            Walk back
          </button>
        </form>
      </search>
      {asked === undefined ? (
        <Empty
          what="Nothing asked for yet."
          how="Event ids are in the review queue and in files of samples, bundles on the pages of devices and fleets, versions everywhere."
        />
      ) : (
        <Show of={asked} lines={10}>
          {document => <Walk of={document} />}
        </Show>
      )}
    </>
  )
}

function Walk({ of }: { readonly of: LineageDocument }) {
  // What was asked about first, then what it follows from.
  const nodes = of.nodes.toReversed()
  return (
    <>
      {of.unknown.length > 0 && (
        <Partial>
          <p>
            <strong>Not on record:</strong>
          </p>
          <ul>
            {of.unknown.map(u => (
              <li key={u.what}>
                {u.what}: {u.why}
              </li>
            ))}
          </ul>
        </Partial>
      )}
      <Card
        title={
          <>
            The way back, of{' '}
            <To
              path={['models', of.model]}
              query={{ version: of.version }}
            >{`${of.model} v${of.version}`}</To>
          </>
        }
        aside={<span class="muted">{nodes.length} steps</span>}
      >
        <ol class="walk">
          {nodes.map(node => (
            <Step key={node.id} node={node} document={of} />
          ))}
        </ol>
      </Card>
    </>
  )
}

/** Digests are shown whole: this is where they are compared. */
const SHA256 = /^[0-9a-f]{64}\b/
const idOf = (id: string): string => `node-${id.replace(/[^A-Za-z0-9]+/g, '-')}`

const Step = ({
  node,
  document: doc,
}: {
  readonly node: LineageNode
  readonly document: LineageDocument
}) => (
  <li id={idOf(node.id)} tabIndex={-1} class={doc.unknown.some(u => u.what === node.id) ? 'unsure' : ''}>
    <h3>
      {capital(words(node.kind))} {node.id === doc.subject && <Badge tone="info">asked about</Badge>}
      {node.id === doc.anchor?.node && <Badge tone="ok">anchor, signed into every package</Badge>}
      <Digest of={node.digest} />
    </h3>
    <Facts
      of={factsOf(node).map(([name, value]) => [name, SHA256.test(value) ? <code>{value}</code> : value])}
    />
    {node.parents.length > 0 && (
      <p class="muted">
        Follows from{' '}
        {node.parents.map((parent, i) => (
          <span key={parent}>
            {i > 0 && ', '}
            <button type="button" class="link" onClick={() => go(parent)}>
              {parent}
            </button>
          </span>
        ))}
      </p>
    )}
  </li>
)

function go(id: string): void {
  const target = document.getElementById(idOf(id))
  target?.scrollIntoView({ block: 'center' })
  target?.focus({ preventScroll: true })
}
