/**
 * `npm run provision`: registers devices in an AWS account or in the local cloud, by the usual AWS variables, and
 * leaves key and certificate of each in a folder.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { IoTClient } from '@aws-sdk/client-iot'
import { provisionDevices } from '../device/provision.ts'
import { parse, run, UsageError } from './lib/options.ts'

const HELP = `Usage: npm run provision -- --fleet FLEET --hardware HARDWARE THING [THING …]

  --fleet, --hardware  attributes of the things; the fleet and a target's hardware in model.yaml
  --policy NAME        IoT policy for devices (default edgeloop-dev-device)
  --dir DIR            where keys and certificates go (default ./devices)

Credentials, region and endpoint come from AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL and so on, as for every AWS
tool; npm run cloud prints them for the local cloud.
`

await run(async () => {
  const { values, positionals } = parse({
    allowPositionals: true,
    options: {
      fleet: { type: 'string' },
      hardware: { type: 'string' },
      policy: { type: 'string', default: 'edgeloop-dev-device' },
      dir: { type: 'string', default: 'devices' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const { fleet, hardware, policy, dir } = values
  if (fleet === undefined || hardware === undefined || positionals.length === 0) {
    throw new UsageError('--fleet, --hardware and at least one thing name are needed')
  }
  const identities = await provisionDevices({
    iot: new IoTClient({}),
    things: positionals,
    fleet,
    hardware,
    policyName: policy,
  })
  const folder = resolve(dir)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const { thing, keyPem, certPem } of identities) {
    writeFileSync(join(folder, `${thing}.key.pem`), keyPem, { mode: 0o600 })
    writeFileSync(join(folder, `${thing}.cert.pem`), certPem)
    process.stdout.write(`${thing}: ${join(folder, `${thing}.cert.pem`)}, ${thing}.key.pem\n`)
  }
  return 0
})
