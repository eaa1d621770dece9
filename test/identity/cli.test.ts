/** Enrolment by the programs that people run: a claim, the allow-list, a device's first and second start. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { operatorToken } from '../../scripts/lib/local-cloud.ts'
import { signedRoot } from '../device/helpers.ts'
import { FLEET, fresh, HARDWARE, type Lab, startLab } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'enrol-cli-'))
let lab: Lab
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  lab = await startLab()
  const { endpoint, region, credentials } = lab.h.client
  env = {
    ...process.env,
    ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: region, TOKEN: await operatorToken(lab.h.cloud) },
    ...{ AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey },
  }
  writeFileSync(join(dir, 'ca.pem'), lab.h.cloud.mqtt.caPem)
  writeFileSync(join(dir, 'root.json'), JSON.stringify(signedRoot({})))
})
afterAll(async () => {
  await lab?.close()
  rmSync(dir, { recursive: true, force: true })
})

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}
const run = (script: string, ...args: readonly string[]): Promise<Ended> =>
  new Promise(resolve => {
    const child = execFile(process.execPath, [join(root, script), ...args], { env }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    )
    child.stdin?.end()
  })
const device = (thing: string, ...more: readonly string[]): Promise<Ended> => {
  const { host, port } = lab.h.cloud.mqtt
  return run(
    'device/main.ts',
    ...['--endpoint', `${host}:${port}`, '--ca', join(dir, 'ca.pem'), '--trust-root', join(dir, 'root.json')],
    ...['--thing', thing, '--fleet', FLEET, '--hardware', HARDWARE, '--slot', 'state'],
    ...['--dir', join(dir, thing), ...more],
  )
}
const byClaim = ['--claim-cert', join(dir, 'run7.cert.pem'), '--claim-key', join(dir, 'run7.key.pem')]

it('an operator makes a claim and a list; a device enrols by itself and needs no claim afterwards', async () => {
  const made = await run('scripts/provision.ts', '--claim', 'run7', '--dir', dir)
  expect(made).toMatchObject({ code: 0, err: '' })
  expect(made.out).toMatch(/certificate id [0-9a-f]{64}/)
  const thing = fresh('cli')
  const refused = await device(thing, ...byClaim)
  expect(refused.code).toBe(2)
  expect(refused.err).toContain(`enrolling ${thing} was refused (AccessDenied)`)
  const listed = await run('scripts/allow.ts', '--fleet', FLEET, '--hardware', HARDWARE, thing)
  expect(listed).toMatchObject({ code: 0, out: '1 allowed, 0 were already, 0 refused\n' })
  expect(await device(thing, ...byClaim)).toMatchObject({ code: 0 })
  expect(await device(thing)).toMatchObject({ code: 0 })
})

it('a device without certificate, claim or identity says what it needs', async () => {
  const { code, err } = await device(fresh('bare'))
  expect(code).toBe(2)
  expect(err).toContain('--claim-cert')
})

it('a list with a bad line allows the others, names the bad one and ends with 1', async () => {
  const [good, file] = [fresh('good'), join(dir, 'list.csv')]
  writeFileSync(file, `serial,fleet,hardware\n${good},${FLEET},${HARDWARE}\nfleet,${FLEET},${HARDWARE}\n`)
  const { code, out, err } = await run('scripts/allow.ts', '--csv', file)
  expect({ code, out }).toEqual({ code: 1, out: '1 allowed, 0 were already, 1 refused\n' })
  expect(err).toMatch(/^fleet: SCHEMA: serial: is reserved/)
})
