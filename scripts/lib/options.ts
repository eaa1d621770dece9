import { accessSync, constants, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'

export class UsageError extends Error {}

const DEFAULT_PORT = 4566
const DEFAULT_MQTT_PORT = 8883
const DEFAULT_CONSOLE_PORT = 4567

/** A whole number in a range, or a message that names the option. */
export function whole(
  name: string,
  text: string | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return fallback
  const value = Number(text)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, not "${text}"`)
  }
  return value
}

export function parse<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export const cloudFlags = {
  port: { type: 'string' },
  'mqtt-port': { type: 'string' },
  'console-port': { type: 'string' },
  dir: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface PortValues {
  readonly port?: string | undefined
  readonly 'mqtt-port'?: string | undefined
  readonly 'console-port'?: string | undefined
}
/** Throws UsageError for what is no port, and for one port twice. */
export function ports(values: PortValues) {
  const port = whole('port', values.port, DEFAULT_PORT, 0, 65_535)
  const mqttPort = whole('mqtt-port', values['mqtt-port'], DEFAULT_MQTT_PORT, 0, 65_535)
  const consolePort = whole('console-port', values['console-port'], DEFAULT_CONSOLE_PORT, 0, 65_535)
  const named = [
    ['--port', port],
    ['--mqtt-port', mqttPort],
    ['--console-port', consolePort],
  ] as const
  for (const [at, [first, one]] of named.entries())
    for (const [second, other] of named.slice(at + 1))
      if (one !== 0 && one === other)
        throw new UsageError(`${first} and ${second} must differ, and both are ${one}`)
  return { port, mqttPort, consolePort }
}

/** Path of a file that can be written, there or not yet. Throws UsageError before any work was done for it. */
export function outputFile(name: string, path: string): string {
  const file = resolve(path)
  const fault = writeFault(file)
  if (fault !== undefined) throw new UsageError(`--${name}: ${file} cannot be written: ${fault}`)
  return file
}

function writeFault(file: string): string | undefined {
  try {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isDirectory()) return 'it is a folder'
    const folder = statSync(dirname(file), { throwIfNoEntry: false })
    if (!folder?.isDirectory()) return `${dirname(file)} is no folder`
    accessSync(found ? file : dirname(file), constants.W_OK)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** Runs a program; a wrong option or a known fault ends with its message and code, not with a stack. */
export async function run(main: () => Promise<number | undefined>): Promise<void> {
  try {
    const code = await main()
    if (code !== undefined) process.exit(code)
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nSee --help.\n`)
      process.exit(2)
    }
    process.stderr.write(`${(error as Error).message}\n`)
    if (process.env['DEBUG']) process.stderr.write(`${(error as Error).stack}\n`)
    process.exit(1)
  }
}
