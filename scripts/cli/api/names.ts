import type { Client } from '../api.ts'
import { plain } from '../text.ts'

/** A subject as short as a word would be found in other words. */
const SHORTEST = 12

/** Puts the names of people in the place of the subjects of their tokens, as far as names are known. */
export async function namer(client: Client): Promise<(text: string) => string> {
  const people = await client.ask('getOverview').then(
    overview => Object.entries(overview.people).filter(([by]) => by.length >= SHORTEST),
    // There is none in the first minute, and subjects are right as well.
    () => [],
  )
  return text => people.reduce((named, [by, name]) => named.replaceAll(by, plain(name)), text)
}
