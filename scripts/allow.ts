/** Puts devices on the allow-list of a deployed stack or of the local cloud, through the operators' API. */
import { readFileSync } from 'node:fs'
import { MAX_ENROLMENTS } from '../src/contracts/commands.ts'
import { readEnrolmentCsv } from '../src/domain/device/enrolment-csv.ts'
import { parse, run, UsageError } from './lib/options.ts'

const HELP = `Usage: node scripts/allow.ts [--api URL] --fleet FLEET --hardware HARDWARE SERIAL [SERIAL …]
       node scripts/allow.ts [--api URL] --csv FILE

  --api URL            the operators' API (default AWS_ENDPOINT_URL, which is the local cloud's)
  --fleet, --hardware  what these devices will be
  --csv FILE           serial,fleet,hardware with a header, in place of serials

The token comes from the variable TOKEN and needs the scope devices:write; npm run cloud prints one. Longer lists go
into the drop bucket: aws s3 cp FILE s3://BUCKET/devices/NAME.csv
`

interface Outcome {
  readonly allowed: number
  readonly unchanged: number
  readonly refused: readonly { readonly index: number; readonly code: string; readonly message: string }[]
}

await run(async () => {
  const { values, positionals } = parse({
    allowPositionals: true,
    options: {
      api: { type: 'string' },
      fleet: { type: 'string' },
      hardware: { type: 'string' },
      csv: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const api = values.api ?? process.env['AWS_ENDPOINT_URL']
  const token = process.env['TOKEN']
  if (api === undefined) throw new UsageError('--api, or AWS_ENDPOINT_URL, is needed')
  if (token === undefined) throw new UsageError('the variable TOKEN is needed')
  const entries = values.csv === undefined ? named(values, positionals) : listed(values.csv)
  const total = { allowed: 0, unchanged: 0, refused: 0 }
  for (let from = 0; from < entries.length; from += MAX_ENROLMENTS) {
    const part = entries.slice(from, from + MAX_ENROLMENTS)
    const answer = await fetch(new URL('/v1/enrolments', api), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(part),
    })
    const body: unknown = await answer.json()
    if (!answer.ok)
      throw new Error(`the API answered ${answer.status}: ${(body as { message?: string }).message}`)
    const { allowed, unchanged, refused } = body as Outcome
    total.allowed += allowed
    total.unchanged += unchanged
    total.refused += refused.length
    for (const { index, code, message } of refused)
      process.stderr.write(`${part[index]?.['serial'] ?? `#${from + index}`}: ${code}: ${message}\n`)
  }
  process.stdout.write(
    `${total.allowed} allowed, ${total.unchanged} were already, ${total.refused} refused\n`,
  )
  return total.refused > 0 ? 1 : 0
})

function named(
  { fleet, hardware }: { fleet?: string | undefined; hardware?: string | undefined },
  serials: readonly string[],
): Readonly<Record<string, string>>[] {
  if (fleet === undefined || hardware === undefined || serials.length === 0)
    throw new UsageError('--fleet, --hardware and at least one serial are needed, or --csv')
  return serials.map(serial => ({ serial, fleet, hardware }))
}

function listed(file: string): Readonly<Record<string, string>>[] {
  return readEnrolmentCsv(readFileSync(file)).map(({ entry }) => ({ ...entry }))
}
