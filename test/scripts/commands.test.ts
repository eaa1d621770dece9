/** What a mistyped command says, before anything was built, started or deleted. */
import { spawn } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStateFolder, type StateFolder } from '../../scripts/lib/state-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
let dir: string
let server: Server
let taken: number

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-commands-'))
  server = createServer()
  await new Promise<void>(up => server.listen(0, '127.0.0.1', up))
  taken = (server.address() as { port: number }).port
})
afterAll(() => {
  server.close()
  rmSync(dir, { recursive: true, force: true })
})

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}
function command(script: string, ...args: string[]): Promise<Ended> {
  const { AWS_ENDPOINT_URL: _none, ...env } = process.env
  const child = spawn(process.execPath, [`scripts/${script}.ts`, ...args], { cwd: root, env })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  return new Promise(done => child.once('close', code => done({ code, out, err })))
}
/** Refused with one line and nothing else. */
const usage = (line: string): Ended => ({ code: 2, out: '', err: `${line}\nSee --help.\n` })
const fault = (line: string): Ended => ({ code: 1, out: '', err: `${line}\n` })

describe.each(['start', 'cloud'])('npm run %s', script => {
  const free = ['--port', '0', '--mqtt-port', '0', '--console-port', '0']
  const run = (...args: string[]) => command(script, ...args)

  it('refuses a port that is none', async () => {
    expect(await run('--port', '4566x')).toEqual(
      usage('--port must be a whole number from 0 to 65535, not "4566x"'),
    )
  })

  it('refuses a port in use, once, with the folder as it was', async () => {
    const at = join(dir, `ports-${script}`)
    expect(
      await run('--dir', at, '--port', String(taken), '--mqtt-port', '0', '--console-port', '0'),
    ).toEqual(fault(`port ${taken} is in use; choose another with --port`))
    expect(
      await run('--dir', at, '--port', '0', '--mqtt-port', String(taken), '--console-port', '0'),
    ).toEqual(fault(`port ${taken} is in use; choose another with --mqtt-port`))
    expect(existsSync(at)).toBe(false)
  })

  it("refuses a folder that is someone else's", async () => {
    const at = join(dir, `foreign-${script}`)
    mkdirSync(at)
    writeFileSync(join(at, 'thesis.tex'), '')
    expect(await run('--dir', at, ...free)).toEqual(
      usage(`--dir: ${at} is not empty and not a local cloud's folder; name another`),
    )
    expect(readdirSync(at)).toEqual(['thesis.tex'])
  })

  it('refuses a folder in which a cloud runs, on whatever ports, with its data as they were', async () => {
    const at = join(dir, `running-${script}`)
    const running = earlierRun(at)
    expect(await run('--dir', at, ...free)).toEqual(
      fault(`${at} is in use by process ${process.pid}; stop it, or name another folder with --dir`),
    )
    running.release()
    expect(readFileSync(join(at, 'journal'), 'utf8')).toBe('precious')
  })
})

/** A folder with data in it, open still. */
function earlierRun(at: string): StateFolder {
  const folder = openStateFolder(at, { fresh: true })
  writeFileSync(join(at, 'journal'), 'precious')
  return folder
}

describe('a script', () => {
  const scripts = globSync('scripts/*.ts', { cwd: root })
  it.each(scripts)(
    '%s declares before it runs: what comes later does not exist yet when it is needed',
    file => {
      const [, after = ''] = readFileSync(join(root, file), 'utf8').split(/^await run\(/m)
      expect(after.match(/^(?:export )?(?:const|let|class) .*/gm)).toBeNull()
    },
  )
})

describe('npm start', () => {
  it('refuses the folder of an earlier run at once, and says what can be done', async () => {
    const at = join(dir, 'earlier')
    earlierRun(at).release()
    expect(
      await command('start', '--dir', at, '--port', '0', '--mqtt-port', '0', '--console-port', '0'),
    ).toEqual(
      usage(
        `--dir: ${at} holds an earlier run; name another folder, or delete it (npm run cloud -- --keep --dir opens it)`,
      ),
    )
    expect(readFileSync(join(at, 'journal'), 'utf8')).toBe('precious')
  })

  it('refuses a report that cannot be written', async () => {
    const into = join(dir, 'none', 'report.json')
    expect(await command('start', '--report', into)).toEqual(
      usage(`--report: ${into} cannot be written: ${join(dir, 'none')} is no folder`),
    )
  })
})

describe('npm run invoke', () => {
  it('refuses a function that does not exist, with the names of those that do', async () => {
    const { code, err } = await command('invoke', 'register-modle', 'README.md')
    expect(code).toBe(2)
    expect(err).toMatch(
      /^there is no function "register-modle"; there are .*, register-model, .*\nSee --help\.\n$/,
    )
  })

  it('refuses what is no event', async () => {
    const none = join(dir, 'none.json')
    expect((await command('invoke', 'ops-query', none)).err).toMatch(`${none} cannot be read: ENOENT`)
    const { code, err } = await command('invoke', 'ops-query', 'README.md')
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/^README\.md is not JSON: .*\nSee --help\.\n$/),
    })
    const [event = ''] = globSync('events/*-ops-query-models.json', { cwd: root })
    expect(await command('invoke', 'ops-query', event, '--object', 'README.md')).toEqual(
      usage(`--object: the event in ${event} is not about an S3 object`),
    )
  })
})
