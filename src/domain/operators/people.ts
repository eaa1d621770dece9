import { keys } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { put } from '../store.ts'

/** Names to show for subjects of tokens: of the last people who gave commands, and never what rights hang on. */
export interface PeopleRow {
  readonly people: Readonly<Record<string, { readonly name: string; readonly at: string }>>
}
/** One row has them all, so that whoever shows records needs one read. */
const MOST = 200
const LONGEST = 200

/** Keeps a name where it is new. Whoever loses to another at the same moment is kept with the next command. */
export async function keepName({ store, now }: Core, by: string, name: string | undefined): Promise<void> {
  if (name === undefined || name === '' || name === by || name.length > LONGEST) return
  const before = await store.get<PeopleRow>(keys.people())
  if (before?.data.people[by]?.name === name) return
  const known = Object.entries(before?.data.people ?? {}).filter(([sub]) => sub !== by)
  const newest = known.sort(([, a], [, b]) => (a.at < b.at ? 1 : -1)).slice(0, MOST - 1)
  const people = Object.fromEntries([[by, { name, at: now().toISOString() }], ...newest])
  try {
    await store.commit([put(keys.people(), { people }, before)])
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
  }
}

export const namesIn = (row: PeopleRow | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(row?.people ?? {}).map(([by, { name }]) => [by, name]))
