/** Limits of the account that a new one runs into. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda'
import * as z from 'zod'
import { tableStore } from '../../../src/adapters/table.ts'
import { listings, type ModelRow } from '../../../src/domain/entities.ts'
import { jsonCall } from '../../lib/signed-call.ts'
import { s3Client } from '../../lib/stack.ts'
import { type Check, fail, type Look, ok, skip, warn } from './check.ts'

/** Accounts begin with ten; the functions that devices wait for share them with all others. */
const ENOUGH_CONCURRENCY = 100
const DEFAULT_INSTANCE = 'ml.m5.large'

async function concurrency(look: Look) {
  if (look.local) return skip('the local cloud has no quotas')
  const client = new LambdaClient({ ...look.config })
  try {
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}))
    const free = AccountLimit?.UnreservedConcurrentExecutions
    if (free === undefined) return skip('Lambda does not say how many executions there may be')
    return free >= ENOUGH_CONCURRENCY
      ? ok(`${free} Lambda executions at a time`)
      : warn(
          `${free} Lambda executions at a time, for all functions of the account: devices that ask will wait`,
          'ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
        )
  } finally {
    client.destroy()
  }
}

const LIST = 'ServiceQuotasV20190624.ListServiceQuotas'
const quotas = z.object({
  Quotas: z.array(z.object({ QuotaName: z.string(), QuotaCode: z.string(), Value: z.number() })),
  NextToken: z.string().nullish(),
})

async function training(look: Look) {
  const named = look.env['AWS_ENDPOINT_URL_SERVICE_QUOTAS']
  if (look.local && named === undefined) return skip('the local cloud has no quotas')
  const s3 = s3Client(look.config)
  const { region, credentials } = s3.config
  const config = {
    ...{ region: await region(), credentials: await credentials() },
    ...(named === undefined ? {} : { endpoint: named }),
  }
  const found = new Map<string, { value: number; code: string }>()
  let NextToken: string | null | undefined
  do {
    const input = {
      ...{ ServiceCode: 'sagemaker', MaxResults: 100 },
      ...(NextToken ? { NextToken } : {}),
    }
    const page = quotas.parse(await jsonCall(config, 'servicequotas', LIST, input))
    for (const { QuotaName, QuotaCode, Value } of page.Quotas)
      found.set(QuotaName, { value: Value, code: QuotaCode })
    NextToken = page.NextToken
  } while (NextToken)
  const wanted = await instanceTypes(look)
  const none = wanted.filter(type => (found.get(`${type} for training job usage`)?.value ?? 0) < 1)
  const code = found.get(`${none[0]} for training job usage`)?.code ?? 'CODE'
  return none.length === 0
    ? ok(`training may run on ${wanted.join(', ')}`)
    : fail(
        `the account may run no training job on ${none.join(', ')}: accounts begin with none of many types`,
        `aws service-quotas request-service-quota-increase --service-code sagemaker --quota-code ${code} --desired-value 1`,
      )
}

async function instanceTypes({ config, names, now }: Look): Promise<readonly string[]> {
  const client = new DynamoDBClient({ ...config })
  try {
    const store = tableStore(names.stateTable, () => new Date(now()), client)
    const rows = await store.list<ModelRow>(listings.models, { limit: 500 })
    const types = new Set(rows.map(r => r.data.config.training.instanceType))
    return types.size === 0 ? [DEFAULT_INSTANCE] : [...types].sort()
  } finally {
    client.destroy()
  }
}

export const quotaChecks: readonly Check[] = [
  { id: 'lambda concurrency', needs: ['credentials'], run: concurrency },
  { id: 'training quota', needs: ['credentials', 'state table'], run: training },
]
