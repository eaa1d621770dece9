/** The provisioning API by hand, for what a well-behaved device never asks. */
import { connectByClaim, EnrolmentRefused } from '../../device/claim-connection.ts'
import type { Lab } from './support.ts'

const CREATE = '$aws/certificates/create-from-csr/json'

export async function rawEnrolment(lab: Lab) {
  const provision = `$aws/provisioning-templates/${lab.claim.template}/provision/json`
  const connection = await connectByClaim(lab.h.cloud.mqtt, lab.claim, [CREATE, provision], 10_000)
  return {
    async certificate(certificateSigningRequest: string): Promise<{ pem: string; token: string }> {
      const answer = await connection.request(CREATE, { certificateSigningRequest })
      return { pem: String(answer['certificatePem']), token: String(answer['certificateOwnershipToken']) }
    },
    /** The answer, or what it was refused with. */
    async provision(certificateOwnershipToken: string, parameters: unknown): Promise<unknown> {
      try {
        return await connection.request(provision, { certificateOwnershipToken, parameters })
      } catch (error) {
        if (error instanceof EnrolmentRefused) return { errorCode: error.code, errorMessage: error.message }
        throw error
      }
    },
    close: () => connection.close(),
  }
}
