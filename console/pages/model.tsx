import type { Answer } from '../api/types.ts'
import { figure, percent, plural, words } from '../lib/format.ts'
import { useAsk, useFollow, useOverview, useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Digest, Facts, Heading, To } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { HarmBadge, HarmScale, harmSentence } from '../ui/harm.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { ModelVersions } from './model-versions.tsx'
import { ModelWindows } from './model-windows.tsx'

type Model = Answer<'getModel'>

export function ModelPage({ model }: { readonly model: string }) {
  const { query } = useRoute()
  const asked = useAsk('getModel', { model })
  const known = useOverview()?.models.find(m => m.model === model)
  useFollow(asked.reload, known && [known.champion, known.drift, known.harm, known.retraining])
  const { data } = asked
  const version = Number(query['version'] ?? data?.champion ?? data?.monitoring?.version ?? 0)
  return (
    <>
      <Heading
        aside={
          data && (
            <>
              {data.retraining && <Badge tone="info">retraining</Badge>}
              <To path={['pipeline']} query={{ model }}>
                Pipeline
              </To>
              <To path={['reviews']} query={{ model }}>
                Reviews
              </To>
            </>
          )
        }
      >
        Model {model}
        {version > 0 && ` v${version}`}
      </Heading>
      <Show of={asked} lines={12}>
        {m => (
          <>
            <Head m={m} version={version} reload={asked.reload} />
            {version > 0 && <ModelWindows m={m} version={version} sign={known?.drift.window} />}
            <div class="columns even">
              <HarmCard m={m} />
              <EpisodesCard model={model} champion={m.champion} sign={known?.drift.episode} />
            </div>
            <OffDevices m={m} />
            <ModelVersions m={m} shown={version} sign={known?.champion} />
          </>
        )}
      </Show>
    </>
  )
}

function Head({
  m,
  version,
  reload,
}: {
  readonly m: Model
  readonly version: number
  readonly reload: () => void
}) {
  const asked = useAsk('getVersion', version > 0 ? { model: m.model, version } : undefined)
  const rollouts = useAsk('listRollouts', version > 0 ? {} : undefined, { model: m.model, limit: 50 })
  const rollout = rollouts.data?.rollouts.find(r => r.version === version)
  const detail = useAsk('getRollout', rollout && { rollout: rollout.rollout })
  if (version === 0)
    return (
      <Empty
        what="No version yet."
        how="A dataset in the drop bucket is trained on at once:"
        command={`aws s3 cp data.csv s3://DROP-BUCKET/datasets/${m.model}/data.csv`}
      />
    )
  const champion = m.champion === version
  return (
    <Card
      title={`Version ${version}`}
      aside={
        <>
          {champion && <Badge tone="ok">champion</Badge>}
          <Actions
            m={m}
            version={version}
            packages={asked.data?.packages}
            known={asked.data !== undefined}
            done={reload}
          />
        </>
      }
    >
      <Show of={asked} lines={2}>
        {v => (
          <Facts
            of={[
              ['Status', words(v.status)],
              ['Model file', v.modelDigest ? <Digest of={v.modelDigest} /> : '–'],
              ['Made', <Ago at={v.evaluatedAt ?? v.requestedAt} />],
              [
                'Rolled out by',
                rollout ? (
                  <To
                    path={['rollouts', rollout.rollout]}
                  >{`${rollout.rollout}: ${words(rollout.status)}`}</To>
                ) : (
                  'nothing yet'
                ),
              ],
              ['Approved', approval(detail.data)],
              ['Trained on', `${v.sources?.length ?? 0} files, ${plural(v.fieldSamples, 'field sample')}`],
              [
                'Metrics',
                Object.entries(v.metrics ?? {})
                  .map(([name, x]) => `${words(name)} ${x.toFixed(4)}`)
                  .join(', ') || '–',
              ],
              [
                'Where it comes from',
                <To path={['lineage']} query={{ of: `${v.model}@${v.version}` }}>
                  Lineage
                </To>,
              ],
            ]}
          />
        )}
      </Show>
    </Card>
  )
}

const approval = (r: Answer<'getRollout'> | undefined): string =>
  r === undefined
    ? '–'
    : r.approved.length > 0
      ? `phases ${r.approved.join(', ')}`
      : r.waitsForApproval
        ? 'is waited for'
        : 'by its tests; nobody was asked'

function Actions({
  m,
  version,
  packages = [],
  known,
  done,
}: {
  readonly m: Model
  readonly version: number
  readonly packages: Answer<'getVersion'>['packages']
  /** Whether the version was read. */
  readonly known: boolean
  readonly done: () => void
}) {
  const { model, champion } = m
  // Versions before the champion are barred by their number; by it, later ones would take the champion with them.
  const earlier = champion !== null && version < champion
  const notBarred =
    champion === version
      ? 'It is the champion: roll it back first.'
      : earlier || packages.length > 0
        ? undefined
        : known
          ? 'It has no package that could be barred.'
          : 'Its packages are not known yet.'
  return (
    <div class="commands">
      <CommandButton
        name="requestRetrain"
        params={{ model }}
        label="Ask for a retrain"
        what="Guards decide, as they do for every retrain; the decision is on the pipeline page."
        fields={[
          {
            ...{ name: 'force', label: 'Do not wait', kind: 'check', optional: true },
            hint: 'for labels, devices, the cool-down or a person’s drop',
          },
        ]}
        body={({ reason = '', force }) => ({ reason, force: force === 'true' })}
        unless={m.retraining ? 'A version is being trained.' : undefined}
        done={done}
      />
      <CommandButton
        name="barRelease"
        params={{ model }}
        label="Bar"
        danger
        what={
          earlier
            ? `No device runs a version of ${model} below ${version + 1} any more. This is for good.`
            : `No device runs version ${version} of ${model} any more: ${plural(packages.length, 'package')}, for ${packages.map(p => p.hardware).join(', ')}, barred for good. A rollout of it ends. Other versions stay as they are.`
        }
        body={({ reason = '' }) =>
          earlier
            ? { minimumRelease: version + 1, reason }
            : packages.map(p => ({ revokedBundle: p.bundle.sha256, reason }))
        }
        unless={notBarred}
        done={done}
      />
    </div>
  )
}

const HarmCard = ({ m }: { readonly m: Model }) => (
  <Card title="Is the champion right?" aside={<HarmBadge of={m.harm} />}>
    {m.harm.state === 'not-watched' ? (
      <Empty what="Harm is not watched." how="It is for classes only, and needs a champion." />
    ) : m.harm.estimate === null ? (
      <Empty
        what="Not enough labels to say."
        how={`${plural(m.harm.labels, 'label')} so far. Labels of audit samples come from files, the API, or the review queue.`}
      />
    ) : (
      <>
        <p class="big">
          {percent(m.harm.estimate)} <small>error in the field</small>
        </p>
        <HarmScale of={m.harm} />
        <p>{harmSentence(m.harm)}.</p>
      </>
    )}
    <To path={['reviews']} query={{ model: m.model }}>
      Label some more
    </To>
  </Card>
)

/** Devices that are off while the fleet is not: nothing is learnt from them. */
function OffDevices({ m }: { readonly m: Model }) {
  const off = m.monitoring?.problems.filter(p => p.until === undefined) ?? []
  if (off.length === 0) return null
  return (
    <Card title="Devices that are off by themselves">
      <ul class="plain">
        {off.map(p => (
          <li key={p.thing}>
            <To path={['devices', p.thing]}>{p.thing}</To>{' '}
            {p.evidence.map(e => `${e.name} ${figure(e.distance)}`).join(', ')}
          </li>
        ))}
      </ul>
    </Card>
  )
}

type Episode = Answer<'listEpisodes'>['episodes'][number]

function EpisodesCard({
  model,
  champion,
  sign,
}: {
  readonly model: string
  readonly champion: number | null
  readonly sign: unknown
}) {
  const asked = useAsk('listEpisodes', { model }, { limit: 10 })
  useFollow(asked.reload, sign)
  // What an earlier version saw is over with it.
  const open = (e: Episode): boolean => e.closed === undefined && (champion === null || e.version >= champion)
  return (
    <Card title="Episodes of drift and harm">
      <Show of={asked} lines={3}>
        {({ episodes }) =>
          episodes.length === 0 ? (
            <Empty
              what="None."
              how="One opens when a quantity has drifted in enough of the last windows, or when harm is proven."
            />
          ) : (
            <ul class="plain">
              {episodes.map(e => (
                <li key={e.episode}>
                  <Badge tone={open(e) ? 'warn' : 'none'}>{open(e) ? 'open' : 'over'}</Badge> {e.cause} of v
                  {e.version}, <Ago at={e.openedAt} />
                  {e.evidence?.map(q => (
                    <span key={q.name}>
                      {' '}
                      · {q.name} {figure(q.distance)}
                    </span>
                  ))}
                  {e.decision && (
                    <>
                      {' '}
                      →{' '}
                      <To path={['pipeline']} query={{ model, decision: e.decision }}>
                        decision
                      </To>
                    </>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Show>
    </Card>
  )
}
