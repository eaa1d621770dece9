/** Builds the operators' page to `console/dist`. Run by `npm run build`; by itself: `node scripts/console.ts`. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
export const CONSOLE_DIST = `${root}console/dist`

/** Names carry a hash of what is in them, so that all but index.html and config.json may be kept for ever. */
export async function buildConsole(outdir: string = CONSOLE_DIST): Promise<void> {
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  const { metafile } = await build({
    entryPoints: { app: `${root}console/main.tsx` },
    outdir,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome120', 'firefox121', 'safari17.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
  })
  const made = Object.keys(metafile.outputs).map(file => basename(file))
  const named = (extension: string): string => made.find(file => file.endsWith(extension)) ?? ''
  const page = readFileSync(`${root}console/index.html`, 'utf8')
    .replace('href="app.css"', `href="${named('.css')}"`)
    .replace('src="app.js"', `src="${named('.js')}"`)
  writeFileSync(join(outdir, 'index.html'), page)
  copyFileSync(`${root}console/favicon.svg`, join(outdir, 'favicon.svg'))
}

if (import.meta.main) await buildConsole()
