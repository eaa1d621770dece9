/** `npx edgeloop doctor`: each thing of a stack that is missing, or not as it must be, by a changed answer. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { diagnosis, named, notWell, type Patient, startPatient } from './doctor-support.ts'
import type { Asked, Tamper } from './tamper.ts'

let patient: Patient
beforeAll(async () => {
  patient = await startPatient()
})
afterAll(() => patient?.close())
beforeEach(() => patient.reset())

describe('missing in the answers', () => {
  const json = (status: number, value: unknown) => ({
    ...{ status, headers: { 'content-type': 'application/x-amz-json-1.0' } },
    body: JSON.stringify(value),
  })
  /** Changes the JSON of one operation. */
  const of =
    (operation: string, change: (value: Record<string, unknown>, asked: Asked) => unknown): Tamper =>
    (asked, answer) =>
      asked.target.endsWith(`.${operation}`) && answer.status === 200
        ? { ...answer, body: JSON.stringify(change(JSON.parse(answer.body), asked)) }
        : undefined
  const path =
    (method: string, fits: RegExp, change: (value: Record<string, unknown>) => unknown): Tamper =>
    (asked, answer) =>
      asked.method === method && fits.test(asked.path)
        ? { ...answer, body: JSON.stringify(change(JSON.parse(answer.body))) }
        : undefined
  const state = (change: (table: Record<string, unknown>) => object): Tamper =>
    of('DescribeTable', (value, { body }) =>
      body.includes('-state')
        ? { Table: { ...(value['Table'] as object), ...change(value['Table'] as Record<string, unknown>) } }
        : value,
    )
  type Function = { FunctionName: string; Environment: { Variables: Record<string, string> } }
  const functions = (change: (all: Function[]) => unknown[]): Tamper =>
    path('GET', /^\/2015-03-31\/functions/, value => ({
      ...value,
      Functions: change(value['Functions'] as Function[]),
    }))

  const cases: readonly (readonly [string, string, string, Tamper, RegExp])[] = [
    [
      'a bucket',
      'fail',
      'artefact bucket',
      ({ method, path: at }) =>
        method === 'HEAD' && at.includes('artefacts') ? { status: 404, headers: {}, body: '' } : undefined,
      /there is no bucket edgeloop-dev-artefacts/,
    ],
    [
      'a table',
      'fail',
      'quarantine table',
      ({ target, body }) =>
        target.endsWith('.DescribeTable') && body.includes('quarantine')
          ? json(400, { __type: 'ResourceNotFoundException' })
          : undefined,
      /there is no table edgeloop-dev-quarantine/,
    ],
    [
      'the stream',
      'fail',
      'state table',
      state(() => ({ StreamSpecification: { StreamEnabled: false } })),
      /no event is ever published/,
    ],
    [
      'an index',
      'fail',
      'state table',
      state(({ GlobalSecondaryIndexes: all }) => ({ GlobalSecondaryIndexes: (all as object[]).slice(0, 1) })),
      /lacks the index/,
    ],
    [
      'a table that is being made',
      'fail',
      'state table',
      state(() => ({ TableStatus: 'CREATING' })),
      /is CREATING/,
    ],
    [
      'backups',
      'warn',
      'state table',
      of('DescribeContinuousBackups', (value, { body }) =>
        body.includes('-state')
          ? { ContinuousBackupsDescription: { ContinuousBackupsStatus: 'DISABLED' } }
          : value,
      ),
      /no point-in-time recovery/,
    ],
    [
      'the bus',
      'fail',
      'bus',
      of('ListEventBuses', () => ({ EventBuses: [] })),
      /there is no event bus edgeloop-dev/,
    ],
    [
      'a rule',
      'fail',
      'rules',
      of('ListRules', value => ({
        Rules: (value['Rules'] as { Name: string }[]).filter(r => !r.Name.endsWith('reconcile-rule-1')),
      })),
      /edgeloop-dev-reconcile-rule-1/,
    ],
    [
      'a function',
      'fail',
      'functions',
      functions(all => all.filter(f => !f.FunctionName.endsWith('serve-blob'))),
      /edgeloop-dev-serve-blob/,
    ],
    [
      'a function that runs',
      'fail',
      'functions',
      functions(([first, ...rest]) => [{ ...first, State: 'Failed', StateReason: 'no ENI' }, ...rest]),
      /is Failed \(no ENI\)/,
    ],
    [
      'the training image',
      'fail',
      'training image',
      functions(all =>
        all.map(f => ({
          ...f,
          Environment: { Variables: { ...f.Environment.Variables, TRAINING_IMAGE: '' } },
        })),
      ),
      /nothing can be trained/,
    ],
    [
      'a queue',
      'fail',
      'queues',
      ({ target, body }) =>
        target.endsWith('.GetQueueUrl') && body.includes('edgeloop-dev-samples"')
          ? json(400, { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'no' })
          : undefined,
      /edgeloop-dev-samples/,
    ],
    [
      'the endpoint of devices',
      'fail',
      'iot endpoint',
      path('GET', /^\/endpoint/, () => ({ endpointAddress: '127.0.0.1:1' })),
      /does not answer from here/,
    ],
    [
      'an IoT rule',
      'fail',
      'iot rules',
      path('GET', /^\/rules/, value => ({
        ...value,
        rules: (value['rules'] as { ruleName: string }[]).filter(r => !r.ruleName.endsWith('_hello')),
      })),
      /edgeloop_dev_hello/,
    ],
    [
      'an IoT rule that is on',
      'fail',
      'iot rules',
      path('GET', /^\/rules/, value => ({
        ...value,
        rules: (value['rules'] as object[]).map(r => ({ ...r, ruleDisabled: true })),
      })),
      /switched off/,
    ],
    [
      'the device policy',
      'fail',
      'device policy',
      ({ path: at }) =>
        at.startsWith('/policies/')
          ? json(404, { __type: 'ResourceNotFoundException', message: 'no' })
          : undefined,
      /no device is let in/,
    ],
    [
      'a topic in the device policy',
      'fail',
      'device policy',
      path('GET', /^\/policies\//, value => ({
        ...value,
        policyDocument: String(value['policyDocument']).replaceAll('/up/metrics', '/up/x'),
      })),
      /does not let devices publish metrics/,
    ],
    [
      'the signing key',
      'fail',
      'keys',
      ({ target }) =>
        target.endsWith('.DescribeKey') ? json(400, { __type: 'NotFoundException' }) : undefined,
      /there is no key alias\/edgeloop-dev-model/,
    ],
    [
      'the trust root',
      'fail',
      'trust root',
      ({ path: at }) =>
        at.startsWith('/retainedMessage/')
          ? json(404, { __type: 'ResourceNotFoundException', message: 'no' })
          : undefined,
      /no trust root is out/,
    ],
    [
      'a chain that holds',
      'fail',
      'trust root',
      path('GET', /^\/retainedMessage\//, value => {
        const chain = JSON.parse(Buffer.from(String(value['payload']), 'base64').toString('utf8'))
        chain.chain[0].signatures[0].sig = chain.chain[0].signatures[1].sig
        return { ...value, payload: Buffer.from(JSON.stringify(chain)).toString('base64') }
      }),
      /does not hold/,
    ],
    [
      'a signing key in the trust root',
      'fail',
      'trusted keys',
      // Model and deployment change places: the root lists both, each for the other.
      ({ target, body }, answer) => {
        if (!target.endsWith('.GetPublicKey') || !body.includes('alias/edgeloop-dev-model')) return undefined
        return { ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), PublicKey: OTHER_KEY }) }
      },
      /does not list the model key/,
    ],
    [
      'the right time',
      'fail',
      'clock',
      ({ method, path: at }, answer) =>
        method === 'GET' && at === '/'
          ? { ...answer, headers: { date: new Date(Date.now() - 600_000).toUTCString() } }
          : undefined,
      /clock is \d+ s off/,
    ],
    [
      'nearly the right time',
      'warn',
      'clock',
      ({ method, path: at }, answer) =>
        method === 'GET' && at === '/'
          ? { ...answer, headers: { date: new Date(Date.now() + 120_000).toUTCString() } }
          : undefined,
      /clock is 1\d\d s off/,
    ],
    [
      'an API that answers',
      'fail',
      'api',
      ({ path: at }) => (at.startsWith('/v1/') ? { status: 500, headers: {}, body: '' } : undefined),
      /answers with 500/,
    ],
    [
      'an API that takes the token',
      'fail',
      'api',
      ({ path: at }) => (at.startsWith('/v1/') ? { status: 401, headers: {}, body: '' } : undefined),
      /does not take the token/,
    ],
    [
      'an API that lets it in',
      'fail',
      'api',
      ({ path: at }) => (at.startsWith('/v1/') ? { status: 403, headers: {}, body: '' } : undefined),
      /to nothing/,
    ],
    [
      'the page',
      'warn',
      'console',
      ({ method, path: at }) =>
        method === 'HEAD' && at.includes('/index.html') ? { status: 404, headers: {}, body: '' } : undefined,
      /lacks index.html/,
    ],
  ]
  // A P-256 key that nobody has: the generator itself, as SPKI.
  const OTHER_KEY =
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q=='

  it.each(cases)('%s (%s %s)', async (_, outcome, id, tamper, text) => {
    patient.way.with(tamper)
    const { exit, found } = await diagnosis()
    expect(named(found, id)).toMatchObject({
      outcome,
      text: expect.stringMatching(text),
      fix: expect.any(String),
    })
    expect(exit).toBe(outcome === 'fail' ? 1 : 0)
    const others = notWell(found).filter(
      line => !line.endsWith(` ${id}`) && !['warn token', 'warn console'].includes(line),
    )
    expect(others).toEqual([])
  })
})
