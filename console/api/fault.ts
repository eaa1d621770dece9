import type { Scope } from './types.ts'

/** RFC 9457 as docs/openapi.json has it; what a gateway says itself has only `message`. */
export interface ProblemBody {
  readonly title?: string
  readonly detail?: string
  readonly instance?: string
  readonly code?: string
  readonly field?: string
  readonly message?: string
}
export type FaultKind = 'offline' | 'signed-out' | 'forbidden' | 'missing' | 'refused' | 'failed'

/** Why a request brought nothing, in words for a person. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly kind: FaultKind
  readonly title: string
  readonly status: number
  readonly field: string | undefined
  /** Id of the request, as logs have it. */
  readonly request: string | undefined
  /** Seconds after which to ask again, as the answer's Retry-After says. */
  readonly retryAfter: number | undefined
  readonly scope: Scope | undefined
  constructor(
    kind: FaultKind,
    title: string,
    detail: string,
    more: {
      readonly status?: number
      readonly field?: string | undefined
      readonly request?: string | undefined
      readonly retryAfter?: number | undefined
      readonly scope?: Scope
    } = {},
  ) {
    super(detail)
    this.kind = kind
    this.title = title
    this.status = more.status ?? 0
    this.field = more.field
    this.request = more.request
    this.retryAfter = more.retryAfter
    this.scope = more.scope
  }
}

const KINDS: Readonly<Record<number, FaultKind>> = {
  401: 'signed-out',
  403: 'forbidden',
  404: 'missing',
  410: 'missing',
}

/** The fault that an answer is; `scope` is what its operation needs. */
export function faultOf(
  status: number,
  body: ProblemBody,
  headers: { get(name: string): string | null },
  scope: Scope,
  now: number,
): Fault {
  const kind = KINDS[status] ?? (status >= 500 || status === 429 ? 'failed' : 'refused')
  const missingScope = kind === 'forbidden' && body.code === undefined
  return new Fault(
    kind,
    missingScope ? 'Your token does not allow this' : (body.title ?? titleOf(status)),
    missingScope
      ? `It needs the scope ${scope}. Sign in as somebody who has it, or ask for it.`
      : (body.detail ?? body.message ?? `The API answered ${status}.`),
    {
      status,
      scope,
      field: body.field,
      request:
        body.instance ?? headers.get('x-amzn-requestid') ?? headers.get('apigw-requestid') ?? undefined,
      retryAfter: retryAfter(headers.get('retry-after'), now),
    },
  )
}

const titleOf = (status: number): string =>
  status === 404
    ? 'Not found'
    : status === 429
      ? 'Too many requests'
      : status >= 500
        ? 'The API has a problem'
        : `Refused (${status})`

/** Retry-After is seconds or a date. */
export function retryAfter(value: string | null, now: number): number | undefined {
  if (value === null || value === '') return undefined
  const seconds = Number(value)
  const wait = Number.isFinite(seconds) ? seconds : (Date.parse(value) - now) / 1_000
  return Number.isFinite(wait) && wait >= 0 ? wait : undefined
}
