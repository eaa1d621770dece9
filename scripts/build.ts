/** Bundles each handler to one minified `dist/NAME.cjs` and packs it as `dist/NAME.zip`. Run by `npm run build`. */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { zipSync } from 'fflate'
import { buildConsole } from './console.ts'

/** Equal code gives equal archives, and so no deployment. The earliest time that a zip can hold. */
const ZIP_TIME = new Date(1980, 0, 1)

export async function buildHandlers(outdir = 'dist'): Promise<void> {
  rmSync(outdir, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: globSync('src/handlers/*.ts'),
    outdir,
    // .cjs: osls cannot find .mjs when it invokes locally, and Lambda refuses ESM in .js without a package.json.
    outExtension: { '.js': '.cjs' },
    bundle: true,
    minify: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // The SDK's ES build tree-shakes: a third of the size of its CommonJS build.
    mainFields: ['module', 'main'],
    alias: { '@aws-sdk/credential-provider-node': './src/runtime/credentials.ts' },
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  })
  writeFileSync(`${outdir}/meta.json`, JSON.stringify(metafile))
  // Packed here: osls would search the whole tree once per function.
  for (const file of globSync(`${outdir}/*.cjs`)) {
    const name = basename(file)
    const archive = zipSync({ [`dist/${name}`]: [readFileSync(file), { mtime: ZIP_TIME }] })
    writeFileSync(file.replace(/\.cjs$/, '.zip'), archive)
  }
}

if (import.meta.main) await Promise.all([buildHandlers(), buildConsole()])
