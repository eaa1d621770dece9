import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { assertPortsFree } from '../../scripts/lib/free-ports.ts'
import { outputFile, ports, UsageError } from '../../scripts/lib/options.ts'

const dir = mkdtempSync(join(tmpdir(), 'edgeloop-options-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('ports', () => {
  it('have defaults, and 0 twice is two free ones', () => {
    expect(ports({})).toEqual({ port: 4566, mqttPort: 8883, consolePort: 4567 })
    expect(ports({ port: '0', 'mqtt-port': '0', 'console-port': '0' })).toEqual({
      ...{ port: 0, mqttPort: 0, consolePort: 0 },
    })
  })
  it.each([
    [{ port: '4566x' }, '--port must be a whole number from 0 to 65535, not "4566x"'],
    [{ port: '-1' }, '--port must be'],
    [{ 'mqtt-port': '70000' }, '--mqtt-port must be'],
    [{ 'console-port': 'x' }, '--console-port must be'],
    [{ port: '8883' }, '--port and --mqtt-port must differ, and both are 8883'],
    [{ 'console-port': '8883' }, '--mqtt-port and --console-port must differ, and both are 8883'],
  ])('%j is a wrong option', (values, message) => {
    expect(() => ports(values)).toThrow(UsageError)
    expect(() => ports(values)).toThrow(message)
  })
  it('in use are named with the option that changes them', async () => {
    const server = createServer()
    await new Promise<void>(up => server.listen(0, '127.0.0.1', up))
    const { port } = server.address() as { port: number }
    try {
      await expect(assertPortsFree({ port, mqttPort: 0, consolePort: 0 })).rejects.toThrow(
        `port ${port} is in use; choose another with --port`,
      )
      await expect(assertPortsFree({ port: 0, mqttPort: port, consolePort: 0 })).rejects.toThrow(
        'with --mqtt-port',
      )
      await expect(assertPortsFree({ port: 0, mqttPort: 0, consolePort: port })).rejects.toThrow(
        'with --console-port',
      )
    } finally {
      await new Promise(down => server.close(down))
    }
    await assertPortsFree({ port, mqttPort: 0, consolePort: 0 })
  })
})

describe('a file to write', () => {
  it('may be there or not, and is not touched', () => {
    const there = join(dir, 'there.json')
    writeFileSync(there, 'as it was')
    expect(outputFile('report', there)).toBe(there)
    expect(outputFile('report', join(dir, 'new.json'))).toBe(join(dir, 'new.json'))
    expect(readdirSync(dir)).toEqual(['there.json'])
  })
  it.each([
    ['a folder', '.', 'it is a folder'],
    ['in a folder that is missing', 'none/report.json', 'is no folder'],
    ['below a file', 'there.json/report.json', 'is no folder'],
  ])('%s is a wrong option', (_what, path, why) => {
    expect(() => outputFile('report', join(dir, path))).toThrow(UsageError)
    expect(() => outputFile('report', join(dir, path))).toThrow(why)
  })
})
