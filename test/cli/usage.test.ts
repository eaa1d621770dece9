/** What people type wrongly, and what every command has in common. */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readOptions, shared } from '../../scripts/cli/command.ts'
import { commandOf, entries } from '../../scripts/cli/registry.ts'
import { UsageError } from '../../scripts/lib/options.ts'
import { allTold, commandLines } from './runbooks.ts'
import { run } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const COMMANDS = entries.map(({ name }) => name)

describe('help', () => {
  it.each([[['--help']], [['-h']], [['help']], [[]]])('%j lists all commands', async args => {
    const { exit, out, err } = await run(args)
    expect([exit, err]).toEqual([0, ''])
    for (const name of COMMANDS) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(out).toMatch(/Exit status: 0 fine; 1 [^;]*; 2 [^;]*; 3 [^;]*; 130 /)
    for (const name of Object.keys(shared)) expect(out).toContain(`--${name}`)
  })

  it.each([[['keys']], [['keys', '--help']], [['help', 'keys']]])(
    '%j lists those of the group',
    async args => {
      const { exit, out } = await run(args)
      expect(exit).toBe(0)
      const listed = [...out.matchAll(/^ {2}([a-z]+ [a-z-]+|[a-z-]+) {2,}/gm)].map(m => m[1])
      expect(listed.filter(name => !name?.startsWith('--'))).toEqual(
        COMMANDS.filter(name => name.startsWith('keys ')),
      )
    },
  )

  it.each(COMMANDS)('%s names each of its options, and no other', async name => {
    const { exit, out } = await run([...name.split(' '), '--help'])
    expect(exit).toBe(0)
    expect(out).toContain(`Usage: npx edgeloop ${name}`)
    const { options = {} } = (await commandOf(name.split(' '))?.load()) ?? {}
    const named = [...out.matchAll(/^ {2}--([a-z-]+)/gm)].map(m => m[1])
    expect(named.sort()).toEqual(Object.keys(options).sort())
  })
})

describe('wrong usage', () => {
  it.each([
    [['nonsense'], 'there is no command "nonsense"'],
    [['keys', 'nonsense'], 'there is no command "keys nonsense"'],
    [['verify'], 'name one package: a file, MODEL@VERSION-HARDWARE, or a SHA-256'],
    [['verify', 'a', 'b'], 'name one package'],
    [['verify', 'no such thing'], '"no such thing" is no file, no MODEL@VERSION-HARDWARE'],
    [['verify', 'package.json', '--trust', 'x'], '--bundle is needed with a package file'],
    [['verify', 'x', '--pin', 'XYZ'], '--pin must be 8 to 64 lower-case hex digits'],
    [['verify', 'x', '--beacon', 'b.json'], '--fleet is needed with --beacon'],
    [['verify', 'x', '--bundel', 'b.json'], "Unknown option '--bundel'"],
    [['keys', 'new-root'], '--names is needed'],
    [['keys', 'new-root', '--names', 'Alice'], '--names: "Alice" must be lower-case'],
    [['keys', 'new-root', '--names', 'a,,b'], '--names: "" must be lower-case'],
    [['keys', 'new-root', '--names', 'a,a'], '--names: a name is there twice'],
    [
      ['keys', 'new-root', '--names', 'a', '--passphrase-file', 'none'],
      '--passphrase-file: none: there is no such file',
    ],
    [['keys', 'new-root', 'a'], "Unexpected argument 'a'"],
    [['keys', 'root'], 'give either --first, or --from'],
    [['keys', 'root', '--first', '--from', 'c.json'], 'give either --first, or --from'],
    [['keys', 'root', '--first'], '--threshold is needed with --first'],
    [
      ['keys', 'root', '--first', '--threshold', '0'],
      '--threshold must be a whole number from 1 to 16, not "0"',
    ],
    [['keys', 'root', '--first', '--threshold', '1'], '--root-key: root: name at least one key'],
    [['keys', 'root', '--first', '--years', '21'], '--years must be a whole number from 1 to 20'],
    [['keys', 'root', '--from', 'none.json'], '--from: none.json: there is no such file'],
    [['keys', 'root', '--from', 'package.json'], '--from: package.json: '],
    [
      ['keys', 'root', '--first', '--out', '/nonexistent/x/draft.json'],
      '--out: /nonexistent/x/draft.json cannot be written',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--minimum-release', 'm'],
      '--minimum-release: "m" must be MODEL=VERSION',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--revoke-bundle', 'ab'],
      '--revoke-bundle: "ab" must be 64',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--drop', 'zz'],
      '--drop: "zz" must be the first 8 or more hex digits',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--drop', '0123456789'],
      '--drop: 0 keys of the last link begin with',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--root-key', 'package.json'],
      '--root-key: package.json: not a public key',
    ],
    [
      ['keys', 'root', '--first', '--threshold', '1', '--online', 'package.json'],
      '--online: package.json: v: ',
    ],
    [['keys', 'sign'], '--draft is needed'],
    [['keys', 'sign', '--draft', 'none.json', '--key', 'k.pem'], '--draft: none.json: there is no such file'],
    [['keys', 'sign', '--draft', 'package.json', '--key', 'k.pem'], '--draft: package.json: '],
    [['keys', 'publish', '--draft', 'd.json'], '--chain is needed'],
    [['keys', 'publish', '--chain', 'nothing-there.json'], '--draft is needed'],
    [['keys', 'show'], 'name one file with a chain'],
    [['keys', 'show', 'none.json'], 'none.json: there is no such file'],
    [['keys', 'status', '--chain', 'none.json'], '--chain: none.json: there is no such file'],
    [['keys', 'fetch', '--out', '/'], '--out: / cannot be written: it is a folder'],
  ])('%j', async (args, message) => {
    const { exit, out, err } = await run(args)
    expect([exit, out]).toEqual([2, ''])
    expect(err).toContain(message)
    expect(err).toMatch(/See npx edgeloop|Usage: npx edgeloop/)
  })

  it('with --json is one document, on stdout', async () => {
    const { exit, json, err } = await run(['keys', 'new-root', '--json'])
    expect([exit, err]).toEqual([2, ''])
    expect(json()).toEqual({ error: { code: 'USAGE', message: '--names is needed' } })
  })
})

describe('bin/edgeloop.js', () => {
  it('is what npx runs, and hands arguments and exit status on', () => {
    const { bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { bin: Record<string, string> }
    const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
      packages: Record<string, { bin?: unknown }>
    }
    expect(bin).toEqual({ edgeloop: 'bin/edgeloop.js' })
    expect(lock.packages['']?.bin).toEqual(bin)
    const script = `${root}${bin['edgeloop']}`
    accessSync(script, constants.X_OK)
    expect(readFileSync(script, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    const start = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
    const help = start('--help')
    expect([help.status, help.stderr]).toEqual([0, ''])
    expect(help.stdout).toContain('keys publish')
    const wrong = start('keys', 'show', 'none.json', '--json')
    expect(wrong.status).toBe(2)
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'USAGE' } })
  })
})

describe('the documents', () => {
  const problemOf = async (args: readonly string[]): Promise<string | undefined> => {
    const entry = commandOf(args)
    if (entry === undefined) return `there is no command ${args.slice(0, 2).join(' ')}`
    try {
      readOptions(await entry.load(), args.slice(entry.name.split(' ').length))
      return undefined
    } catch (error) {
      if (error instanceof UsageError) return error.message
      throw error
    }
  }

  it('tell people to type what the command takes', async () => {
    const told = allTold().flatMap(({ file, lines }) => lines.map(args => ({ file, args })))
    expect(told.length).toBeGreaterThan(40)
    for (const { file, args } of told)
      expect([file, args.join(' '), await problemOf(args)]).toEqual([file, args.join(' '), undefined])
  })

  it('would be caught with an option that is none', async () => {
    const [line = []] = commandLines(
      'text\n```sh\nFOO=1 npx edgeloop keys sign --draft a.json \\\n  --keys "b c.pem" # x\n```\n',
    )
    expect(line).toEqual(['keys', 'sign', '--draft', 'a.json', '--keys', 'b c.pem'])
    expect(await problemOf(line)).toContain("Unknown option '--keys'")
    expect(await problemOf(['keys', 'sing'])).toContain('there is no command keys sing')
  })
})
