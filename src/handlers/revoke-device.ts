import { iotCertificates } from '../adapters/certificates.ts'
import { type EnrolmentRow, keys, type RevocationRow } from '../domain/entities.ts'
import type { Certificates, Core } from '../domain/ports.ts'
import { put } from '../domain/store.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface RevokeDeviceDeps extends Core {
  readonly certificates: Certificates
}

/**
 * Revokes the certificates of a device that an operator took off; AWS IoT then closes its connections. An event that
 * comes late, when the device may have been enrolled anew, finds nothing to do.
 */
export const revokeDeviceCertificates = (deps: RevokeDeviceDeps) =>
  fromBus(deps, async event => {
    const { type, data } = parseBusEvent(event, ['DeviceRevoked', 'CheckDue'])
    if (type === 'CheckDue' && data.kind !== 'revocation') return
    const thing = type === 'CheckDue' ? data.subject : data.thing
    const row = await deps.store.get<RevocationRow>(keys.revocation(thing))
    if (row?.data.status !== 'REVOKING') return
    // A certificate that was vetted and is not attached yet is not in the thing's list.
    const vetted = (await deps.store.get<EnrolmentRow>(keys.enrolment(thing)))?.data.certificateId
    const found = new Set([...(await deps.certificates.of(thing)), ...(vetted ? [vetted] : [])])
    for (const certificate of found) await deps.certificates.revoke(certificate)
    const certificates = [...new Set([...row.data.certificates, ...found])].sort()
    await deps.store.commit([put(row.key, { ...row.data, status: 'REVOKED', certificates }, row)])
    deps.log.info('CERTIFICATES_REVOKED', { thing, certificates })
  })

export const handler = lambda({}, (_env, core) =>
  revokeDeviceCertificates({ ...core, certificates: iotCertificates() }),
)
