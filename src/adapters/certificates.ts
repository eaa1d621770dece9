import {
  IoTClient,
  ListThingPrincipalsCommand,
  ResourceNotFoundException,
  UpdateCertificateCommand,
} from '@aws-sdk/client-iot'
import type { Certificates } from '../domain/ports.ts'
import { call, clientDefaults } from './aws-errors.ts'

const CERTIFICATE = /:cert\/([0-9a-f]+)$/

export function iotCertificates(client = new IoTClient(clientDefaults)): Certificates {
  return {
    of: thing => call(`list certificates of ${thing}`, () => attached(client, thing)),
    revoke: certificateId =>
      call(`revoke certificate ${certificateId}`, async () => {
        try {
          await client.send(new UpdateCertificateCommand({ certificateId, newStatus: 'REVOKED' }))
        } catch (error) {
          // Deleted, or never registered in time: nobody connects with it.
          if (!(error instanceof ResourceNotFoundException)) throw error
        }
      }),
  }
}

async function attached(client: IoTClient, thing: string): Promise<string[]> {
  const found: string[] = []
  let nextToken: string | undefined
  do {
    try {
      const page = await client.send(new ListThingPrincipalsCommand({ thingName: thing, nextToken }))
      found.push(...(page.principals ?? []).flatMap(arn => CERTIFICATE.exec(arn)?.[1] ?? []))
      nextToken = page.nextToken
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return found
      throw error
    }
  } while (nextToken !== undefined)
  return found
}
