/**
 * `npm run invoke -- FUNCTION events/FILE.json`: runs one bundled function as Lambda would, in a local cloud of its
 * own, or in one that runs already when AWS_ENDPOINT_URL says where.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvokeCommand, LambdaClient, type LambdaClientConfig } from '@aws-sdk/client-lambda'
import { buildAndPackage, startEdgeloop } from './lib/local-cloud.ts'
import { parse, run, UsageError } from './lib/options.ts'

const HELP = `Usage: npm run invoke -- FUNCTION events/FILE.json

FUNCTION is a handler's name, such as register-dataset. The function runs in a fresh local cloud without data, or in
the one that AWS_ENDPOINT_URL points to (npm run cloud prints the variables).
`

await run(async () => {
  const { values, positionals } = parse({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const [name, file] = positionals
  if (name === undefined || file === undefined)
    throw new UsageError('two arguments are needed: FUNCTION and a file with the event')
  const payload = readFileSync(file)
  JSON.parse(payload.toString())
  const FunctionName = `edgeloop-dev-${name}`
  if (process.env['AWS_ENDPOINT_URL']) return invoke({}, FunctionName, payload)

  await buildAndPackage()
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-'))
  const cloud = await startEdgeloop({ dir, port: 0, mqttPort: 0 })
  try {
    const config = { endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials }
    return await invoke(config, FunctionName, payload)
  } finally {
    await cloud.close()
    rmSync(dir, { recursive: true, force: true })
  }
})

async function invoke(
  config: LambdaClientConfig,
  FunctionName: string,
  Payload: Uint8Array,
): Promise<number> {
  const client = new LambdaClient({ maxAttempts: 1, ...config })
  const answer = await client.send(new InvokeCommand({ FunctionName, Payload, LogType: 'Tail' }))
  if (answer.LogResult) process.stderr.write(Buffer.from(answer.LogResult, 'base64'))
  process.stdout.write(`${Buffer.from(answer.Payload ?? []).toString()}\n`)
  return answer.FunctionError === undefined ? 0 : 1
}
