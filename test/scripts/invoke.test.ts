/** `npm run invoke` against a running cloud with the packaged template. */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cloud } from '../../local/cloud.ts'
import { startEdgeloop } from '../../scripts/lib/local-cloud.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** The numbers move when an event comes in between. */
const sample = (name: string): string => globSync(`events/*-${name}.json`, { cwd: root })[0] ?? name
const EVENT = sample('register-model-yaml')
const dir = mkdtempSync(join(tmpdir(), 'edgeloop-invoke-'))
let cloud: Cloud

beforeAll(async () => {
  cloud = await startEdgeloop({ dir: join(dir, 'state'), port: 0, mqttPort: 0 })
})
afterAll(async () => {
  await cloud.close()
  rmSync(dir, { recursive: true, force: true })
})

function invoke(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.realm.region,
    AWS_ACCESS_KEY_ID: cloud.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.credentials.secretAccessKey,
  }
  const child = spawn(process.execPath, ['scripts/invoke.ts', ...args], { cwd: root, env })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  return new Promise(done => child.once('close', code => done({ code, out, err })))
}

describe('npm run invoke', () => {
  it('says in one line which object a sample is about, when the cloud does not hold it', async () => {
    expect(await invoke('register-model', EVENT)).toEqual({
      code: 1,
      out: '',
      err: 'the event is about s3://edgeloop-dev-drops-123456789012/models/demo/model.yaml, which this cloud does not hold; --object FILE puts FILE there first\n',
    })
  })

  it('puts the object there and runs the function, with log and answer on lines of their own', async () => {
    const file = join(dir, 'model.yaml')
    const example = readFileSync(join(root, 'examples/cold-chain/model.yaml'), 'utf8')
    writeFileSync(file, example.replace(/^name: .*/m, 'name: demo'))
    const { code, out, err } = await invoke('register-model', EVENT, '--object', file)
    expect({ code, out }).toEqual({ code: 0, out: 'null\n' })
    expect(err).toMatch(/"type":"platform\.report".*\n$/)
    const models = await invoke('ops-query', sample('ops-query-models'))
    expect(JSON.parse(JSON.parse(models.out).body)).toMatchObject({ models: [{ model: 'demo' }] })
  })

  it('does not ask for an object that the function does not need', async () => {
    const { code, err } = await invoke('register-model', sample('register-model-bad-key'))
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('BAD_KEY') })
  })
})
