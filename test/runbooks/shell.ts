/** Runs blocks one after the other as one person would in one terminal: variables and files stay. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ran {
  readonly status: number
  readonly out: string
  readonly err: string
}
export interface Shell {
  readonly dir: string
  run(script: string): Promise<Ran>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const LIMIT_MS = 90_000

/**
 * A folder with `npx edgeloop`, `aws` and what else is given in `commands` (name → shell script) before everything on the
 * path. Programs that nothing stands for are those of the machine: bash, jq, curl, printf, sha256sum.
 */
export function openShell(
  dir: string,
  env: Readonly<Record<string, string>>,
  commands: Readonly<Record<string, string>> = {},
): Shell {
  const bin = join(dir, '.bin')
  mkdirSync(bin, { recursive: true })
  const node = `"${process.execPath}"`
  const all = {
    // What a person is asked and answers with yes.
    npx: `[ "$1" = edgeloop ] || { echo "npx $1 is not part of a runbook" >&2; exit 127; }\nshift\ncase "$1 $2" in "keys sign" | erase\\ *) set -- "$@" --yes ;; esac\nexec ${node} "${root}bin/edgeloop.js" "$@"`,
    aws: `exec ${node} "${root}test/runbooks/aws.ts" "$@"`,
    node: `exec ${node} "$@"`,
    npm: `[ "$1 $2" = "run provision" ] || { echo "npm $* is not part of this runbook" >&2; exit 127; }\nshift 3\nexec ${node} "${root}scripts/provision.ts" "$@"`,
    ...commands,
  }
  for (const [name, script] of Object.entries(all)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  // Who follows a runbook stands in the project's folder.
  symlinkSync(`${root}scripts`, join(dir, 'scripts'))
  const variables = join(dir, '.variables')
  writeFileSync(variables, '')
  return {
    dir,
    run(script) {
      // Every assignment is exported, so that the next block finds it.
      const wrapped = `set -euo pipefail; set -a; . "${variables}"; trap 'export -p > "${variables}"' EXIT\n${script}`
      const child = spawn('bash', ['-c', wrapped], {
        cwd: dir,
        env: { ...env, PATH: `${bin}:${process.env['PATH']}`, HOME: dir, NO_COLOR: '1' },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
      })
      let [out, err] = ['', '']
      child.stdout.on('data', (data: Buffer) => {
        out += data
      })
      child.stderr.on('data', (data: Buffer) => {
        err += data
      })
      return new Promise((resolve, reject) => {
        child.on('error', reject)
        child.on('close', status => resolve({ status: status ?? 124, out, err }))
      })
    },
  }
}
