import { asking } from './asking.ts'
import { connection } from './connection.ts'
import { powerCuts } from './cuts.ts'
import { fetching } from './fetching.ts'
import { badPackages } from './packages.ts'
import { refusals } from './refusals.ts'
import { reports } from './reports.ts'
import { rows } from './rows.ts'
import { sampling } from './sampling.ts'
import type { Scenario } from './scenario.ts'
import { slots } from './slots.ts'
import { trust } from './trust.ts'
import { updates } from './updates.ts'

/** In the order in which they run; the slow ones first, since the others fit beside them. */
export const scenarios: readonly Scenario[] = [
  ...connection,
  ...asking,
  ...reports,
  ...updates,
  ...powerCuts,
  ...fetching,
  ...slots,
  ...refusals,
  ...badPackages,
  ...trust,
  ...rows,
  ...sampling,
].toSorted((a, b) => Number(b.slow ?? false) - Number(a.slow ?? false))
