/** A fleet that enrols by claim, from nothing: the claim, the allow-list, and each device by itself. */
import { IoTClient } from '@aws-sdk/client-iot'
import { enrolDevices } from '../../device/enroll.ts'
import type { DeviceIdentity } from '../../device/identity.ts'
import type { Cloud } from '../../local/cloud.ts'
import { MAX_ENROLMENTS } from '../../src/contracts/commands.ts'
import { createClaim } from './claim.ts'
import { operatorToken } from './local-cloud.ts'

export interface FleetToEnrol {
  readonly things: readonly string[]
  readonly fleet: string
  readonly hardware: string
  /** Where identities are kept; without it they live in memory only. */
  readonly dir?: string
  /** Devices that enrol at the same time; default 8. */
  readonly concurrency?: number
}

export const iotOf = ({ endpoint, realm, credentials }: Cloud): IoTClient =>
  new IoTClient({ endpoint, region: realm.region, credentials })

/** Gives a command to the operators' API. Throws what it answers when that is no success. */
export async function giveCommand(
  cloud: Cloud,
  method: string,
  path: string,
  body: unknown,
): Promise<unknown> {
  const answer = await fetch(`${cloud.outputs['ApiUrl']}${path}`, {
    method,
    headers: { authorization: `Bearer ${await operatorToken(cloud)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}: ${text}`)
  return JSON.parse(text)
}

/**
 * One claim certificate for all of them; each makes its own key and becomes the thing of its serial.
 * @returns identities in the order of `things`
 */
export async function enrolFleet(
  cloud: Cloud,
  { things, fleet, hardware, dir, concurrency = 8 }: FleetToEnrol,
): Promise<DeviceIdentity[]> {
  const iot = iotOf(cloud)
  try {
    const claim = await createClaim(iot, String(cloud.outputs['ClaimPolicyName']))
    for (let from = 0; from < things.length; from += MAX_ENROLMENTS) {
      const entries = things.slice(from, from + MAX_ENROLMENTS).map(serial => ({ serial, fleet, hardware }))
      const { refused } = (await giveCommand(cloud, 'POST', '/v1/enrolments', entries)) as {
        refused: unknown[]
      }
      if (refused.length > 0) throw new Error(`the allow-list refused ${JSON.stringify(refused)}`)
    }
    const template = String(cloud.outputs['ProvisioningTemplateName'])
    const { certPem, keyPem } = claim
    return await enrolDevices(
      {
        ...{ endpoint: cloud.mqtt, claim: { certPem, keyPem, template }, things },
        ...(dir === undefined ? {} : { dir }),
      },
      concurrency,
    )
  } finally {
    iot.destroy()
  }
}
