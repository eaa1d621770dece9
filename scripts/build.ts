/** Bundles each handler to one minified `dist/NAME.cjs`. Run by `npm run build`. */
import { globSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'esbuild'

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
}

if (import.meta.main) await buildHandlers()
