/** `npm run cloud`: the local cloud with the template deployed, a trust root and no data, for anyone's tools. */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { assertPortsFree } from './lib/free-ports.ts'
import { buildAndPackage, deployLocalConsole, directions, exports, startEdgeloop } from './lib/local-cloud.ts'
import { localTrust } from './lib/local-trust.ts'
import { cloudFlags, parse, ports, run, UsageError } from './lib/options.ts'
import { makeLocalPeople } from './lib/people.ts'
import { openStateFolder } from './lib/state-folder.ts'

const CEREMONY_SECONDS = 20

const HELP = `Usage: npm run cloud -- [options]

  --port N        HTTP endpoint of all AWS services (default 4566, 0: any free port)
  --mqtt-port N   MQTT over mTLS (default 8883, 0: any free port)
  --console-port N  the operators' page (default 4567, 0: any free port)
  --dir DIR       state (default .edgeloop/cloud)
  --keep          go on with what DIR holds; without it DIR is emptied first
  --no-build      use dist/ and .serverless/ as they are
  --parameter N=V a stack parameter, such as ModelKeys=both-A-signs (repeat); with --keep, this is a stack update
`

await run(async () => {
  const { values } = parse({
    options: {
      ...cloudFlags,
      keep: { type: 'boolean' },
      'no-build': { type: 'boolean' },
      parameter: { type: 'string', multiple: true },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const at = ports(values)
  const parameters = Object.fromEntries((values.parameter ?? []).map(readParameter))
  const folder = openStateFolder(resolve(values.dir ?? '.edgeloop/cloud'), { fresh: false })
  let up = false
  try {
    await assertPortsFree(at)
    if (!values['no-build']) {
      process.stdout.write('Building and packaging …\n')
      await buildAndPackage()
      // Some seconds have gone by, and what is deleted for a start must not be deleted for a refusal.
      await assertPortsFree(at)
    }
    if (!values.keep) folder.empty()
    const cloud = await startEdgeloop({
      dir: folder.dir,
      ...at,
      parameters,
      log: entry => {
        if (entry.level === 'warn' || entry.level === 'error')
          process.stderr.write(`${entry.service}: ${entry.message}\n`)
      },
    })
    up = true
    writeFileSync(join(folder.dir, 'mqtt-ca.pem'), cloud.mqtt.caPem)
    process.stdout.write(`Local cloud up in ${Math.round(cloud.deploymentMs)} ms: ${cloud.endpoint}\n`)
    if (cloud.notRun.length > 0)
      process.stdout.write(`Declared, not run here: ${cloud.notRun.length} resources (alarms and the like)\n`)
    const trust = await localTrust(cloud, CEREMONY_SECONDS).catch(noTrust)
    const people = await makeLocalPeople(cloud)
    const env = join(folder.dir, 'env')
    const lines = await exports(cloud, trust)
    process.stdout.write(
      `${await directions(cloud, trust, { people, console: await deployLocalConsole(cloud) })}\nThe variables as a file: . ${env}\nDevices: npm run provision -- --help\nCtrl-C stops it.\n`,
    )
    // Last, for whoever waits for it: everything else is there by now.
    writeFileSync(env, lines, { mode: 0o600 })
    await new Promise<void>(stop => {
      process.once('SIGINT', stop)
      process.once('SIGTERM', stop)
    })
    process.stdout.write('Stopping …\n')
    await cloud.close()
    return 0
  } finally {
    if (up) folder.release()
    else folder.undo()
  }
})

/** The cloud is of use without one, not least for finding out why. */
function noTrust(error: unknown): undefined {
  process.stderr.write(
    `No trust root is out, so nothing can be signed: ${(error as Error).message}\nnpx edgeloop keys --help says how to hold a ceremony.\n`,
  )
}

function readParameter(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--parameter: "${text}" must be NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}
