import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { TrainingInputError } from '../errors.ts'
import type { Dataset } from '../gbdt/types.ts'
import type { Hyperparameters } from '../hyperparameters.ts'
import { checkAgainst, isHeader, type Layout, layoutOf } from './columns.ts'
import type { ChannelConfig } from './config.ts'
import { readCsv } from './csv.ts'
import { createLabelReader } from './labels.ts'
import { createRowSink } from './rows.ts'

/** The rows of a channel and how its files are laid out. */
export interface Channel {
  readonly data: Dataset
  readonly layout: Layout
  readonly files: number
}

/**
 * Reads all CSV files of a channel, concatenated in name order, plain or gzip.
 * @param layout what an earlier channel fixed; every file must agree with it
 * @throws TrainingInputError naming file, line and column
 */
export function readChannel(
  dataDir: string,
  config: ChannelConfig,
  hp: Hyperparameters,
  layout: Layout | undefined,
): Channel {
  const files = listFiles(join(dataDir, config.name))
  if (files.length === 0)
    throw new TrainingInputError(`channel ${config.name} has no files in input/data/${config.name}`)
  const readLabel = createLabelReader(hp)
  let fixed = layout
  let sink: ReturnType<typeof createRowSink> | undefined
  for (const file of files) {
    const where = relative(dataDir, file)
    let first = true
    readCsv(readBytes(file, where), where, (cells, line) => {
      if (first) {
        first = false
        const header =
          config.header === 'detect' ? isHeader(cells, where, line, hp) : config.header === 'present'
        if (fixed === undefined) fixed = layoutOf(cells, header, hp, where, line)
        else checkAgainst(fixed, cells, header, where, line)
        sink ??= createRowSink(fixed, readLabel)
        if (header) return
      }
      sink!.add(cells, where, line)
    })
  }
  const data = sink?.finish()
  if (data === undefined || fixed === undefined || data.rows === 0)
    throw new TrainingInputError(`channel ${config.name} has no rows`)
  if (data.weights?.every(w => w === 0))
    throw new TrainingInputError(`channel ${config.name}: all weights are 0`)
  return { data, layout: fixed, files: files.length }
}

/** Regular files below `dir` by path; names starting with `.` or `_` (like Spark's _SUCCESS) are left out. */
function listFiles(dir: string): string[] {
  let names: string[]
  try {
    names = readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names
    .filter(name => !/^[._]/.test(name))
    .sort()
    .flatMap(name => {
      const path = join(dir, name)
      return statSync(path).isDirectory() ? listFiles(path) : [path]
    })
}

function readBytes(file: string, where: string): Uint8Array {
  let bytes = readWhole(file, where)
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = gunzipSync(bytes)
    } catch (error) {
      throw new TrainingInputError(`${where}: cannot be unpacked as gzip: ${(error as Error).message}`)
    }
  }
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
  return hasMark ? bytes.subarray(3) : bytes
}

function readWhole(file: string, where: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_FS_FILE_TOO_LARGE') throw error
    throw new TrainingInputError(`${where}: larger than 2 GiB; split it into several files`)
  }
}
