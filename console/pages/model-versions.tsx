import type { Answer, Version } from '../api/types.ts'
import { figure, plural, words } from '../lib/format.ts'
import { useAsk, useFollow } from '../ui/app.ts'
import { Ago, Badge, Card, Digest, To, type Tone } from '../ui/bits.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

export const VERSION_TONES: Readonly<Record<Version['status'], Tone>> = {
  REQUESTED: 'info',
  TRAINING: 'info',
  FAILED: 'bad',
  REJECTED: 'bad',
  REGISTERED: 'info',
  PACKAGED: 'ok',
}

export function ModelVersions({
  m,
  shown,
  sign,
}: {
  readonly m: Answer<'getModel'>
  readonly shown: number
  readonly sign: unknown
}) {
  const asked = useAsk('listVersions', { model: m.model }, { limit: 20 })
  useFollow(asked.reload, sign)
  const metric = `holdout_${m.config.evaluation.metric}`
  return (
    <Card
      title="Versions"
      aside={
        <To path={['pipeline']} query={{ model: m.model }}>
          What became of each
        </To>
      }
    >
      <Show of={asked}>
        {({ versions }) =>
          versions.length === 0 ? (
            <Empty what="None yet." />
          ) : (
            <Table
              caption="Versions, newest first"
              rows={versions}
              rowKey={v => String(v.version)}
              columns={[
                {
                  name: 'Version',
                  by: v => v.version,
                  cell: v => (
                    <>
                      <To path={['models', m.model]} query={{ version: v.version }}>
                        v{v.version}
                      </To>{' '}
                      {v.version === m.champion && <Badge tone="ok">champion</Badge>}{' '}
                      {v.version === shown && <small class="muted">shown</small>}
                    </>
                  ),
                },
                {
                  name: 'Status',
                  cell: v => <Badge tone={VERSION_TONES[v.status]}>{words(v.status)}</Badge>,
                },
                {
                  name: `Held-out ${m.config.evaluation.metric.toUpperCase()}`,
                  number: true,
                  cell: v => figure(v.metrics?.[metric]),
                  by: v => v.metrics?.[metric] ?? 0,
                },
                { name: 'Asked for', cell: v => <Ago at={v.requestedAt} /> },
                {
                  name: 'Why',
                  cell: v =>
                    v.decision ? (
                      <To path={['pipeline']} query={{ model: m.model, decision: v.decision }}>
                        {v.decision}
                      </To>
                    ) : v.origin === 'import' ? (
                      'an import'
                    ) : (
                      'a drop'
                    ),
                  from: 2,
                },
                { name: 'Field samples', number: true, cell: v => v.fieldSamples, from: 2 },
                {
                  name: 'Packages',
                  cell: v => (v.packages?.length ? plural(v.packages.length, 'package') : '–'),
                  from: 3,
                },
                {
                  name: 'Model file',
                  cell: v => (v.modelDigest ? <Digest of={v.modelDigest} /> : '–'),
                  from: 3,
                },
              ]}
            />
          )
        }
      </Show>
    </Card>
  )
}
