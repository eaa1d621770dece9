import { InputError } from '../errors.ts'
import { lineageOf } from '../lineage/document.ts'
import { readBundle, readPrediction, readVersion, versionRow } from '../lineage/read.ts'
import type { Questions } from './ask.ts'

/** One answer each, from rows by their keys; see docs/lineage.md for how many. */
export const lineageQuestions: Questions<'getPredictionLineage' | 'getBundleLineage' | 'getVersionLineage'> =
  {
    async getPredictionLineage(reads, { path: { eventId }, query: { model } }) {
      return lineageOf(await readPrediction(reads, eventId, model))
    },
    async getBundleLineage(reads, { path: { digest }, query: { thing, at } }) {
      if (thing === undefined && at !== undefined)
        throw new InputError(
          'MISSING_PARAMETER',
          'at needs thing: when the bundle had come to which device?',
          'thing',
        )
      const on = thing === undefined ? undefined : { thing, at: timeOf(at, reads.now()) }
      return lineageOf(await readBundle(reads, digest, on))
    },
    async getVersionLineage(reads, { path: { model, version } }) {
      return lineageOf(await readVersion(reads, await versionRow(reads.store, model, version)))
    },
  }

/** ISO with milliseconds and `Z`, as rows have it, so that times compare as text. */
function timeOf(text: string | undefined, now: Date): string {
  if (text === undefined) return now.toISOString()
  const time = Date.parse(text)
  if (Number.isNaN(time))
    throw new InputError('BAD_PARAMETER', 'at must be an ISO time, such as 2026-11-20T18:00:00Z', 'at')
  return new Date(time).toISOString()
}
