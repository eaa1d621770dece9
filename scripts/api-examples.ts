/**
 * Sends the example of every operation of the operators' API to the cloud on one machine and writes what came back to
 * docs/api-examples.json, then docs/openapi.json with it. To be run when the contract or its examples change. Needs
 * the packaged template (`npm run package`) and takes about a minute.
 */
import { writeFileSync } from 'node:fs'
import { exampleOf, namesOf, steps, take } from './lib/api/requests.ts'
import { startApiWorld } from './lib/api/world.ts'
import { EXAMPLES_FILE, type Recorded, type Recordings } from './lib/openapi/examples.ts'
import { parse, run } from './lib/options.ts'
import { writeFiles } from './openapi.ts'

async function record(): Promise<Recordings> {
  const world = await startApiWorld()
  try {
    const names = await namesOf(world)
    const examples: Record<string, Recorded> = {}
    for (const step of steps) {
      const request = exampleOf(step.id, names)
      if (request === undefined) throw new Error(`${step.id} has no example in src/contracts/api`)
      const { status, body: answer } = await take(world, step, names, request)
      if (status >= 300) throw new Error(`${step.id} was answered ${status}: ${JSON.stringify(answer)}`)
      examples[step.id] = { request, status, answer }
    }
    return { names, examples }
  } finally {
    await world.close()
  }
}

await run(async () => {
  parse({ options: {} })
  writeFileSync(EXAMPLES_FILE, `${JSON.stringify(await record(), null, 1)}\n`)
  writeFiles()
  return 0
})
