/** The commands against the packaged template on the local cloud, by the variables that npm run cloud prints. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { operatorToken } from '../../scripts/lib/local-cloud.ts'
import { type Harness, startHarness } from '../inputs/support.ts'

export interface CommandCloud {
  readonly h: Harness
  /** A folder for files. */
  readonly dir: string
  /** Sets variables for the commands that follow; undefined takes one away. */
  set(variables: Readonly<Record<string, string | undefined>>): void
  /** The variables as they were printed. */
  reset(): Promise<void>
  close(): Promise<void>
}

export async function startCommandCloud(): Promise<CommandCloud> {
  const h = await startHarness()
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-commands-'))
  const before = { ...process.env }
  const set: CommandCloud['set'] = variables => {
    for (const [name, value] of Object.entries(variables))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
  const reset = async (): Promise<void> => {
    const { accessKeyId, secretAccessKey } = h.client.credentials
    set({
      ...{ AWS_ENDPOINT_URL: h.client.endpoint, AWS_REGION: h.client.region },
      ...{ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      ...{ AWS_SESSION_TOKEN: undefined, AWS_PROFILE: undefined, EDGELOOP_API: undefined },
      // Not where the person who runs the tests has signed in.
      XDG_STATE_HOME: dir,
      TOKEN: await operatorToken(h.cloud),
    })
  }
  await reset()
  return {
    h,
    dir,
    set,
    reset,
    async close() {
      for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
      Object.assign(process.env, before)
      rmSync(dir, { recursive: true, force: true })
      await h.close()
    },
  }
}
