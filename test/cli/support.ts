/** The command in this process, with what it prints. */
import { edgeloop } from '../../scripts/cli/main.ts'

export interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
  /** What --json printed. */
  json(): Record<string, unknown>
}

/** Every command line that was run, in this file of tests. */
export const history: (readonly string[])[] = []

/** @param answers what a person types, one after the other; without it nobody is there */
export async function run(
  args: readonly string[],
  answers?: readonly string[],
  now: () => number = () => Date.now(),
): Promise<Ran> {
  history.push(args)
  let [out, err] = ['', '']
  const left = [...(answers ?? [])]
  const exit = await edgeloop(args, {
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
    ask: async () => left.shift() ?? '',
    interactive: answers !== undefined,
    colour: { out: false, err: false },
    columns: {},
    now,
  })
  return { exit, out, err, json: () => JSON.parse(out) as Record<string, unknown> }
}

/** Runs a command that has to succeed. */
export async function must(...args: readonly string[]): Promise<Record<string, unknown>> {
  const ran = await run([...args, '--json'])
  if (ran.exit !== 0) throw new Error(`edgeloop ${args.join(' ')}: exit ${ran.exit}: ${ran.out}${ran.err}`)
  return ran.json()
}
