import { afterEach, describe, expect, it } from 'vitest'
import { archive, type Host, makeHost } from './lambda-support.ts'

let host: Host
afterEach(() => host.close())

describe('the environment of a function', () => {
  it('is that of Lambda, and has nothing of this process', async () => {
    process.env['SECRET_OF_THE_HOST'] = 'leaked'
    host = makeHost()
    const fn = host.add('exports.handler = async () => process.env', {
      environment: { TABLE: 'things' },
      memoryMb: 256,
    })
    const { body } = await host.call(fn)
    delete process.env['SECRET_OF_THE_HOST']
    expect(body).toMatchObject({
      TABLE: 'things',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'fn',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/fn',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      TZ: ':UTC',
      _HANDLER: 'index.handler',
    })
    const set = ['PATH', 'LANG', 'TZ', 'TMPDIR', 'TABLE', '_HANDLER', 'LAMBDA_TASK_ROOT', '_X_AMZN_TRACE_ID']
    const foreign = Object.keys(body).filter(name => !set.includes(name) && !name.startsWith('AWS_'))
    expect(foreign).toEqual([])
  })

  it("signs with the function's role, under the function's name", async () => {
    host = makeHost()
    const fn = host.add('exports.handler = async () => process.env')
    const { body } = await host.call(fn)
    const resolved = host.iam.resolve(String(body['AWS_ACCESS_KEY_ID']))
    expect(resolved?.principal.arn).toBe('arn:aws:sts::123456789012:assumed-role/role/fn')
    expect(resolved?.sessionToken).toBe(body['AWS_SESSION_TOKEN'])
    expect(resolved?.secretAccessKey).toBe(body['AWS_SECRET_ACCESS_KEY'])
  })

  it('gives the handler a context with the documented fields', async () => {
    host = makeHost()
    const fn = host.add(
      'exports.handler = async (event, c) => ({ ...c, left: c.getRemainingTimeInMillis(), keys: Object.keys(c), event })',
      { timeoutSeconds: 9 },
    )
    const { body } = await host.call(fn, { a: 1 })
    expect(body).toMatchObject({
      event: { a: 1 },
      functionName: 'fn',
      functionVersion: '$LATEST',
      memoryLimitInMB: '128',
      invokedFunctionArn: fn.arn,
      logGroupName: '/aws/lambda/fn',
    })
    expect(body['awsRequestId']).toMatch(/^[0-9a-f-]{36}$/)
    expect(body['left']).toBeLessThanOrEqual(9000)
    expect(body['left']).toBeGreaterThan(0)
    expect(body['keys']).not.toContain('callbackWaitsForEmptyEventLoop')
  })

  it('stays warm from one event to the next', async () => {
    host = makeHost()
    const fn = host.add('let n = 0; exports.handler = async () => ++n')
    await host.call(fn)
    expect((await host.call(fn)).payload.toString()).toBe('2')
    expect(host.lambda.status()).toMatchObject({ sandboxes: 1, running: 0 })
  })

  it('runs one event at a time in one environment, and several environments up to the cap', async () => {
    host = makeHost({ maxPerFunction: 2 })
    const fn = host.add(
      'let at = 0, most = 0; exports.handler = async () => { most = Math.max(most, ++at); await new Promise(r => setTimeout(r, 50)); at--; return { most, stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME } }',
    )
    const answers = await Promise.all(Array.from({ length: 6 }, () => host.call(fn)))
    expect(answers.every(({ body }) => body['most'] === 1)).toBe(true)
    expect(new Set(answers.map(({ body }) => body['stream'])).size).toBe(2)
  })

  it('ends an idle environment of another function when there is no more room', async () => {
    host = makeHost({ maxTotal: 1 })
    const a = host.add('exports.handler = async () => 1', { name: 'a' })
    const b = host.add('exports.handler = async () => 2', { name: 'b' })
    await host.call(a)
    expect((await host.call(b)).payload.toString()).toBe('2')
    expect(host.lambda.status().sandboxes).toBe(1)
  })

  it('throttles synchronous callers beyond reserved concurrency', async () => {
    host = makeHost()
    const fn = host.add('exports.handler = () => new Promise(r => setTimeout(r, 300))', {
      reservedConcurrency: 1,
    })
    const first = host.call(fn)
    await expect(host.call(fn)).rejects.toMatchObject({ code: 'TooManyRequestsException', status: 429 })
    await first
    const off = host.add('exports.handler = async () => 1', { name: 'off', reservedConcurrency: 0 })
    await expect(host.call(off)).rejects.toMatchObject({ code: 'TooManyRequestsException' })
  })
})

describe('failures', () => {
  const cases: [string, string, Record<string, unknown>][] = [
    [
      'an error of the handler',
      'exports.handler = async () => { throw new RangeError("too far") }',
      { errorType: 'RangeError', errorMessage: 'too far' },
    ],
    [
      'an unhandled rejection',
      'exports.handler = () => { Promise.reject(new Error("floating")); return new Promise(() => {}) }',
      { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: floating' },
    ],
    [
      'an uncaught exception',
      'exports.handler = () => { setTimeout(() => { throw new TypeError("later") }); return new Promise(() => {}) }',
      { errorType: 'TypeError', errorMessage: 'later' },
    ],
    [
      'process.exit',
      'exports.handler = async () => process.exit(3)',
      {
        errorType: 'Runtime.ExitError',
        errorMessage: expect.stringMatching(/^RequestId: \S+ Error: .*exit status 3/),
      },
    ],
    [
      'a missing module',
      'require("left-pad-that-is-not-there"); exports.handler = async () => 1',
      { errorType: 'Runtime.ImportModuleError', errorMessage: expect.stringContaining('left-pad') },
    ],
    [
      "a module that only this project's node_modules has",
      'require("fflate"); exports.handler = async () => 1',
      { errorType: 'Runtime.ImportModuleError', errorMessage: expect.stringContaining('fflate') },
    ],
    ['a syntax error', 'exports.handler = async () => {', { errorType: 'Runtime.UserCodeSyntaxError' }],
    [
      'an error while loading',
      'throw new Error("no TABLE")',
      { errorType: 'Error', errorMessage: 'no TABLE' },
    ],
    [
      'a handler that is not exported',
      'exports.other = 1',
      { errorType: 'Runtime.HandlerNotFound', errorMessage: 'index.handler is undefined or not exported' },
    ],
    [
      'a callback handler',
      'exports.handler = (event, context, callback) => callback(null, 1)',
      { errorType: 'Runtime.CallbackHandlerDeprecated' },
    ],
    [
      'a result that JSON does not know',
      'exports.handler = async () => 1n',
      { errorType: 'Runtime.MarshalError' },
    ],
    [
      'a result that is too large',
      'exports.handler = async () => "x".repeat(6291457)',
      { errorType: 'Function.ResponseSizeTooLarge' },
    ],
  ]
  it.each(cases)('reports %s', async (_, source, expected) => {
    host = makeHost()
    const fn = host.add(source)
    const answer = await host.call(fn)
    expect(answer.functionError).toBe('Unhandled')
    expect(answer.body).toMatchObject(expected)
    expect(host.entries.filter(entry => entry.level === 'error')).toHaveLength(1)
    // The next event gets an environment that works, or the same failure again; never a hang.
    expect((await host.call(fn)).functionError).toBe('Unhandled')
  })

  it('kills a function that runs longer than its timeout, even in a loop that never yields', async () => {
    host = makeHost()
    const fn = host.add('exports.handler = async e => { while (e.forever) {} return 1 }', {
      timeoutSeconds: 1,
    })
    const answer = await host.call(fn, { forever: true })
    expect(answer.body).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 1\.00 seconds$/),
    })
    expect((await host.call(fn)).payload.toString()).toBe('1')
  })

  it('ends a function whose heap outgrows its memory', async () => {
    host = makeHost()
    const fn = host.add(
      'const kept = []; exports.handler = async () => { for (;;) kept.push(new Array(100000).fill(Math.random())) }',
      { memoryMb: 128 },
    )
    const answer = await host.call(fn)
    expect(answer.body).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('128 MB'),
    })
  })

  it('refuses payloads over the documented limits, and text that is not JSON', async () => {
    host = makeHost()
    const fn = host.add('exports.handler = async () => 1')
    const source = { service: 'events.amazonaws.com', sourceArn: 'arn:x' }
    const big = Buffer.alloc(1024 * 1024 + 1, 0x31)
    await expect(host.lambda.invokeAsync(fn.arn, big, source)).rejects.toMatchObject({
      code: 'RequestTooLargeException',
    })
    await expect(
      host.lambda.invoke(fn.arn, Buffer.alloc(6 * 1024 * 1024 + 1, 0x31), source),
    ).rejects.toMatchObject({
      code: 'RequestTooLargeException',
    })
    await expect(host.lambda.invoke(fn.arn, Buffer.from('{'), source)).rejects.toMatchObject({
      code: 'InvalidRequestContentException',
    })
  })
})

describe('archives', () => {
  const create = (bytes: Uint8Array): void => {
    const config = host.add('exports.handler = async () => 1', { name: 'first' })
    host.lambda.createFunction({ ...config, name: 'second' }, bytes)
  }
  it('that are broken, or lead outside of their folder, are refused by name', () => {
    host = makeHost()
    expect(() => create(new Uint8Array(50))).toThrow('function second: cannot unpack its archive')
    expect(() => create(archive({ '../first/index.cjs': 'stolen' }))).toThrow(
      "function second: the archive's entry ../first/index.cjs leads outside of it",
    )
  })
  it('replace the code that an earlier deployment left', async () => {
    host = makeHost()
    host.add('exports.handler = async () => 1')
    const fn = host.add('exports.handler = async () => 2')
    expect((await host.call(fn)).payload.toString()).toBe('2')
  })
})

describe('logs', () => {
  const linesOf = (group: string): readonly string[] => host.logs.lines(group).map(line => line.message)

  it('has the lines of Lambda, and what the function printed', async () => {
    host = makeHost()
    const fn = host.add(
      'exports.handler = async () => { console.warn("a %s", 1); process.stdout.write("raw\\nrest") }',
    )
    await host.call(fn)
    const lines = linesOf('/aws/lambda/fn')
    expect(lines[0]).toMatch(/^START RequestId: \S+ Version: \$LATEST$/)
    expect(lines[1]).toMatch(/\tWARN\ta 1$/)
    expect(lines.slice(2, 4)).toEqual(['raw', 'rest'])
    expect(lines[4]).toMatch(/^END RequestId: /)
    expect(lines[5]).toMatch(
      /^REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t/,
    )
    expect(lines[5]).toContain('Init Duration')
  })

  it('writes JSON when the function says so, and drops what is below its level', async () => {
    host = makeHost()
    const fn = host.add(
      'exports.handler = async () => { console.debug("no"); console.info("yes"); console.error(new Error("bad")) }',
      { logFormat: 'JSON' },
    )
    await host.call(fn)
    const lines = linesOf('/aws/lambda/fn').map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map(line => line['type'] ?? line['level'])).toEqual([
      'platform.start',
      'INFO',
      'ERROR',
      'platform.report',
    ])
    expect(lines[1]).toMatchObject({ message: 'yes', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(lines[2]).toMatchObject({ errorType: 'Error', errorMessage: 'bad' })
  })

  it("needs the role's permission to write; a denial is recorded and the function runs", async () => {
    host = makeHost()
    host.iam.addRole({
      name: 'silent',
      arn: 'arn:aws:iam::123456789012:role/silent',
      trust: { Statement: [] },
      policies: [],
    })
    host.logs.createLogGroup({ LogGroupName: '/aws/lambda/fn' })
    const fn = host.add('exports.handler = async () => { console.log("lost"); return 1 }', {
      roleName: 'silent',
    })
    expect((await host.call(fn)).payload.toString()).toBe('1')
    expect(linesOf('/aws/lambda/fn')).toEqual([])
    expect(host.iam.denials).toMatchObject([{ action: 'logs:CreateLogStream', functionName: 'fn' }])
  })
})
