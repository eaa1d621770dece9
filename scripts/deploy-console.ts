/** `node scripts/deploy-console.ts`: the built page into the bucket of a deployed stack, on AWS or in a local cloud. */
import { resolve } from 'node:path'
import { consoleConfig, readConsoleFiles, uploadConsole } from './lib/console-files.ts'
import { parse, run } from './lib/options.ts'
import { s3Client } from './lib/stack.ts'
import { stackOutputs } from './lib/stack-outputs.ts'

const HELP = `Usage: node scripts/deploy-console.ts [options]

  --stage STAGE   of the stack (default dev)
  --region R      of the stack (default AWS_REGION)
  --dir DIR       the built page (default console/dist)
  --docs URL      where the page's links to the documentation lead

Credentials come from where the AWS SDK finds them; AWS_ENDPOINT_URL names a local cloud.
`

await run(async () => {
  const { values } = parse({
    options: {
      stage: { type: 'string', default: 'dev' },
      region: { type: 'string' },
      dir: { type: 'string', default: 'console/dist' },
      docs: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const files = readConsoleFiles(resolve(values.dir))
  const config = values.region === undefined ? {} : { region: values.region }
  const s3 = s3Client(config)
  try {
    const outputs = await stackOutputs(s3.config, `edgeloop-${values.stage}`)
    const settings = await consoleConfig(outputs, values.stage, values.docs)
    const keys = await uploadConsole(s3, String(outputs['ConsoleBucketName']), files, settings)
    process.stdout.write(`${keys.length} files are at ${String(outputs['ConsoleUrl'])}\n`)
    return 0
  } finally {
    s3.destroy()
  }
})
