import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const EXAMPLES_FILE = fileURLToPath(new URL('../../../docs/api-examples.json', import.meta.url))

type Text = Readonly<Record<string, string>>
export interface ExampleRequest {
  readonly path?: Text
  readonly query?: Text
  readonly body?: unknown
}
/** One request as it was sent to the cloud on one machine, and what came back. */
export interface Recorded {
  readonly request: ExampleRequest
  readonly status: number
  readonly answer: unknown
}
export interface Recordings {
  /** What has another name in every run, such as digests: the names that the requests have. */
  readonly names: Text
  /** By operation. */
  readonly examples: Readonly<Record<string, Recorded>>
}

export const readRecordings = (file = EXAMPLES_FILE): Recordings =>
  JSON.parse(readFileSync(file, 'utf8')) as Recordings
