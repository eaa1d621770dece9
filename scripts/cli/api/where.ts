/** What a stack says of where its API is and where people sign in: by its page's config.json, or its outputs. */
import * as z from 'zod'
import { UsageError } from '../../lib/options.ts'
import { CallRefused } from '../../lib/signed-call.ts'
import { s3Client } from '../../lib/stack.ts'
import { stackOutputs } from '../../lib/stack-outputs.ts'
import { CloudError } from '../command.ts'
import { reach } from '../stack.ts'

export interface Where {
  readonly api: string
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly clientId: string
  readonly scopes: readonly string[]
}
const config = z.object({
  apiUrl: z.string(),
  authorizeUrl: z.string(),
  tokenUrl: z.string(),
  cliClientId: z.string().optional(),
  scopes: z.array(z.string()),
})
/** With Cognito a person's groups bring the rest. */
const SCOPES = ['openid', 'profile']
const TIMEOUT_MS = 10_000

/** Needs no AWS credentials. @throws UsageError, CloudError */
export async function whereByConsole(page: string, clientId: string | undefined): Promise<Where> {
  if (!URL.canParse(page)) throw new UsageError(`--console: "${page}" is no URL`)
  const at = new URL('config.json', page.endsWith('/') ? page : `${page}/`)
  let body: unknown
  try {
    const answer = await fetch(at, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) })
    body = answer.ok ? await answer.json() : undefined
  } catch (error) {
    const { message, cause } = error as Error
    throw new CloudError(`${at} could not be read (${(cause as Error | undefined)?.message || message})`)
  }
  const said = config.safeParse(body)
  if (!said.success) throw new UsageError(`--console: ${at} does not say where people sign in`)
  const { apiUrl, cliClientId, ...rest } = said.data
  return { ...rest, api: new URL(apiUrl || '/', at).origin, clientId: client(clientId ?? cliClientId) }
}

/** By the stack's outputs, with AWS credentials that may cloudformation:DescribeStacks. @throws UsageError, CloudError */
export async function whereByStack(stage: string, clientId: string | undefined): Promise<Where> {
  const outputs = await outputsOf(stage)
  const [domain, api] = [outputs['UserPoolDomain'], outputs['ApiUrl']]
  if (api === undefined)
    throw new CloudError(`stack edgeloop-${stage} has no output ApiUrl; is it of this version?`)
  if (domain === undefined)
    throw new UsageError(
      `stack edgeloop-${stage} takes another issuer's word: give --console, or --authorize, --token-endpoint and --client`,
    )
  return {
    ...{
      api,
      authorizeUrl: `${domain}/oauth2/authorize`,
      tokenUrl: `${domain}/oauth2/token`,
      scopes: SCOPES,
    },
    clientId: client(clientId ?? outputs['CliClientId']),
  }
}

export async function outputsOf(stage: string): Promise<Readonly<Record<string, string>>> {
  process.env['AWS_EC2_METADATA_DISABLED'] ??= 'true'
  const s3 = s3Client({ maxAttempts: 2 })
  try {
    return await reach('CloudFormation', () => stackOutputs(s3.config, `edgeloop-${stage}`))
  } catch (error) {
    if (error instanceof CallRefused)
      throw new CloudError(`CloudFormation: ${error.message}; --console needs no AWS credentials`)
    throw error
  } finally {
    s3.destroy()
  }
}

function client(id: string | undefined): string {
  if (id === undefined)
    throw new UsageError('--client is needed: the client id of the command line at this issuer')
  return id
}
