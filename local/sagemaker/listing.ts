/** Filters, order and pages of the List operations. */
import * as z from 'zod'
import { AwsError } from '../core/types.ts'
import { parse } from './input.ts'

/** What every listed job has; times in ms since 1970. */
export interface Listed {
  readonly name: string
  readonly status: string
  readonly creationTime: number
  readonly lastModifiedTime: number
}

const query = z.object({
  CreationTimeAfter: z.number().optional(),
  CreationTimeBefore: z.number().optional(),
  LastModifiedTimeAfter: z.number().optional(),
  LastModifiedTimeBefore: z.number().optional(),
  NameContains: z.string().max(63).optional(),
  StatusEquals: z.string().optional(),
  SortBy: z.enum(['Name', 'CreationTime', 'Status']).default('CreationTime'),
  SortOrder: z.enum(['Ascending', 'Descending']).default('Descending'),
  MaxResults: z.number().int().min(1).max(100).default(10),
  NextToken: z.string().max(8192).optional(),
})
const position = z.tuple([z.union([z.string(), z.number()]), z.string()])

/** One page. The token names the last job given, so jobs that come or go do not shift the next page. */
export function listJobs<Job extends Listed>(
  jobs: Iterable<Job>,
  input: unknown,
): { page: readonly Job[]; next: { NextToken?: string } } {
  const wanted = parse(query, input)
  const after = wanted.NextToken === undefined ? undefined : decode(wanted.NextToken)
  const sign = wanted.SortOrder === 'Ascending' ? 1 : -1
  const key = (job: Job): readonly [string | number, string] => [
    wanted.SortBy === 'Name' ? job.name : wanted.SortBy === 'Status' ? job.status : job.creationTime,
    job.name,
  ]
  const compare = (a: readonly [string | number, string], b: readonly [string | number, string]): number =>
    sign * (order(a[0], b[0]) || order(a[1], b[1]))
  const found = [...jobs]
    .filter(job => passes(job, wanted) && (!after || compare(key(job), after) > 0))
    .sort((a, b) => compare(key(a), key(b)))
  const page = found.slice(0, wanted.MaxResults)
  const last = page.at(-1)
  const more = found.length > page.length && last !== undefined
  return {
    page,
    next: more ? { NextToken: Buffer.from(JSON.stringify(key(last))).toString('base64url') } : {},
  }
}

function passes(job: Listed, wanted: z.infer<typeof query>): boolean {
  const { creationTime, lastModifiedTime } = job
  const within = (time: number, after?: number, before?: number): boolean =>
    (after === undefined || time > after * 1000) && (before === undefined || time < before * 1000)
  return (
    within(creationTime, wanted.CreationTimeAfter, wanted.CreationTimeBefore) &&
    within(lastModifiedTime, wanted.LastModifiedTimeAfter, wanted.LastModifiedTimeBefore) &&
    (wanted.NameContains === undefined || job.name.includes(wanted.NameContains)) &&
    (wanted.StatusEquals === undefined || job.status === wanted.StatusEquals)
  )
}

const order = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0)

function decode(token: string): readonly [string | number, string] {
  try {
    return position.parse(JSON.parse(Buffer.from(token, 'base64url').toString('utf8')))
  } catch {
    throw new AwsError('ValidationException', 'Invalid NextToken.')
  }
}
