/** Notes and progress, on a terminal and into a file; and how the process ends when somebody goes away. */
import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { interrupted, onInterrupt } from '../../scripts/cli/interrupt.ts'
import { makeScreen, progressLine, type ScreenOptions } from '../../scripts/cli/screen.ts'
import { textWidth } from '../../scripts/cli/text.ts'
import { run } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = `${root}scripts/edgeloop.ts`

function screenOf(options: Partial<ScreenOptions> = {}) {
  const written: string[] = []
  const clock = { now: 0 }
  const screen = makeScreen({
    ...{ write: text => written.push(text), columns: 60, quiet: false, bars: true, now: () => clock.now },
    ...options,
  })
  return { screen, written, clock }
}

describe('a line of progress', () => {
  it('has share, amount, rate and what is left', () => {
    const line = progressLine('readings.csv', 4_500_000, '', { total: 10_000_000, unit: 'bytes' }, 3_000)
    expect(line).toBe('readings.csv  █████████░░░░░░░░░░░  45 %  4.5 MB of 10 MB  1.5 MB/s  4 s left')
  })

  it('without a total has the time', () => {
    expect(progressLine('waiting', 0, 'pumps@1 is training', {}, 65_000)).toBe(
      'waiting  pumps@1 is training  1 min',
    )
  })

  it('is one line on a terminal, no wider than it, drawn at most ten times a second, and gone at the end', () => {
    const { screen, written, clock } = screenOf({ columns: 30 })
    const bar = screen.progress('a-file-with-a-long-name.csv', { total: 100 })
    for (let i = 0; i <= 100; i++) {
      clock.now = i * 10
      bar.at(i)
    }
    const drawn = written.length
    expect(drawn).toBeGreaterThan(5)
    expect(drawn).toBeLessThanOrEqual(11)
    for (const text of written) {
      expect(text.startsWith('\r\u001b[K')).toBe(true)
      expect(textWidth(text.slice(4))).toBeLessThan(30)
    }
    bar.end()
    expect(written.slice(drawn)).toEqual(['\r\u001b[K'])
  })

  it('makes way for a note and comes back', () => {
    const { screen, written } = screenOf()
    screen.progress('x', { total: 10 }).at(1)
    const [drawn] = written.splice(0)
    screen.note('a note')
    expect(written.join('')).toBe(`\r\u001b[Ka note\n${drawn}`)
  })

  it('without a terminal is a line every five seconds, and none for what is over sooner', () => {
    const { screen, written, clock } = screenOf({ columns: undefined })
    const bar = screen.progress('x', { total: 100 })
    for (let second = 0; second <= 12; second++) {
      clock.now = second * 1_000
      bar.at(second)
    }
    bar.end()
    expect(written).toHaveLength(2)
    for (const line of written) expect(line).toMatch(/^x .*%.*\n$/)
  })

  it.each([
    ['--json', { bars: false }, 1],
    ['--quiet', { quiet: true }, 0],
  ])('is not there with %s', (_, options, notes) => {
    const { screen, written } = screenOf(options)
    const bar = screen.progress('x', { total: 1 })
    bar.at(1)
    bar.end()
    screen.note('a note')
    expect(written).toHaveLength(notes)
    screen.prompt('what a person has to act on')
    expect(written).toHaveLength(notes + 1)
  })
})

describe('an interruption', () => {
  it('puts things right, the newest first, and none that is over; a failure keeps nothing from its turn', async () => {
    const order: string[] = []
    onInterrupt(() => order.push('first'))
    onInterrupt(() => {
      throw new Error('cannot')
    })
    const over = onInterrupt(() => order.push('over'))
    onInterrupt(async () => order.push('last'))
    over()
    await interrupted()
    expect(order).toEqual(['last', 'first'])
    await interrupted()
    expect(order).toHaveLength(2)
  })

  it('takes a drawn line off', async () => {
    const { screen, written } = screenOf()
    screen.progress('x', { total: 10 }).at(1)
    written.length = 0
    await interrupted()
    expect(written).toEqual(['\r\u001b[K'])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends with %i', async (signal, status) => {
    // It waits for an answer that never comes.
    const script = `
      import { onInterrupt } from '${root}scripts/cli/interrupt.ts'
      onInterrupt(() => process.stdout.write('tidied'))
      process.argv.push('--help')
      await import('${main}')
      process.stdout.write('ready')
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let out = ''
    const ended = new Promise(resolve => child.once('exit', resolve))
    await new Promise<void>(resolve =>
      child.stdout.on('data', data => {
        out += data
        if (String(out).includes('ready')) resolve()
      }),
    )
    child.kill(signal)
    expect(await ended).toBe(status)
    expect(out).toMatch(/readytidied$/)
  })
})

describe('a reader that goes away', () => {
  it('ends the command without a word', () => {
    const script = `"${process.execPath}" "${main}" completion bash | head -c 10; echo "$\{PIPESTATUS[0]}"`
    const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^# bash com(0|141)\n$/)
  })
})

describe('manners that hold for every command', () => {
  it.each([
    [['nonsense', '--json'], 'there is no command "nonsense".'],
    [['verfy', 'x', '--json'], 'there is no command "verfy x". Did you mean verify?'],
    [['keys', 'sing', '--json'], 'there is no command "keys sing". Did you mean keys sign?'],
    [
      ['completion', 'bsh', '--json'],
      'the shell must be one of bash, zsh, fish, not "bsh". Did you mean bash?',
    ],
    [['keys', 'show', '--ot', 'x', '--json'], "Unknown option '--ot'. Did you mean --out?"],
    [['lineage', 'x', '--format', 'jsn', '--json'], '--format must be one of json, openlineage, cyclonedx'],
  ])('%j: the error is a document', async (args, message) => {
    const { exit, err, json } = await run(args)
    expect([exit, err]).toEqual([2, ''])
    expect(json()).toEqual({ error: { code: 'USAGE', message: expect.stringContaining(message) } })
  })

  it('help COMMAND is COMMAND --help, with examples', async () => {
    const [asked, flagged] = [await run(['help', 'keys', 'sign']), await run(['keys', 'sign', '--help'])]
    expect(asked).toMatchObject({ exit: 0, out: flagged.out })
    expect(asked.out).toContain('Examples:\n  npx edgeloop keys sign --draft')
  })

  it('what comes behind -- is no option', async () => {
    const { exit, out, err } = await run(['keys', 'show', '--', '--json'])
    expect([exit, out]).toEqual([2, ''])
    expect(err).toContain('--json: there is no such file')
  })
})
