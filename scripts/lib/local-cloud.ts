/** The local cloud with this project's template in it. The only place that joins the two. */
import { execFile } from 'node:child_process'
import { copyFileSync, globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Cloud, startCloud } from '../../local/cloud.ts'
import type { CloudLogEntry } from '../../local/core/types.ts'
import type { LocalTrust } from './local-trust.ts'
import { packMqttLengths } from './mqtt-lengths.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
export const TEMPLATE = `${root}.serverless`
export const AUDIENCE = 'edgeloop'
export const SCOPES = [
  'fleet:read',
  'devices:write',
  'labels:write',
  'models:write',
  'models:approve',
  'rollouts:write',
  'rollouts:approve',
]
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
  readonly template?: string
  /** Seconds between two looks at a compilation job. */
  readonly pollSeconds?: number
  /** Seconds that a compilation job takes at least, as Neo's take minutes. */
  readonly compileSeconds?: number
  /** Of the stack, over the defaults of the template: `{ ModelKeys: 'both-A-signs' }`. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly log?: (entry: CloudLogEntry) => void
}

export function startEdgeloop(options: LocalOptions): Promise<Cloud> {
  packMqttLengths()
  return startCloud({
    template: options.template ?? TEMPLATE,
    dir: options.dir,
    port: options.port,
    mqttPort: options.mqttPort,
    parameters: at => ({
      JwtIssuer: at.issuerUrl,
      JwtAudience: AUDIENCE,
      TrainingImage: IMAGE,
      PollSeconds: String(options.pollSeconds ?? 1),
      ...options.parameters,
    }),
    trainingImages: [{ match: /\/edgeloop-trainer:/, command: [process.execPath, `${root}trainer/main.ts`] }],
    compiler: { command: compiler(options.compileSeconds ?? 0) },
    lambda: { maxPerFunction: 2, maxTotal: 20 },
    ...(options.log ? { log: options.log } : {}),
  })
}

const compiler = (seconds: number): string[] => {
  const command = [process.execPath, `${root}compiler/cli.ts`]
  return seconds === 0 ? command : ['/bin/sh', '-c', `sleep ${seconds}; exec "$0" "$@"`, ...command]
}

/** A token for the operators' API, from the local issuer. */
export const operatorToken = (cloud: Cloud): Promise<string> =>
  Promise.resolve(
    cloud.issuer.mint({
      sub: 'operator',
      scope: SCOPES.join(' '),
      audience: AUDIENCE,
      expiresIn: 12 * 3_600,
    }),
  )

/** How to look around with other tools, and what a device needs. `trust`: undefined while no trust root is out. */
export async function directions(cloud: Cloud, trust: LocalTrust | undefined): Promise<string> {
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
  ].join('\n')
}
