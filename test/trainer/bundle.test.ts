import { mkdtempSync, rmSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeJob, startProgram } from './job-folder.ts'
import { makeRows, toCsv } from './rows.ts'

describe('the trainer as one bundled file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'trainer-bundle-'))
  const outfile = join(dir, 'trainer.cjs')
  const job = makeJob({ num_round: '2' }, { train: { 'a.csv': toCsv(makeRows(1, 50, 2)) } })
  let inputs: string[] = []
  let imports: string[] = []

  beforeAll(async () => {
    const { metafile } = await build({
      entryPoints: ['trainer/main.ts'],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile,
      metafile: true,
      logLevel: 'silent',
    })
    inputs = Object.keys(metafile.inputs)
    imports = Object.values(metafile.inputs).flatMap(input =>
      input.imports.filter(i => i.external).map(i => i.path),
    )
  })
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true })
    job.remove()
  })

  it('holds nothing from outside trainer/ and needs nothing but Node', () => {
    expect(inputs.length).toBeGreaterThan(20)
    expect(inputs.filter(path => !path.startsWith('trainer/'))).toEqual([])
    expect(imports.filter(path => !builtinModules.includes(path.replace('node:', '')))).toEqual([])
  })

  it('runs a job', async () => {
    expect(await startProgram(job.base, [outfile, 'train']).finished).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(job.text('model/metrics.json')).training.rounds).toBe(2)
  })
})
