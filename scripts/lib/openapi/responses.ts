import type { Operation } from '../../../src/contracts/api/operation.ts'
import { answerRef, type Schema, schemaRef } from './schemas.ts'

const PROBLEM = 'application/problem+json'
const JSON_TYPE = 'application/json'
const problem = { [PROBLEM]: { schema: schemaRef('Problem') } }
/** What API Gateway says before any of our functions is asked. */
const gateway = { [JSON_TYPE]: { schema: schemaRef('GatewayMessage') } }
const both = { ...problem, ...gateway }
const headerRef = (id: string): Schema => ({ $ref: `#/components/headers/${id}` })
const retryAfter = { 'Retry-After': headerRef('RetryAfter') }

export const headers: Readonly<Record<string, Schema>> = {
  CacheControl: {
    description:
      'Of questions `private, no-cache`: keep it, and ask with If-None-Match. Otherwise `no-store`.',
    schema: { type: 'string' },
  },
  ETag: {
    description: 'Digest of the answer, for If-None-Match.',
    schema: { type: 'string', pattern: '^"[A-Za-z0-9_-]{22}"$' },
  },
  IdempotencyReplayed: {
    description: '`true`: nothing was done; this is the answer that the key got the first time.',
    schema: { type: 'string', enum: ['true'] },
  },
  RetryAfter: {
    description: 'Seconds until it is worth asking again. API Gateway’s own answers come without.',
    schema: { type: 'string', pattern: '^[0-9]+$' },
  },
  WwwAuthenticate: { description: 'As in RFC 6750.', schema: { type: 'string' } },
}

export const responses: Readonly<Record<string, Schema>> = {
  NotModified: {
    description: 'The answer is the one that If-None-Match names. It has no body.',
    headers: { ETag: headerRef('ETag'), 'Cache-Control': headerRef('CacheControl') },
  },
  BadRequest: {
    description:
      'The request is not as it must be: `reason` says why, `field` where. API Gateway answers itself when a path is not percent-encoded UTF-8.',
    content: both,
  },
  Unauthorized: {
    description: 'No token, or none of this issuer and audience that is valid now.',
    headers: { 'WWW-Authenticate': headerRef('WwwAuthenticate') },
    content: gateway,
  },
  Forbidden: {
    description: 'The token lacks the scope of the operation.',
    headers: { 'WWW-Authenticate': headerRef('WwwAuthenticate') },
    content: gateway,
  },
  ForbiddenHere: {
    description:
      'The token lacks the scope of the operation (from API Gateway), or a scope that this request needs beside it.',
    headers: { 'WWW-Authenticate': headerRef('WwwAuthenticate') },
    content: both,
  },
  NotFound: { description: 'There is no such thing, or no such route.', content: both },
  NoRoute: { description: 'There is no such route; a path parameter was empty.', content: gateway },
  Conflict: {
    description:
      '`ILLEGAL_STATE`: it does not fit the state, and will not until something changes. `CONFLICT`: others changed it at the same moment; try again.',
    content: problem,
  },
  Gone: { description: 'It was there and is gone for good: expired or erased.', content: problem },
  TooLarge: { description: 'More than API Gateway takes: 10 MB.', content: gateway },
  KeyReused: {
    description: 'The Idempotency-Key came with another request in the last 24 hours.',
    content: problem,
  },
  TooManyRequests: {
    description: 'More commands than one person may give, or more requests than the API takes.',
    headers: retryAfter,
    content: both,
  },
  Throttled: { description: 'More requests than the API takes.', content: gateway },
  InternalError: {
    description: 'A fault of ours; the log has it under the request’s id, header `Apigw-Requestid`.',
    content: gateway,
  },
  Unavailable: {
    description: 'Something that this needs did not answer. Nothing was decided; ask again.',
    headers: retryAfter,
    content: both,
  },
}

const response = (id: string): Schema => ({ $ref: `#/components/responses/${id}` })

/** All that an operation answers, by status. `example`: a recorded answer. */
export function responsesOf(operation: Operation, example: unknown): Schema {
  const { method, status, problems = [] } = operation
  const question = method === 'GET'
  const media = { schema: answerRef(operation), ...(example === undefined ? {} : { example }) }
  const of = (wanted: 403 | 404 | 409 | 410): boolean => problems.includes(wanted)
  return {
    [status]: {
      description: status === 202 ? 'Committed; the rest follows from its event.' : 'The answer.',
      headers: {
        'Cache-Control': headerRef('CacheControl'),
        ...(question
          ? { ETag: headerRef('ETag') }
          : { 'Idempotency-Replayed': headerRef('IdempotencyReplayed') }),
      },
      content: { [JSON_TYPE]: media },
    },
    ...(question ? { 304: response('NotModified') } : {}),
    400: response('BadRequest'),
    401: response('Unauthorized'),
    403: response(of(403) ? 'ForbiddenHere' : 'Forbidden'),
    404: response(of(404) ? 'NotFound' : 'NoRoute'),
    ...(of(409) || !question ? { 409: response('Conflict') } : {}),
    ...(of(410) ? { 410: response('Gone') } : {}),
    ...(question ? {} : { 413: response('TooLarge'), 422: response('KeyReused') }),
    429: response(question ? 'Throttled' : 'TooManyRequests'),
    500: response('InternalError'),
    503: response('Unavailable'),
  }
}
