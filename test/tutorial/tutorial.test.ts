/** docs/tutorial.md as a newcomer follows it: every block, in order, with the programs that it names. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { blocksIn } from '../runbooks/blocks.ts'
import { openShell, type Shell } from '../runbooks/shell.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const node = `"${process.execPath}"`
/**
 * `npm ci` is what this test runs on, so here it only looks that it has been done. The cloud takes free ports and the
 * template that is packaged; it stays, as it does in a terminal of its own.
 */
const npm = `case "$*" in
  ci) test -d "${root}node_modules/aedes" ;;
  "run cloud")
    ${node} "${root}scripts/cloud.ts" --no-build --port 0 --mqtt-port 0 --console-port 0 --dir .edgeloop/cloud > cloud.log 2>&1 &
    echo $! > cloud.pid
    for _ in $(seq 600); do
      test -f .edgeloop/cloud/env && exit 0
      kill -0 $(cat cloud.pid) || break
      sleep 0.1
    done
    cat cloud.log >&2; exit 1 ;;
  "run provision "*) shift 3; exec ${node} "${root}scripts/provision.ts" "$@" ;;
  *) echo "npm $* is not part of the tutorial" >&2; exit 127 ;;
esac`

/** As the machine's, and keeps who the devices are: their ids are those of this shell, which becomes them. */
const nodeOfTheirs = `[ "$1" != device/main.ts ] || echo $$ >> "$HOME/devices.pid"
exec ${node} "$@"`

let shell: Shell
beforeAll(() => {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-tutorial-'))
  // Its reader stands in the project's folder.
  symlinkSync(`${root}device`, join(dir, 'device'))
  shell = openShell(dir, {}, { npm, node: nodeOfTheirs })
})
afterAll(async () => {
  await shell.run('for pid in $(cat cloud.pid devices.pid 2>/dev/null); do kill "$pid" || true; done')
  rmSync(shell.dir, { recursive: true, force: true, maxRetries: 5 })
})

const PRINTS: readonly RegExp[] = [
  /^$/,
  /API|api/,
  /pumps\/model\.yaml/,
  /pump-3/,
  /pumps/,
  /the whole chain holds/,
  /ROLL_BACK|COMMAND_ROLLOUT/,
  /pumps@1/,
]

it('every block does what the page says', { timeout: 300_000 }, async () => {
  const blocks = blocksIn(readFileSync(`${root}docs/tutorial.md`, 'utf8'), 'tutorial')
  expect(blocks).toHaveLength(PRINTS.length)
  for (const [i, block] of blocks.entries()) {
    const where = `docs/tutorial.md:${block.line}`
    const { status, out, err } = await shell.run(block.script)
    expect([where, status, status === 0 ? '' : `${out}\n${err}`]).toEqual([where, 0, ''])
    expect(out, where).toMatch(PRINTS[i]!)
  }
  // What the page promises to be there at its end.
  const back = await shell.run('npx edgeloop rollouts show pumps-v1 --json')
  expect(JSON.parse(back.out)).toMatchObject({ status: 'ROLLED_BACK' })
})
