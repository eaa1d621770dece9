/** `npm start`: the whole loop on this machine, with an example. */
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FieldState } from '../device/field.ts'
import type { Example } from '../examples/example.ts'
import type { Cloud } from '../local/cloud.ts'
import { assertPortsFree } from './lib/free-ports.ts'
import { buildAndPackage, deployLocalConsole, directions, startEdgeloop } from './lib/local-cloud.ts'
import { localTrust } from './lib/local-trust.ts'
import { cloudFlags, outputFile, parse, ports, run, UsageError, whole } from './lib/options.ts'
import { makeLocalPeople } from './lib/people.ts'
import { openStateFolder, temporaryStateFolder } from './lib/state-folder.ts'
import { watchMemory } from './story/memory.ts'
import { allReported, makeReport } from './story/report.ts'
import { makeSteps, StepFailed } from './story/steps.ts'
import { tellStory } from './story/story.ts'
import { watch as watchBus } from './story/watch.ts'

/** The examples' own minDevices: with fewer nothing would be said about drift, and nothing retrained. */
const MIN_DEVICES = 10
/**
 * How long the field goes on once the loop has closed. It lives through a day of windows in a minute, and all that it
 * reports is kept, as AWS would keep it for weeks: some 15 MB a minute in the local cloud's memory.
 */
const ENCORE_MINUTES = 10
/** EnrolmentBurst of infra/enrolment.yml: what one claim lets in at once. A larger fleet would trickle in. */
const ENROLMENT_BURST = 120
/** The device without a runtime enrols by the same claim; the rest is room for attempts that are repeated. */
const SPARE_ENROLMENTS = 10
/** The devices switch before the cloud has heard of it, and the report tells what the cloud has heard. */
const REPORT_PATIENCE_SECONDS = 30

/** The seventh device has a dead sensor from the first window on. */
const FAULTY = 6

const HELP = `Usage: npm start -- [options]

  --example NAME  cold-chain (default) or shuttle
  --devices N     size of the fleet, at least 10 (default 50)
  --harmless      the field moves to where the model is as right as before: drift is noticed, and nothing is trained
  --once          end when the loop has closed; exit code 1 names the step that did not
  --report FILE   write the facts of the run as JSON
  --port N        HTTP endpoint of all AWS services (default 4566, 0: any free port)
  --mqtt-port N   MQTT over mTLS (default 8883, 0: any free port)
  --console-port N  the operators' page (default 4567, 0: any free port)
  --dir DIR       new or empty folder for the state of the local cloud, kept for npm run cloud -- --keep --dir DIR
                  (default: a temporary folder, deleted at the end)
`

await run(async () => {
  const { values } = parse({
    options: {
      ...cloudFlags,
      example: { type: 'string' },
      devices: { type: 'string' },
      harmless: { type: 'boolean' },
      once: { type: 'boolean' },
      report: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const devices = whole('devices', values.devices, 50, MIN_DEVICES, 2_000)
  const name = values.example ?? 'cold-chain'
  const example = await loadExample(name)
  if (values.harmless && example.harmless === undefined)
    throw new UsageError(`--harmless: ${name} has no shift that does no harm; cold-chain has one`)
  const harmless = values.harmless ? example.harmless : undefined
  const at = ports(values)
  const reportFile = values.report === undefined ? undefined : outputFile('report', values.report)
  await assertPortsFree(at)
  const folder =
    values.dir === undefined ? temporaryStateFolder() : openStateFolder(resolve(values.dir), { fresh: true })

  const memory = watchMemory()
  const steps = makeSteps(line => process.stdout.write(line), memory.nowMb)
  const stops: (() => Promise<void> | void)[] = []
  let stopping: Promise<void> | undefined
  let up = false
  const stopAll = (): Promise<void> => {
    stopping ??= (async () => {
      for (const stop of stops.reverse()) await stop()
      memory.stop()
      if (up) folder.release()
      else folder.undo()
    })()
    return stopping
  }
  const interrupted = new Promise<'interrupted'>(done => {
    const end = () => done('interrupted')
    process.once('SIGINT', end)
    process.once('SIGTERM', end)
  })

  const work = async (): Promise<number> => {
    await steps.run('build and package', 'start the local cloud', async () => {
      await buildAndPackage()
      return { what: 'handlers bundled, CloudFormation template packaged' }
    })
    const { cloud } = await steps.run('local cloud', 'hold the ceremony of the trust root', async () => {
      const burst = Math.max(ENROLMENT_BURST, devices + SPARE_ENROLMENTS)
      const parameters = { EnrolmentBurst: String(burst) }
      const started = await startEdgeloop({ dir: folder.dir, ...at, parameters, log: logFaults })
      up = true
      stops.push(() => started.close())
      return {
        cloud: started,
        what: `${Object.keys(started.resources).length} resources of the template at ${started.endpoint}`,
      }
    })
    return tell(cloud)
  }
  const tell = async (cloud: Cloud): Promise<number> => {
    const bus = watchBus(cloud)
    let failed: StepFailed | undefined
    let states: readonly FieldState[] = []
    let rest = (): void => {}
    try {
      const onStop = (stop: () => Promise<void> | void) => void stops.push(stop)
      const told = await tellStory({
        cloud,
        example,
        devices,
        steps,
        watch: bus,
        faulty: FAULTY,
        harmless,
        onStop,
      })
      states = told.field.states()
      rest = () => told.world.stop()
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error
      failed = error
    }
    const total = steps.facts.reduce((sum, s) => sum + s.ms, 0)
    const peakMb = memory.peakMb()
    if (reportFile !== undefined) {
      const closed = failed === undefined
      const facts = { example: name, model: example.model, steps: steps.facts, states, peakMb, closed }
      try {
        if (closed) await allReported(bus, states, REPORT_PATIENCE_SECONDS).catch(tellFault)
        const report = await makeReport({ cloud, watch: bus, ...facts })
        writeFileSync(reportFile, `${JSON.stringify(report, null, 2)}\n`)
      } catch (error) {
        // A loop that did not close has a reason that matters more than this one.
        if (closed) throw error
        tellFault(error)
      }
    }
    if (failed !== undefined) throw failed
    const outcome = harmless ? 'Nothing was trained, as was right,' : 'The loop closed'
    process.stdout.write(`${outcome} in ${(total / 1000).toFixed(1)} s; peak memory ${peakMb} MB.\n`)
    if (values.once) return 0
    writeFileSync(join(folder.dir, 'mqtt-ca.pem'), cloud.mqtt.caPem)
    bus.stop()
    const people = await makeLocalPeople(cloud)
    const console = await deployLocalConsole(cloud)
    process.stdout.write(
      `\n${await directions(cloud, await localTrust(cloud), { people, console })}\nThe field goes on for ${ENCORE_MINUTES} minutes; all else stays up. Ctrl-C stops everything.\n`,
    )
    const encore = setTimeout(rest, ENCORE_MINUTES * 60_000)
    stops.push(() => clearTimeout(encore))
    await interrupted
    return 0
  }

  try {
    const ended = await Promise.race([work(), interrupted])
    if (ended === 'interrupted') {
      process.stdout.write('\nStopping …\n')
      return 130
    }
    return ended
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    // The step's own line has told why.
    process.stderr.write(`The loop did not close: step “${error.step}” failed.\n`)
    return 1
  } finally {
    await stopAll()
  }
})

async function loadExample(name: string): Promise<Example> {
  const file = new URL(`../examples/${name}/example.ts`, import.meta.url)
  if (!/^[a-z0-9-]+$/.test(name) || !existsSync(file))
    throw new UsageError(`--example: there is no example "${name}"; try cold-chain or shuttle`)
  const { load } = (await import(file.href)) as { load: () => Example }
  return load()
}

function tellFault(error: unknown): void {
  process.stderr.write(`--report: ${(error as Error).message}\n`)
}

function logFaults(entry: { level: string; service: string; message: string }): void {
  if (entry.level === 'error' || (entry.level === 'warn' && process.env['DEBUG']))
    process.stderr.write(`  ! ${entry.service}: ${entry.message}\n`)
}
