/** Sends requests made from docs/openapi.json and judges every answer. */
import type { ApiWorld } from '../../../scripts/lib/api/world.ts'
import { type Answer, documented } from '../documented.ts'
import { verdict } from './judge.ts'
import { type Sender, sender } from './send.ts'
import { type Shot, shots } from './shots.ts'
import { knownOf, quiet } from './world.ts'

/** Requests that are on their way at a time. */
const TOGETHER = 6

export interface Outcome {
  readonly sent: number
  /** Answers by operation and status. */
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Failures by kind, each with the number of requests and the first of them. */
  readonly failures: readonly string[]
  readonly seconds: number
}

/** Half of the requests are questions, which leave every row as it is; the others are commands. */
export async function fuzz(world: ApiWorld, count: number, seed: number): Promise<Outcome> {
  const begun = Date.now()
  const known = await knownOf(world)
  const questions = documented.filter(o => o.method === 'GET')
  const commands = documented.filter(o => o.method !== 'GET')
  const asked = shots(questions, known, Math.ceil(count / 2), seed)
  const given = shots(commands, known, Math.floor(count / 2), seed + 1_000)
  const http = await sender(world)
  const tally = makeTally()
  try {
    const before = await quiet(world)
    await each(asked, async shot => tally.judge(shot, await http.send(shot)))
    if ((await quiet(world)) !== before) tally.fail('questions', 'a question changed a row', '')
    await each(given, shot => give(http, shot, tally))
  } finally {
    http.close()
  }
  return { ...tally.outcome(), seconds: (Date.now() - begun) / 1_000 }
}

async function each(all: readonly Shot[], run: (shot: Shot) => Promise<void>): Promise<void> {
  const left = [...all].reverse()
  await Promise.all(
    Array.from({ length: TOGETHER }, async () => {
      for (let shot = left.pop(); shot !== undefined; shot = left.pop()) await run(shot)
    }),
  )
}

/** A command, and with a key what has to hold when it comes again. */
async function give(http: Sender, shot: Shot, tally: Tally): Promise<void> {
  const key = shot.headers['idempotency-key']
  // Keys that many requests share are there to be reused by chance.
  const own = key !== undefined && key.length === 36 && shot.token === 'good'
  if (!own || shot.again === 'once') return tally.judge(shot, await http.send(shot))
  const send = async (as: Shot): Promise<Answer> => {
    const answer = await http.send(as)
    tally.judge(as, answer)
    return answer
  }
  const together = shot.again === 'together'
  const firsts = await Promise.all(together ? [send(shot), send(shot)] : [send(shot)])
  const done = firsts.filter(answer => answer.status < 300)
  const [first] = done
  if (first === undefined) return
  if (done.some(answer => answer.body !== first.body))
    tally.fail(shot.operation.id, 'two at the same time were answered differently', show(shot))
  if (shot.again === 'other') {
    const answer = await send({ ...shot, body: '{"reason":"another"}' })
    if (answer.status !== 422 && shot.body !== '{"reason":"another"}')
      tally.fail(shot.operation.id, `a key with another body was answered ${answer.status}`, show(shot))
    return
  }
  const answer = await send(shot)
  const same = answer.status === first.status && answer.body === first.body
  if (!same || answer.headers['idempotency-replayed'] !== 'true')
    tally.fail(
      shot.operation.id,
      `the second time was answered ${answer.status}`,
      `${answer.body} ${show(shot)}`,
    )
}

type Tally = ReturnType<typeof makeTally>
function makeTally() {
  const counts: Record<string, Record<string, number>> = {}
  const failures = new Map<string, { first: string; times: number }>()
  let sent = 0
  const fail = (operation: string, fault: string, request: string): void => {
    const kind = `${operation}: ${fault.slice(0, 70)}`
    const known = failures.get(kind)
    if (known === undefined) failures.set(kind, { first: `${fault}\n    ${request}`, times: 1 })
    else known.times++
  }
  return {
    fail,
    judge(shot: Shot, answer: Answer): void {
      sent++
      const { id } = shot.operation
      const by = counts[id] ?? {}
      counts[id] = by
      by[answer.status] = (by[answer.status] ?? 0) + 1
      const fault = verdict(shot, answer)
      if (fault !== undefined) fail(id, fault, show(shot))
    },
    outcome: () => ({
      sent,
      counts,
      failures: [...failures].map(([kind, { first, times }]) => `${times} × ${kind}\n    ${first}`),
    }),
  }
}

const show = ({ operation, path, query, headers, body, token }: Shot): string =>
  JSON.stringify({
    ...{ request: `${operation.method} ${path.slice(0, 300)}`, query, headers, token },
    body: typeof body === 'string' ? body.slice(0, 600) : body && `${body.length} bytes`,
  })
