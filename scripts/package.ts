/** `npm run package`: bundles, the CloudFormation template and the archives it names, all in `.serverless/`. */
import { buildAndPackage } from './lib/local-cloud.ts'
import { run } from './lib/options.ts'

await run(async () => {
  await buildAndPackage()
  process.stdout.write('Packaged in .serverless/\n')
  return 0
})
