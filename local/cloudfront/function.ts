/** CloudFront Functions, JavaScript runtime 2.0, on viewer requests. */
import { createContext, runInContext } from 'node:vm'
import type { Json } from '../events/read.ts'
import { record, text } from '../events/read.ts'
import { only, refuse } from './config.ts'

export type ViewerFunction = (request: { readonly method: string; readonly uri: string }) => Promise<string>

/** Against endless loops. It is the wall's time, so a loaded machine spends much of it elsewhere. */
const LIMIT_MS = 2_000

/** Throws InvalidArgument when the code is none; what it returns may change the URI and nothing else. */
export function readFunction(properties: Json): ViewerFunction {
  only('AWS::CloudFront::Function', properties, 'Name AutoPublish FunctionConfig FunctionCode')
  if (record(properties['FunctionConfig'])['Runtime'] !== 'cloudfront-js-2.0')
    throw refuse('FunctionConfig.Runtime', 'only cloudfront-js-2.0 is run by the local cloud')
  const code = text(properties['FunctionCode']) ?? ''
  const sandbox = createContext({})
  try {
    runInContext(`${code}\nthis.run = handler`, sandbox, { timeout: LIMIT_MS })
  } catch (error) {
    throw refuse('FunctionCode', String(error))
  }
  return async ({ method, uri }) => {
    sandbox['event'] = JSON.stringify({
      version: '1.0',
      context: { eventType: 'viewer-request' },
      viewer: { ip: '127.0.0.1' },
      request: { method, uri, querystring: {}, headers: {}, cookies: {} },
    })
    const answer: unknown = await runInContext('run(JSON.parse(event))', sandbox, { timeout: LIMIT_MS })
    const changed = record(answer)['uri']
    if (typeof changed !== 'string' || record(answer)['statusCode'] !== undefined)
      throw new Error(
        'the function must return the request; answers of its own are not run by the local cloud',
      )
    return changed
  }
}
