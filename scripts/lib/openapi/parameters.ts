import type * as z from 'zod'
import {
  type Operation,
  type PathParameter,
  paging,
  pathParameters,
} from '../../../src/contracts/api/operation.ts'
import type { Recorded } from './examples.ts'
import { parameterSchema, type Schema } from './schemas.ts'

const PATH: Readonly<Record<PathParameter, string>> = {
  serial: 'Serial number, which becomes the thing’s name.',
  thing: 'Thing name of the device.',
  model: 'Name of the model.',
  fleet: 'Name of the fleet.',
  version: 'Number of the version.',
  window: 'Number of the window: time since 1970 divided by its length.',
  review: '`MODEL.EVENT-ID`, as the list has it.',
  rollout: 'Id of the rollout.',
  decision: 'Id of the decision.',
  eventId: 'Id of the prediction, as the device gave it.',
  digest: 'SHA-256 of the package’s bundle, as devices report it.',
  queue: 'Name of the queue without service and stage, such as `reports-dead`.',
}
const QUERY: Readonly<Record<string, string>> = {
  action: 'Only this action, such as `BAR_RELEASE`.',
  approved: 'Only decisions that led to a retrain, or only those that did not.',
  arm: 'Only devices of this arm in the newest phase that they were heard in.',
  by: 'Only of this person: the `sub` of the token.',
  channel: 'Only what came this way.',
  code: 'Only with this code.',
  fleet: 'Only of this fleet.',
  hardware: 'Only of this hardware.',
  labelled: 'Only samples with a label, or only without.',
  lane: 'Only of this lane.',
  model: 'Only of this model.',
  outcome: 'Only with this outcome; `NONE`: with none yet.',
  revoked: 'Only revoked devices, or only others.',
  silent: 'Only silent devices, or only others.',
  status: 'Only with this status.',
  subject: 'Only of this subject, such as a rollout’s id.',
  thing: 'Only of this device.',
  version: 'With `model`: devices that run this version.',
}

const ifNoneMatch = {
  name: 'If-None-Match',
  in: 'header',
  description: 'ETags that the asker has, or `*`.',
  schema: { type: 'string' },
}
const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Any text without spaces that no other request of this person had in 24 hours, such as a UUID.',
  schema: { type: 'string', pattern: '^[!-~]{1,200}$' },
}
export const parameters: Readonly<Record<string, Schema>> = {
  Limit: query('limit', paging.limit),
  Cursor: query('cursor', paging.cursor),
  IfNoneMatch: ifNoneMatch,
  IdempotencyKey: idempotencyKey,
}
const parameterRef = (id: string): Schema => ({ $ref: `#/components/parameters/${id}` })

/** Of the path, the query and the header of its kind. A recorded request gives each its example. */
export function parametersOf(operation: Operation, recorded: Recorded | undefined): readonly Schema[] {
  const { path, query: shape, method } = operation
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as PathParameter)
  return [
    ...names.map(name => ({
      ...{ name, in: 'path', required: true, description: PATH[name] },
      schema: parameterSchema(pathParameters[name]),
      ...exampleOf(recorded?.request.path?.[name], pathParameters[name]),
    })),
    ...Object.entries(shape.shape as Readonly<Record<string, z.ZodType>>).map(([name, schema]) => {
      const given = recorded?.request.query?.[name]
      if (given === undefined && schema === paging.limit) return parameterRef('Limit')
      if (given === undefined && schema === paging.cursor) return parameterRef('Cursor')
      return { ...query(name, schema), ...exampleOf(given, schema) }
    }),
    parameterRef(method === 'GET' ? 'IfNoneMatch' : 'IdempotencyKey'),
  ]
}

function query(name: string, schema: z.ZodType): Schema {
  const { description, ...rest } = parameterSchema(schema) as { description?: string }
  const needed = !schema.safeParse(undefined).success
  return {
    ...{ name, in: 'query', ...(needed ? { required: true } : {}) },
    description: description ?? QUERY[name] ?? '',
    schema: rest,
  }
}

/** Of `version=1` the example is the number that its schema speaks of. */
function exampleOf(text: string | undefined, schema: z.ZodType): Schema {
  return text === undefined ? {} : { example: schema.parse(text) }
}
