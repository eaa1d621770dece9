/** Every example of docs/openapi.json, sent again to the cloud on one machine. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Names, namesOf, replaced, steps, take, urlOf } from '../../scripts/lib/api/requests.ts'
import { type ApiWorld, startApiWorld } from '../../scripts/lib/api/world.ts'
import { readRecordings } from '../../scripts/lib/openapi/examples.ts'
import { answerFault, documented, exampleRequest } from './documented.ts'

let world: ApiWorld
let names: Names
beforeAll(async () => {
  world = await startApiWorld()
  names = await namesOf(world)
})
afterAll(() => world?.close())

const recorded = readRecordings()

it('has a step for every operation of the document', () => {
  expect(steps.map(step => step.id).sort()).toEqual(documented.map(operation => operation.id).sort())
})

// In the order of the steps: a command finds the state that those before it left.
it.each(steps)('$id', async step => {
  const operation = documented.find(({ id }) => id === step.id)
  if (operation === undefined) throw new Error(`docs/openapi.json has no ${step.id}`)
  const now = new Map(
    Object.entries(recorded.names).map(([name, then]) => [then, names[name as keyof Names]]),
  )
  const request = replaced(exampleRequest(operation), now)
  const key = operation.method === 'GET' ? undefined : `example-${step.id}`
  const { status, headers, body } = await take(world, step, names, request, key)
  const answer = { status, headers: Object.fromEntries(headers), body: JSON.stringify(body) }
  expect(answerFault(operation, answer, 'closed')).toBeUndefined()
  expect(status).toBe(recorded.examples[step.id]?.status)
  expect(operation.responses[status]?.content['application/json']?.example).toBeDefined()
  if (key === undefined) return
  // What the first answer was is read with the rights of the packaged role.
  const { method, path } = operation
  const again = await world.send(step.by ?? 'operator', method, urlOf(path, request), request.body, key)
  expect({ status: again.status, body: again.body }).toEqual({ status, body })
  expect(again.headers.get('idempotency-replayed')).toBe('true')
})
