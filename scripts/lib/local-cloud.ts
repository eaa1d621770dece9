/** The local cloud with this project's template in it. The only place that joins the two. */
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Cloud, startCloud } from '../../local/cloud.ts'
import type { CloudLogEntry } from '../../local/core/types.ts'
import { qualified } from '../../src/contracts/groups.ts'
import { scope as ours, scopes } from '../../src/contracts/scopes.ts'
import { consoleConfig, readConsoleFiles, uploadConsole } from './console-files.ts'
import type { LocalTrust } from './local-trust.ts'
import { packMqttLengths } from './mqtt-lengths.ts'
import type { Person } from './people.ts'
import { s3Client } from './stack.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
export const TEMPLATE = `${root}.serverless`
/** Where the build leaves the operators' page. */
export const CONSOLE = `${root}console/dist`
/** Of tokens of the issuer beside the cloud (`otherIssuer`). */
export const AUDIENCE = 'edgeloop'
/** The image's name as it would be in ECR, so that the job role's rights to pull it are checked as well. */
const IMAGE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/edgeloop-trainer:local'

/** Bundles the handlers and packages the service, as `npm run package` does. */
export async function buildAndPackage(): Promise<void> {
  const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: root })
  process.chdir(root)
  try {
    // As a process of its own: the bundler's service would keep its memory as long as this one lives.
    await node('scripts/build.ts')
    await node('node_modules/serverless/bin/serverless.js', 'package')
    // The template names them; together they are all that a deployment needs.
    for (const archive of globSync('dist/*.zip')) copyFileSync(archive, join(TEMPLATE, basename(archive)))
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`packaging failed:\n${stdout}${stderr}`)
  }
}

export interface LocalOptions {
  readonly dir: string
  readonly port: number
  readonly mqttPort: number
  /** Of the operators' page; default 0. */
  readonly consolePort?: number
  readonly template?: string
  /** Seconds between two looks at a compilation job. */
  readonly pollSeconds?: number
  /** Seconds that a compilation job takes at least, as Neo's take minutes. */
  readonly compileSeconds?: number
  /** Without a user pool: tokens come from the issuer beside the cloud, as from a company's own. */
  readonly otherIssuer?: boolean
  /** Of the stack, over the defaults of the template: `{ ModelKeys: 'both-A-signs' }`. */
  readonly parameters?: Readonly<Record<string, string>>
  /** How long a minute of schedules, metrics and alarms lasts, in ms. */
  readonly minuteMs?: number
  readonly log?: (entry: CloudLogEntry) => void
}

export function startEdgeloop(options: LocalOptions): Promise<Cloud> {
  packMqttLengths()
  return startCloud({
    template: options.template ?? TEMPLATE,
    dir: options.dir,
    port: options.port,
    mqttPort: options.mqttPort,
    consolePort: options.consolePort ?? 0,
    parameters: at => ({
      ...(options.otherIssuer && { JwtIssuer: at.issuerUrl, JwtAudience: AUDIENCE }),
      TrainingImage: IMAGE,
      PollSeconds: String(options.pollSeconds ?? 1),
      ...options.parameters,
    }),
    trainingImages: [{ match: /\/edgeloop-trainer:/, command: [process.execPath, `${root}trainer/main.ts`] }],
    compiler: { command: compiler(options.compileSeconds ?? 0) },
    lambda: { maxPerFunction: 2, maxTotal: 20 },
    ...(options.minuteMs === undefined ? {} : { minuteMs: options.minuteMs }),
    ...(options.log ? { log: options.log } : {}),
  })
}

const compiler = (seconds: number): string[] => {
  const command = [process.execPath, `${root}compiler/cli.ts`]
  return seconds === 0 ? command : ['/bin/sh', '-c', `sleep ${seconds}; exec "$0" "$@"`, ...command]
}

export interface TokenWanted {
  readonly sub: string
  /** Space-separated, as routes name them: `fleet:read`. */
  readonly scope?: string
  /** Seconds; default 3600. */
  readonly expiresIn?: number
}

/**
 * An access token for the operators' API, signed in this process with the key and the claims of the stack's issuer:
 * no sign-in, and no group says what it may hold.
 */
export function mintToken(cloud: Cloud, { scope = '', ...wanted }: TokenWanted): Promise<string> {
  if (cloud.outputs['UserPoolId'] === undefined)
    return cloud.issuer.mint({ ...wanted, scope, audience: AUDIENCE })
  const named = scope.split(' ').map(each => {
    const known = ours.safeParse(each)
    return known.success ? qualified(known.data) : each
  })
  return cloud.cognito.mint({ ...wanted, scope: named.join(' ') })
}

/** One with every scope, for half a day. */
export const operatorToken = (cloud: Cloud): Promise<string> =>
  mintToken(cloud, { sub: 'operator', scope: scopes.join(' '), expiresIn: 12 * 3_600 })

/** Puts the operators' page where the cloud serves it. False when it has not been built. */
export async function deployLocalConsole(cloud: Cloud, dir = CONSOLE): Promise<boolean> {
  if (!existsSync(join(dir, 'index.html'))) return false
  const { endpoint, credentials, outputs, realm } = cloud
  const s3 = s3Client({ endpoint, credentials, region: realm.region })
  try {
    const config = await consoleConfig(outputs, 'dev')
    await uploadConsole(s3, String(outputs['ConsoleBucketName']), readConsoleFiles(dir), config)
    return true
  } finally {
    s3.destroy()
  }
}

/**
 * How to look around with other tools, and what a device needs. `trust`: undefined while no trust root is out; `console`:
 * the page is there.
 */
/** The same for a shell to read: variables of AWS's tools, of `npx edgeloop`, and of a device. */
export async function exports(cloud: Cloud, trust: LocalTrust | undefined): Promise<string> {
  const { credentials, mqtt, endpoint, realm } = cloud
  const variables = {
    AWS_ENDPOINT_URL: endpoint,
    ...{ AWS_REGION: realm.region, AWS_DEFAULT_REGION: realm.region },
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    TOKEN: await operatorToken(cloud),
    MQTT_ENDPOINT: `${mqtt.host}:${mqtt.port}`,
    MQTT_CA: `${realm.dir}/mqtt-ca.pem`,
    ...(trust?.linkFile === undefined ? {} : { TRUST_ROOT: trust.linkFile }),
  }
  const quoted = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
    .join('')
}

export async function directions(
  cloud: Cloud,
  trust: LocalTrust | undefined,
  { people = [], console = false }: { people?: readonly Person[]; console?: boolean } = {},
): Promise<string> {
  const { credentials, mqtt, outputs, endpoint } = cloud
  const chainFile = trust?.chainFile
  return [
    'To look around:',
    `  export AWS_ENDPOINT_URL=${endpoint}`,
    `  export AWS_REGION=${cloud.realm.region} AWS_DEFAULT_REGION=${cloud.realm.region} AWS_ACCESS_KEY_ID=${credentials.accessKeyId} AWS_SECRET_ACCESS_KEY=${credentials.secretAccessKey}`,
    `  export TOKEN=${await operatorToken(cloud)}`,
    `  aws s3 ls s3://${outputs['DropBucketName']}/ --recursive`,
    `  aws dynamodb scan --table-name ${outputs['StateTableName']} --max-items 5`,
    `  curl -H "Authorization: Bearer $TOKEN" ${endpoint}/v1/models`,
    `  npx edgeloop keys status${chainFile === undefined ? '' : ` --chain ${chainFile}`}`,
    `MQTT (mTLS): ${mqtt.host}:${mqtt.port}, CA in ${cloud.realm.dir}/mqtt-ca.pem`,
    ...(trust === undefined ? [] : [`Trust root that devices start from: ${trust.linkFile}`]),
    ...(chainFile === undefined ? [] : [`Chain of trust roots, beside its root keys: ${chainFile}`]),
    ...(console ? [`Console: ${outputs['ConsoleUrl']}`] : []),
    ...(people.length === 0 ? [] : ['People who can sign in:']),
    ...people.map(({ username, group, password }) => `  ${username}  ${password}  (${group})`),
  ].join('\n')
}
