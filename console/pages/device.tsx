import type { Answer } from '../api/types.ts'
import { figure, utc, whole, words } from '../lib/format.ts'
import { useAsk } from '../ui/app.ts'
import { Ago, Badge, Card, Digest, Facts, Heading, To, Who } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'
import { DeviceWindows } from './device-windows.tsx'
import { standing } from './devices.tsx'

type Detail = Answer<'getDevice'>

/** States change under one's eyes while a rollout reaches a device. */
const POLL_MS = 10_000

export function DevicePage({ thing }: { readonly thing: string }) {
  const asked = useAsk('getDevice', { thing }, {}, POLL_MS)
  return (
    <>
      <Heading aside={asked.data && <Actions d={asked.data} done={asked.reload} />}>Device {thing}</Heading>
      <Show of={asked} lines={10}>
        {d => <Content d={d} />}
      </Show>
    </>
  )
}

function Content({ d }: { readonly d: Detail }) {
  const models = [...new Set(d.placements.flatMap(p => p.wanted?.model ?? []))]
  return (
    <>
      <Card title="State" aside={standing(d)}>
        <Facts
          of={[
            ['Fleet', <To path={['fleets', d.fleet]}>{d.fleet}</To>],
            [
              'Hardware',
              <To path={['fleets', d.fleet, 'devices']} query={{ hardware: d.hardware }}>
                {d.hardware}
              </To>,
            ],
            ['Runtime', d.runtime],
            ['Last heard of', <Ago at={d.lastSeen} />],
            ['Usually every', d.gapMs === undefined ? 'not known yet' : `${figure(d.gapMs / 1_000)} s`],
            ['Messages lost for want of room', whole(d.dropped)],
          ]}
        />
        {d.revocation && (
          <p>
            <Badge tone="bad">{words(d.revocation.status)}</Badge> by <Who by={d.revocation.by} />{' '}
            <Ago at={d.revocation.at} />: {d.revocation.reason}. What it sent since {utc(d.revocation.since)}{' '}
            is left out.
          </p>
        )}
      </Card>
      <Card title="What it should run, and why">
        {d.placements.length === 0 && <Empty what="No slot of its fleet is for its hardware." />}
        {d.placements.map(p => (
          <div key={p.slot} class="placement">
            <p>
              <Badge tone={p.as ? 'ok' : 'warn'}>{p.as ? 'runs what it should' : 'not there yet'}</Badge>{' '}
              {p.explanation}
            </p>
            <Facts
              of={[
                ['Slot', p.slot],
                [
                  'Should run',
                  p.wanted === null ? (
                    'nothing'
                  ) : (
                    <To
                      path={['models', p.wanted.model]}
                      query={{ version: p.wanted.version }}
                    >{`${p.wanted.model} v${p.wanted.version}`}</To>
                  ),
                ],
                ['Because', words(p.because)],
                [
                  'Runs',
                  p.runs === null ? (
                    'nothing'
                  ) : (
                    <To path={['lineage']} query={{ of: p.runs, thing: d.thing }}>
                      <Digest of={p.runs} />
                    </To>
                  ),
                ],
                ...(p.rollout === null
                  ? []
                  : [['Rollout', <To path={['rollouts', p.rollout]}>{p.rollout}</To>] as const]),
                ...(p.draw === null
                  ? []
                  : [['Its draw', `${p.draw.toFixed(4)}${p.arm === null ? '' : `: ${p.arm}`}`] as const]),
              ]}
            />
          </div>
        ))}
      </Card>
      {models.length === 0
        ? null
        : models.map(model => (
            <DeviceWindows key={model} thing={d.thing} model={model} rollouts={d.rollouts} />
          ))}
      <Card title="Problems of this device">
        {d.problems.length === 0 ? (
          <Empty
            what="None."
            how="A device is here when its readings leave the baseline while the fleet’s do not."
          />
        ) : (
          <Problems of={d.problems} />
        )}
      </Card>
      <Card title="Rollouts that it had a part in">
        {d.rollouts.length === 0 ? (
          <Empty what="None." how="The fleet’s newest rollouts are looked at." />
        ) : (
          <Rollouts of={d.rollouts} />
        )}
      </Card>
    </>
  )
}

const Problems = ({ of }: { readonly of: Detail['problems'] }) => (
  <Table
    caption="Problems"
    rows={of.flatMap(p => p.evidence.map(e => ({ ...p, ...e })))}
    rowKey={p => `${p.model} ${p.version} ${p.from} ${p.name}`}
    columns={[
      { name: 'Quantity', cell: p => p.name },
      {
        name: 'Distance',
        number: true,
        cell: p => `${figure(p.distance)} (at least ${figure(p.lowerBound)})`,
      },
      { name: 'ln e', number: true, cell: p => figure(p.logE), from: 2 },
      {
        name: 'Version',
        cell: p => (
          <To
            path={['models', p.model]}
            query={{ version: p.version, window: p.found, quantity: p.name }}
          >{`${p.model} v${p.version}`}</To>
        ),
      },
      { name: 'Windows', cell: p => `from ${p.from}${p.until === undefined ? '' : ` until ${p.until}`}` },
    ]}
  />
)

const Rollouts = ({ of }: { readonly of: Detail['rollouts'] }) => (
  <ol class="timeline">
    {of.map(r => (
      <li key={r.rollout}>
        <Ago at={r.createdAt} /> <To path={['rollouts', r.rollout]}>{r.rollout}</To> {words(r.status)}
        {r.arm && <>, as {r.arm}</>}:{' '}
        {r.outcome === null ? (r.started ? 'begun' : 'not begun') : words(r.outcome)}{' '}
        {r.code && <code>{r.code}</code>}
      </li>
    ))}
  </ol>
)

function Actions({ d, done }: { readonly d: Detail; readonly done: () => void }) {
  const { thing, placements } = d
  const model = placements.flatMap(p => p.wanted?.model ?? [])[0]
  const revoked = d.revocation !== undefined && d.revocation.status !== 'LIFTED'
  return (
    <div class="commands">
      <CommandButton
        name="requestBurst"
        params={{ model: model ?? '' }}
        label="Capture its next rows"
        what={`${thing} captures its next rows of ${model}, whatever its sampling says.`}
        fields={[
          { name: 'count', label: 'Rows', kind: 'number', initial: '20' },
          { name: 'minutes', label: 'Within so many minutes', kind: 'number', initial: '60' },
        ]}
        body={({ count, minutes, reason = '' }) => ({
          things: [thing],
          count: Number(count),
          minutes: Number(minutes),
          reason,
        })}
        unless={model === undefined ? 'It should run no model.' : undefined}
        done={done}
      />
      <CommandButton
        name="revokeDevice"
        params={{ thing }}
        label="Revoke"
        danger
        what={`The certificates of ${thing} are revoked and it is cut off. It can come back only by a new enrolment.`}
        fields={[
          {
            ...{ name: 'since', label: 'Leave out what it sent since', optional: true },
            hint: 'ISO time, such as 2026-11-20T18:00:00Z; empty: from now on',
          },
        ]}
        body={({ since, reason = '' }) => ({ reason, ...(since ? { since } : {}) })}
        unless={revoked ? `Is revoked: ${d.revocation?.reason}.` : undefined}
        done={done}
      />
    </div>
  )
}
