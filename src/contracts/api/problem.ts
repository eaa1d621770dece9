import * as z from 'zod'

/** Stable names of what can go wrong; `type` is the section of docs/api.md about it. */
export const problemCodes = [
  'INPUT_INVALID',
  'CONFLICT',
  'NOT_FOUND',
  'GONE',
  'DEPENDENCY',
  'LIMIT',
  'ILLEGAL_STATE',
  'FORBIDDEN',
  'IDEMPOTENCY_KEY_REUSED',
] as const

/** RFC 9457, `application/problem+json`. `code`, `reason` and `field` are ours. */
export const problem = z.object({
  type: z.string().describe('Address of what is known about this kind of problem'),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe('What was wrong with this request, and what would be right'),
  instance: z.string().describe('Id of the request, as logs have it'),
  code: z.enum(problemCodes),
  reason: z.string().optional().describe('Of INPUT_INVALID: a stable name, such as `BAD_PARAMETER`'),
  field: z.string().optional().describe('Where in the request, such as `phases.0.exposure`'),
})
export type Problem = z.infer<typeof problem>

/** What API Gateway says itself: 401, 403, 404 of no route, 413, 429 and 503. */
export const gatewayMessage = z.object({ message: z.string() })
