/** Completions, in a real bash, and of the others the syntax where the shell is there. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { completedCommands } from '../../scripts/cli/completion/specs.ts'
import { entries } from '../../scripts/cli/registry.ts'
import { must } from './support.ts'

let dir: string
const scripts: Record<string, string> = {}
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-completion-'))
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { script } = await must('completion', shell)
    scripts[shell] = String(script)
    writeFileSync(join(dir, `edgeloop.${shell}`), String(script))
  }
  writeFileSync(join(dir, 'draft.json'), '{}')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** What bash would offer for these words, the last of which is being typed. */
function offered(...words: readonly string[]): string[] {
  const quoted = words.map(w => `'${w}'`).join(' ')
  const line = `source ./edgeloop.bash; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _edgeloop; printf '%s\\n' "$\{COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', line], { cwd: dir, encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter(word => word !== '')
}

describe('in bash', () => {
  it('offers every command, and those that begin so', () => {
    const firsts = new Set([...entries.map(({ name }) => name.split(' ')[0]), 'help'])
    expect(new Set(offered('edgeloop', ''))).toEqual(firsts)
    expect(offered('edgeloop', 'va')).toEqual(['validate'])
    expect(offered('edgeloop', 'help', 'va')).toEqual(['validate'])
  })

  it('offers what a group has', () => {
    const keys = entries.filter(({ name }) => name.startsWith('keys ')).map(({ name }) => name.slice(5))
    expect(offered('edgeloop', 'keys', '')).toEqual(keys)
    expect(offered('edgeloop', 'keys', 'si')).toEqual(['sign'])
  })

  it('offers the options of each command, and no others', async () => {
    for (const { name, options } of await completedCommands()) {
      const wanted = options.flatMap(o => [`--${o.name}`, ...(o.short === undefined ? [] : [`-${o.short}`])])
      expect([name, new Set(offered('edgeloop', ...name.split(' '), '-'))]).toEqual([name, new Set(wanted)])
    }
  })

  it('offers values: choices, files, folders, and nothing where anything may stand', () => {
    expect(offered('edgeloop', 'lineage', 'x', '--format', '')).toEqual(['json', 'openlineage', 'cyclonedx'])
    expect(offered('edgeloop', 'lineage', 'x', '--format', '=', 'op')).toEqual(['openlineage'])
    expect(offered('edgeloop', 'keys', 'sign', '--draft', 'dra')).toEqual(['draft.json'])
    expect(offered('edgeloop', 'drop', 'dataset', 'x', '--model', '')).toEqual([])
  })

  it('offers arguments by their place, options and their values left out', () => {
    const kinds = ['model', 'dataset', 'import', 'labels', 'devices']
    expect(offered('edgeloop', 'drop', '')).toEqual(kinds)
    expect(offered('edgeloop', 'drop', '--model', 'm', '--wait', '')).toEqual(kinds)
    expect(offered('edgeloop', 'drop', 'dataset', 'd')).toEqual([])
    expect(offered('edgeloop', 'completion', 'f')).toEqual(['fish'])
  })

  it('works behind npx, and leaves its other programs alone', () => {
    expect(offered('npx', 'edg')).toEqual(['edgeloop'])
    expect(offered('npx', 'edgeloop', 'va')).toEqual(['validate'])
    expect(offered('npx', 'tsc', '--no')).toEqual([])
  })
})

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

describe('in zsh and fish', () => {
  it('the shell, where it is there, finds no fault; and every quote is closed', () => {
    for (const shell of ['zsh', 'fish']) {
      if (has(shell)) {
        const { status, stderr } = spawnSync(shell, ['-n', join(dir, `edgeloop.${shell}`)], {
          encoding: 'utf8',
        })
        expect([shell, status, stderr]).toEqual([shell, 0, ''])
      }
      // Quoted quotes of both dialects taken out, what is left comes in pairs, line by line.
      for (const line of scripts[shell]?.split('\n') ?? []) {
        const quotes = line.replaceAll(`'\\''`, '').replaceAll(`\\'`, '').match(/'/g) ?? []
        expect([shell, line, quotes.length % 2]).toEqual([shell, line, 0])
      }
    }
  })

  it('know every command, option and choice', async () => {
    const { zsh = '', fish = '' } = scripts
    for (const { name, summary, options } of await completedCommands()) {
      const words = name.split(' ')
      const body = zsh.slice(zsh.indexOf(`_edgeloop_${words.join('_').replaceAll('-', '_')}() {`))
      const own = body.slice(0, body.indexOf('\n}'))
      expect(zsh).toContain(`'${words.at(-1)}:${summary.replaceAll(':', '\\:').replaceAll("'", `'\\''`)}`)
      expect(fish).toContain(`-a '${words.at(-1)}' -d '${summary.replaceAll("'", `\\'`)}'`)
      for (const { name: option, choices } of options) {
        expect([name, own]).toEqual([name, expect.stringContaining(`--${option}[`)])
        const line = fish
          .split('\n')
          .find(l => l.includes(`__edgeloop_is \\'${name}\\'`) && l.includes(` -l ${option} `))
        expect([name, option, line]).toEqual([name, option, expect.any(String)])
        if (choices === undefined) continue
        expect(own).toContain(`:(${choices.join(' ')})`)
        expect(line).toContain(`-a '${choices.join(' ')}'`)
      }
    }
  })
})
