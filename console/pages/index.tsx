/** Which page a place is. */

import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { capital } from '../lib/format.ts'
import type { Route } from '../lib/route.ts'
import { useAsk, useRoute } from '../ui/app.ts'
import { Heading } from '../ui/bits.tsx'
import { Shell } from '../ui/shell.tsx'
import { Empty } from '../ui/states.tsx'
import { AuditPage } from './audit.tsx'
import { DevicePage } from './device.tsx'
import { DevicesPage } from './devices.tsx'
import { EnrolmentsPage } from './enrolments.tsx'
import { FleetPage, FleetsPage } from './fleets.tsx'
import { InputsPage } from './inputs.tsx'
import { LineagePage } from './lineage.tsx'
import { ModelPage } from './model.tsx'
import { ModelsPage } from './models.tsx'
import { OverviewPage } from './overview.tsx'
import { PipelinePage } from './pipeline.tsx'
import { QueuesPage } from './queues.tsx'
import { ReviewsPage } from './reviews.tsx'
import { RolloutPage } from './rollout.tsx'
import { RolloutsPage } from './rollouts.tsx'

/** How often the overview is asked for. With its ETag, an answer that is the same costs a few bytes. */
const OVERVIEW_MS = 10_000

export function Page() {
  const route = useRoute()
  const overview = useAsk('getOverview', {}, {}, OVERVIEW_MS)
  const place = route.path.join(' · ')
  useEffect(() => {
    document.title = `${capital(place)} – Edgeloop`
  }, [place])
  return (
    <Shell route={route} overview={overview}>
      {pageOf(route) ?? (route.path[0] === 'overview' ? <OverviewPage of={overview} /> : <Nowhere />)}
    </Shell>
  )
}

function pageOf({ path, query }: Route): ComponentChildren {
  const [page, name, part] = path
  switch (page) {
    case 'fleets':
      if (name === undefined) return <FleetsPage />
      return part === 'devices' ? (
        <DevicesPage key={name} fleet={name} />
      ) : (
        <FleetPage key={name} fleet={name} />
      )
    case 'devices':
      return name === undefined ? undefined : <DevicePage key={name} thing={name} />
    case 'enrolments':
      return <EnrolmentsPage />
    case 'rollouts':
      return name === undefined ? <RolloutsPage /> : <RolloutPage key={name} rollout={name} />
    case 'models':
      return name === undefined ? <ModelsPage /> : <ModelPage key={name} model={name} />
    case 'pipeline':
      return <PipelinePage key={query['model']} />
    case 'lineage':
      return <LineagePage />
    case 'reviews':
      return <ReviewsPage key={query['model']} />
    case 'inputs':
      return <InputsPage />
    case 'dead-letters':
      return <QueuesPage queue={name} />
    case 'audit':
      return <AuditPage />
    default:
      return undefined
  }
}

const Nowhere = () => (
  <>
    <Heading>No such page</Heading>
    <Empty what="There is nothing at this address." how="The menu has all pages." />
  </>
)
