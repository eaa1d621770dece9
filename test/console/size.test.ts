import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildConsole } from '../../scripts/console.ts'

const LIMIT = 60 * 1_024
const dir = mkdtempSync(join(tmpdir(), 'edgeloop-console-'))
beforeAll(() => buildConsole(dir))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const read = (name: string): Buffer => readFileSync(join(dir, name))

describe('the built console', () => {
  it('is at most 60 KB with gzip, all of it', () => {
    const sizes = readdirSync(dir).map(name => [name, gzipSync(read(name), { level: 9 }).length] as const)
    const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0)
    console.info(`console: ${total} bytes with gzip of ${LIMIT}: ${sizes.map(s => s.join(' ')).join(', ')}`)
    expect(total).toBeLessThanOrEqual(LIMIT)
  })
  it('has neither inline script nor inline style, and files that may be kept for ever', () => {
    const page = read('index.html').toString('utf8')
    expect(page).not.toMatch(/<style|style=|<script>|\son\w+=/)
    const named = [...page.matchAll(/(?:src|href)="(app-[A-Z0-9]{8}\.(?:js|css))"/g)].map(m => m[1])
    expect(named.toSorted()).toEqual(
      readdirSync(dir)
        .filter(name => name.startsWith('app-'))
        .toSorted(),
    )
  })
  it('brings no validator: types of the contract cost nothing', () => {
    const script = readdirSync(dir).find(name => name.endsWith('.js')) ?? ''
    expect(read(script).toString('utf8')).not.toMatch(/ZodError|_zod/)
  })
})
