import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { MQTT_MAX_PAYLOAD, uplinkKinds, uplinkLimits } from '../../src/contracts/mqtt.ts'
import type { Report } from './json-child.ts'
import { TEXTS, YAML_TEXTS } from './json-texts.ts'

/** Runs a program of this folder in a process of its own: what it must survive, the tests could not. */
function inChild<T>(heapMegabytes: number, file: string, ...args: string[]): T {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', `--max-old-space-size=${heapMegabytes}`, path, ...args],
    { encoding: 'utf8', maxBuffer: 64_000_000 },
  )
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout) as T
}

// The modules of all handlers take 47 MB of it. With the longest text, of 8 MB, 69 MB are live after a full collection and
// one more copy of it is to come: 80 MB. A heap of 64 MB or 70 MB passed only where V8 went beyond its limit.
describe('hostile JSON, with a heap of 96 MB', () => {
  const { outcomes, polluted, peak, kept } = inChild<Report>(96, 'json-child.ts', 'json')
  const made = TEXTS.map(({ what, make, code }) => ({ what, code, bytes: make().byteLength }))
  const of = (what: string, entry: string) => outcomes[what]?.[entry]
  /** What is refused for its length is not looked at any further. */
  const within = (bytes: number, most: number, code: string) => (bytes > most ? 'TOO_LARGE' : code)

  it('ends no process and changes no prototype', () => {
    expect(Object.keys(outcomes)).toHaveLength(TEXTS.length)
    expect(polluted).toBe(false)
    // Node and all handlers take 190 MB of it, the texts themselves, as bytes outside the heap and in it, the rest.
    expect(peak).toBeLessThan(450)
    // Code that was compiled meanwhile: 2 to 4 MB as measured. Where one handler kept what came to it, it was 32.
    expect(kept).toBeLessThan(6)
  })

  it.each(made)('$what: the guard says $code', ({ what, code, bytes }) => {
    expect(of(what, 'guard')).toBe(code ?? 'ok')
    expect(of(what, 'guard of one message')).toBe(within(bytes, MQTT_MAX_PAYLOAD, code ?? 'ok'))
  })

  it.each(made)('$what: refused by the handler of each message, and on record', ({ what, code, bytes }) => {
    for (const kind of uplinkKinds)
      expect(of(what, `uplink ${kind}`), kind).toBe(
        within(bytes, uplinkLimits[kind].maxBytes, code ?? 'SCHEMA'),
      )
  })

  it.each(made)('$what: refused by the device', ({ what, code, bytes }) => {
    const expected = bytes > MQTT_MAX_PAYLOAD ? 'Error' : (code ?? 'ZodError')
    expect(of(what, 'inbox answer')).toBe(expected)
    expect(of(what, 'inbox hint')).toBe(expected)
  })

  it.each(made)('$what: refused as labels, as a model and as model.yaml', ({ what, code }) => {
    const codes = of(what, 'labels')?.split(',') ?? []
    expect(codes.length).toBeGreaterThan(0)
    const expected = [code, 'TOO_LARGE', 'SCHEMA', 'NOT_JSON', 'EMPTY_FILE']
    for (const found of codes) expect(expected).toContain(found)
    expect(of(what, 'import')).toBe('MODEL_FORMAT')
    expect(['NOT_UTF8', 'NOT_YAML', 'SCHEMA', 'TOO_LARGE']).toContain(of(what, 'model.yaml'))
  })
})

describe('hostile YAML', () => {
  const { outcomes, polluted } = inChild<Report>(256, 'json-child.ts', 'yaml')

  it.each(YAML_TEXTS)('$what is refused', ({ what }) => {
    expect(polluted).toBe(false)
    expect(['NOT_YAML', 'SCHEMA']).toContain(outcomes[what]?.['model.yaml'])
  })
})

describe('a gzip bomb', () => {
  it('is stopped at 200 times its length', () => {
    const { outcome, bytes, before, after } = inChild<{
      outcome: string
      bytes: number
      before: number
      after: number
    }>(64, 'bomb-child.ts')
    expect(outcome).toContain(
      `ILLEGAL_STATE: the job's archive cannot be unpacked: ${bytes} bytes unpack to more`,
    )
    // It says 400 MB.
    expect(after - before).toBeLessThan(250)
  })
})
