import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CompileError, compile, type Layout, MAX_MODEL_BYTES, ModelFormatError } from './index.ts'

const USAGE =
  'usage: node compiler/cli.ts --input model.json --output dir --target name [--layout nested|branchless|table] [--iterations best|all|n]'

const readArgs = (args: string[]) => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: { input: text, output: text, target: text, layout: text, iterations: text },
  })
  const { input, output, target, layout, iterations } = values
  if (input === undefined || output === undefined || target === undefined) throw new CompileError(USAGE)
  return { input, output, target, layout, iterations }
}

const main = async (): Promise<void> => {
  const { input, output, target, layout, iterations } = readArgs(process.argv.slice(2))
  const { size } = await stat(input)
  if (size > MAX_MODEL_BYTES)
    throw new CompileError(`${input} is ${size} bytes long; the limit is ${MAX_MODEL_BYTES}`)
  const { artefact, report } = compile(await readFile(input), {
    target,
    ...(layout === undefined ? {} : { layout: layout as Layout }),
    ...(iterations === undefined
      ? {}
      : { iterations: iterations === 'best' || iterations === 'all' ? iterations : Number(iterations) }),
  })
  await mkdir(output, { recursive: true })
  await writeFile(join(output, 'compiled.wasm'), artefact)
  await writeFile(join(output, 'report.json'), `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(`${report.layout}, ${report.bytes} bytes, parity on ${report.parity.rows} rows\n`)
}

try {
  await main()
} catch (error) {
  const known = error instanceof ModelFormatError || error instanceof CompileError
  const message = error instanceof Error ? `${known ? '' : `${error.name}: `}${error.message}` : String(error)
  process.stderr.write(`compile: ${message.replaceAll(/\s*\n\s*/g, ' ')}\n`)
  process.exitCode = 1
}
