/** `--update`: makes the screenshots anew that test/console/screens.test.ts compares with. Without: compares. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const UPDATE_SCREENSHOTS = process.argv.includes('--update') ? '1' : '0'
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/console/screens.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, UPDATE_SCREENSHOTS } },
)
process.exitCode = status ?? 1
