/**
 * `npm run provision`: registers devices in an AWS account or in the local cloud, by the usual AWS variables, and
 * leaves key and certificate of each in a folder; or makes a claim certificate, by which devices enrol themselves.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { IoTClient } from '@aws-sdk/client-iot'
import { provisionDevices } from '../device/provision.ts'
import { createClaim } from './lib/claim.ts'
import { parse, run, UsageError } from './lib/options.ts'

const HELP = `Usage: npm run provision -- --fleet FLEET --hardware HARDWARE THING [THING …]
       npm run provision -- --claim NAME

  --fleet, --hardware  attributes of the things; the fleet and a target's hardware in model.yaml
  --policy NAME        IoT policy for devices (default edgeloop-dev-device)
  --claim NAME         makes a claim certificate NAME for a production run, and registers nothing
  --claim-policy NAME  IoT policy for claims (default edgeloop-dev-claim)
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
      claim: { type: 'string' },
      'claim-policy': { type: 'string', default: 'edgeloop-dev-claim' },
      dir: { type: 'string', default: 'devices' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const { fleet, hardware, policy, dir, claim } = values
  const folder = resolve(dir)
  const keep = (name: string, { keyPem, certPem }: { keyPem: string; certPem: string }): void => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    writeFileSync(join(folder, `${name}.key.pem`), keyPem, { mode: 0o600 })
    writeFileSync(join(folder, `${name}.cert.pem`), certPem)
    process.stdout.write(`${name}: ${join(folder, `${name}.cert.pem`)}, ${name}.key.pem\n`)
  }
  const iot = new IoTClient({})
  if (claim !== undefined) {
    if (!/^[\w-]+$/.test(claim)) throw new UsageError('--claim must be letters, digits, _ and -')
    const made = await createClaim(iot, values['claim-policy'])
    keep(claim, made)
    process.stdout.write(`certificate id ${made.certificateId}\n`)
    return 0
  }
  if (fleet === undefined || hardware === undefined || positionals.length === 0) {
    throw new UsageError('--fleet, --hardware and at least one thing name are needed, or --claim')
  }
  const identities = await provisionDevices({
    ...{ iot, things: positionals, fleet, hardware, policyName: policy },
  })
  for (const identity of identities) keep(identity.thing, identity)
  return 0
})
