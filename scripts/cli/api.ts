/** The operators' API as a command asks it: `--api` or AWS_ENDPOINT_URL, and a token in the variable TOKEN. */
import { UsageError } from '../lib/options.ts'
import { CloudError, type Options } from './command.ts'

export const apiOptions = { api: { type: 'string' } } as const
export const API_HELP = `  --api URL       the operators' API (default AWS_ENDPOINT_URL, which is the local cloud's)

The token comes from the variable TOKEN and needs the scope fleet:read; npm run cloud prints one.
`
/** An answer is a few hundred kilobytes at most; API Gateway ends at 10 MB. */
const MAX_BYTES = 10 * 1024 * 1024
const TIMEOUT_MS = 30_000

/** @throws UsageError for what the API refuses or does not have, CloudError for everything else that is no answer */
export async function askApi(options: Options, path: string): Promise<unknown> {
  const api = options.string('api') ?? process.env['AWS_ENDPOINT_URL']
  const token = process.env['TOKEN']
  if (api === undefined) throw new UsageError('--api, or AWS_ENDPOINT_URL, is needed')
  if (!URL.canParse(path, api)) throw new UsageError(`--api: "${api}" is no URL`)
  if (token === undefined || token === '') throw new UsageError('the variable TOKEN is needed')
  const { status, body } = await get(new URL(path, api), token)
  if (status === 200) return body
  const message = (body as { message?: unknown } | null)?.message
  const said = typeof message === 'string' ? message : `status ${status}`
  if (status === 400 || status === 404 || status === 410) throw new UsageError(said)
  if (status === 401 || status === 403)
    throw new CloudError(`the API does not let this token in (${said}); it needs the scope fleet:read`)
  throw new CloudError(`the API answered with ${status}: ${said}`)
}

async function get(url: URL, token: string): Promise<{ status: number; body: unknown }> {
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    text = await answer.text()
  } catch (error) {
    const { message, cause } = error as Error
    throw new CloudError(`the API could not be reached (${(cause as Error | undefined)?.message ?? message})`)
  }
  if (text.length > MAX_BYTES) throw new CloudError('the API answered with more than 10 MB')
  try {
    return { status: answer.status, body: JSON.parse(text) }
  } catch {
    throw new CloudError(`the API answered with ${answer.status} and no JSON; is --api the API's address?`)
  }
}
