/** What devices need: an endpoint, rules for their messages, a policy. */
import { connect } from 'node:net'
import {
  DescribeEndpointCommand,
  GetPolicyCommand,
  IoTClient,
  paginateListTopicRules,
} from '@aws-sdk/client-iot'
import { uplinkKinds } from '../../../src/contracts/mqtt.ts'
import { type Check, deployFix, fail, few, ifThere, type Look, ok } from './check.ts'

const CONNECT_MS = 5_000
const MQTT_PORT = 8_883

async function endpoint(look: Look) {
  const iot = new IoTClient({ ...look.config })
  try {
    const { endpointAddress = '' } = await iot.send(
      new DescribeEndpointCommand({ endpointType: 'iot:Data-ATS' }),
    )
    const [host = '', port = String(MQTT_PORT)] = endpointAddress.split(':')
    const fault = await reaches(host, Number(port))
    return fault === undefined
      ? ok(`devices connect to ${host}:${port}`)
      : fail(
          `${host}:${port}, where devices connect, does not answer from here: ${fault}`,
          'let TCP 8883 out of this network; devices need it as well',
        )
  } finally {
    iot.destroy()
  }
}

/** Why no connection came about; what TLS says after it is the device's affair. */
const reaches = (host: string, port: number): Promise<string | undefined> =>
  new Promise(resolve => {
    const socket = connect({ host, port, timeout: CONNECT_MS })
    const end = (fault?: string) => {
      socket.destroy()
      resolve(fault)
    }
    socket
      .once('connect', () => end())
      .once('timeout', () => end(`no answer in ${CONNECT_MS / 1_000} s`))
      .once('error', error => end(error.message || (error as NodeJS.ErrnoException).code))
  })

async function topicRules(look: Look) {
  const client = new IoTClient({ ...look.config })
  try {
    const disabled = new Map<string, boolean>()
    for await (const { rules = [] } of paginateListTopicRules({ client }, {}))
      for (const { ruleName = '', ruleDisabled = false } of rules) disabled.set(ruleName, ruleDisabled)
    const { topicRules: wanted } = look.expected
    const missing = wanted.filter(name => !disabled.has(name))
    if (missing.length > 0)
      return fail(`IoT rules are missing: ${few(missing)}; what devices say is lost`, deployFix(look))
    const off = wanted.filter(name => disabled.get(name) === true)
    if (off.length > 0)
      return fail(
        `IoT rules are switched off: ${few(off)}; what devices say is lost`,
        `aws iot enable-topic-rule --rule-name ${off[0]}`,
      )
    return ok(`${wanted.length} IoT rules, all on`)
  } finally {
    client.destroy()
  }
}

async function policy(look: Look) {
  const iot = new IoTClient({ ...look.config })
  const policyName = `edgeloop-${look.stage}-device`
  try {
    const found = await ifThere(() => iot.send(new GetPolicyCommand({ policyName })))
    if (found === undefined)
      return fail(`there is no IoT policy ${policyName}: no device is let in`, deployFix(look))
    const missing = uplinkKinds.filter(kind => !found.policyDocument?.includes(`/up/${kind}`))
    return missing.length === 0
      ? ok(`device policy ${policyName}`)
      : fail(`policy ${policyName} does not let devices publish ${missing.join(', ')}`, deployFix(look))
  } finally {
    iot.destroy()
  }
}

export const deviceChecks: readonly Check[] = [
  { id: 'iot endpoint', needs: ['credentials'], run: endpoint },
  { id: 'iot rules', needs: ['drop bucket'], run: topicRules },
  { id: 'device policy', needs: ['drop bucket'], run: policy },
]
