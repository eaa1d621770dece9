/** The DynamoDB Streams API. A stream has one shard here, which stays open while the stream is enabled. */
import { AwsError } from '../core/types.ts'
import type { Database } from './database.ts'
import { constraint, resourceNotFound, validation } from './errors.ts'
import {
  type Input,
  optionalChoice,
  optionalInteger,
  optionalString,
  requiredString,
  tableNameOf,
} from './input.ts'
import type { Operations } from './operation.ts'
import { positionOf, type Stream, sequenceNumber, streamRecord } from './stream.ts'
import { keySchema } from './table-description.ts'

const shardId = 'shardId-00000000000000000001-00000001'
const iteratorMilliseconds = 15 * 60 * 1000
const maxRecords = 1000
const maxListed = 100
const iteratorTypes = ['TRIM_HORIZON', 'LATEST', 'AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'] as const

export function streamOperations(db: Database): Operations {
  const stream = (arn: string): Stream => {
    const found = db.stream(arn)
    if (found === undefined) throw resourceNotFound(`Requested resource not found: Stream: ${arn} not found`)
    return found
  }
  const writeIterator = (arn: string, position: number): string =>
    `${arn}|1|${Buffer.from(JSON.stringify([position, db.realm.now().getTime()])).toString('base64url')}`
  return {
    ListStreams(input, ctx) {
      const given = optionalString(input, 'TableName')
      const name = given === undefined ? undefined : tableNameOf(given)
      const resource = name === undefined ? '*' : `${db.tableArn(name)}/stream/*`
      ctx.authorize({ action: 'dynamodb:ListStreams', resource })
      const limit = optionalInteger(input, 'Limit', 1, maxListed) ?? maxListed
      const after = optionalString(input, 'ExclusiveStartStreamArn')
      const identities = db
        .streams()
        .map(({ identity }) => identity)
        .filter(
          ({ tableName, arn }) =>
            (name === undefined || tableName === name) && (after === undefined || arn > after),
        )
        .sort((left, right) => (left.arn < right.arn ? -1 : 1))
      const page = identities.slice(0, limit)
      return {
        Streams: page.map(({ arn, tableName, label }) => ({
          StreamArn: arn,
          TableName: tableName,
          StreamLabel: label,
        })),
        ...(identities.length > limit ? { LastEvaluatedStreamArn: page.at(-1)?.arn } : {}),
      }
    },
    DescribeStream(input, ctx) {
      const arn = requiredString(input, 'StreamArn')
      ctx.authorize({ action: 'dynamodb:DescribeStream', resource: arn })
      const { identity, enabled, end } = stream(arn)
      const shard = {
        ShardId: shardId,
        SequenceNumberRange: {
          StartingSequenceNumber: sequenceNumber(0),
          ...(enabled ? {} : { EndingSequenceNumber: sequenceNumber(Math.max(0, end - 1)) }),
        },
      }
      const known = optionalString(input, 'ExclusiveStartShardId') === shardId
      return {
        StreamDescription: {
          StreamArn: arn,
          StreamLabel: identity.label,
          StreamStatus: enabled ? 'ENABLED' : 'DISABLED',
          StreamViewType: identity.viewType,
          CreationRequestDateTime: Date.parse(`${identity.label}Z`) / 1000,
          TableName: identity.tableName,
          KeySchema: keySchema(identity.key),
          Shards: known ? [] : [shard],
        },
      }
    },
    GetShardIterator(input, ctx) {
      const arn = requiredString(input, 'StreamArn')
      ctx.authorize({ action: 'dynamodb:GetShardIterator', resource: arn })
      const source = stream(arn)
      if (requiredString(input, 'ShardId') !== shardId)
        throw resourceNotFound(`Requested resource not found: Shard does not exist in stream: ${arn}`)
      return { ShardIterator: writeIterator(arn, startPosition(source, input)) }
    },
    GetRecords(input, ctx) {
      const [arn = '', , state = ''] = requiredString(input, 'ShardIterator').split('|')
      ctx.authorize({ action: 'dynamodb:GetRecords', resource: arn })
      const source = stream(arn)
      const position = readIterator(state, db.realm.now().getTime())
      const limit = optionalInteger(input, 'Limit', 1, maxRecords) ?? maxRecords
      const { changes, next } = source.read(position, limit)
      const first = next - changes.length
      const closed = !source.enabled && next === source.end
      return {
        Records: changes.map((change, at) =>
          apiRecord(streamRecord(source.identity, db.realm.region, change, first + at)),
        ),
        ...(closed ? {} : { NextShardIterator: writeIterator(arn, next) }),
      }
    },
  }
}

function startPosition(stream: Stream, input: Input): number {
  const type = optionalChoice(input, 'ShardIteratorType', iteratorTypes)
  if (type === undefined) throw constraint(undefined, 'shardIteratorType', 'Member must not be null')
  if (type === 'TRIM_HORIZON') return stream.first
  if (type === 'LATEST') return stream.end
  const position = positionOf(requiredString(input, 'SequenceNumber'))
  if (Number.isNaN(position)) throw validation('Invalid SequenceNumber')
  if (position < stream.first)
    throw new AwsError(
      'TrimmedDataAccessException',
      'The operation attempted to read past the oldest stream record in a shard.',
    )
  return type === 'AT_SEQUENCE_NUMBER' ? position : position + 1
}

function readIterator(state: string, now: number): number {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(state, 'base64url').toString())
  } catch {
    parsed = undefined
  }
  if (!Array.isArray(parsed) || typeof parsed[0] !== 'number' || typeof parsed[1] !== 'number')
    throw validation('Invalid ShardIterator')
  if (parsed[1] + iteratorMilliseconds < now)
    throw new AwsError('ExpiredIteratorException', 'Iterator expired. Get a new one with GetShardIterator.')
  return parsed[0]
}

/** The API spells the identity's members with capitals and leaves the stream's ARN out; Lambda does neither. */
function apiRecord({ eventSourceARN: _, userIdentity, ...record }: ReturnType<typeof streamRecord>): object {
  if (userIdentity === undefined) return record
  return { ...record, userIdentity: { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' } }
}
