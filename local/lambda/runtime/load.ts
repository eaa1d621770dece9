/** Finds and loads a handler as Lambda's Node.js runtime does, and keeps the function inside its archive. */
import { existsSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { basename, dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type FunctionFault, faultOf } from './protocol.ts'

export type Handler = (event: unknown, context: unknown) => unknown

/** Packages that the managed Node.js runtimes carry. */
const inRuntime = /^@(aws-sdk|smithy|aws-crypto)\//

/** Node looks for packages in every folder above; in Lambda there is nothing above the archive. */
export function confineModules(taskRoot: string): void {
  const inside = (url: string | undefined): boolean =>
    url?.startsWith('file:') === true && fileURLToPath(url).startsWith(taskRoot + sep)
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const found = nextResolve(specifier, context)
      const leaves = inside(context.parentURL) && found.url.startsWith('file:') && !inside(found.url)
      if (!leaves || inRuntime.test(specifier)) return found
      throw Object.assign(new Error(`Cannot find module '${specifier}'`), { code: 'MODULE_NOT_FOUND' })
    },
  })
}

/** Resolves to the handler, or to the fault that Lambda reports for an archive in which it cannot be found. */
export async function loadHandler(taskRoot: string, handler: string): Promise<Handler | FunctionFault> {
  const name = basename(handler)
  const dot = name.indexOf('.')
  if (dot <= 0 || dot === name.length - 1 || handler.includes('..'))
    return fault('Runtime.MalformedHandlerName', 'Bad handler')
  const file = join(taskRoot, dirname(handler), name.slice(0, dot))
  const path = ['.js', '.mjs', '.cjs'].map(extension => file + extension).find(each => existsSync(each))
  if (path === undefined)
    return fault('Runtime.ImportModuleError', `Error: Cannot find module '${name.slice(0, dot)}'`)
  let loaded: unknown
  try {
    loaded = path.endsWith('.cjs') ? createRequire(path)(path) : await import(pathToFileURL(path).href)
  } catch (error) {
    return loadFault(error)
  }
  const found = name
    .slice(dot + 1)
    .split('.')
    .reduce<unknown>((holder, key) => (holder as Record<string, unknown> | undefined)?.[key], loaded)
  if (typeof found !== 'function')
    return fault(
      'Runtime.HandlerNotFound',
      `${handler} is ${found === undefined ? 'undefined or not exported' : 'not a function'}`,
    )
  if (found.length >= 3)
    return fault(
      'Runtime.CallbackHandlerDeprecated',
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature.',
    )
  return found as Handler
}

function loadFault(error: unknown): FunctionFault {
  if (error instanceof SyntaxError) return faultOf(error, 'Runtime.UserCodeSyntaxError')
  const code = (error as { code?: unknown } | undefined)?.code
  const missing = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
  return missing ? faultOf(error, 'Runtime.ImportModuleError') : faultOf(error)
}

const fault = (errorType: string, errorMessage: string): FunctionFault => ({
  errorType,
  errorMessage,
  trace: [],
})
