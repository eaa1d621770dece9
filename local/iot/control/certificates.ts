import { AwsError, type Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { Authority, IssuedCertificate } from '../ca/authority.ts'
import type { Certificate, CertificateStatus, Registry } from '../registry.ts'
import {
  type ControlCall,
  type ControlOperations,
  invalidRequest,
  notFound,
  pageOf,
  requiredText,
  seconds,
} from './call.ts'

const STATUSES: readonly string[] = ['ACTIVE', 'INACTIVE', 'REVOKED'] satisfies CertificateStatus[]

/** Issuing, reading, changing and deleting client certificates. */
export const certificateOperations = (
  realm: Realm,
  registry: Registry,
  authority: Authority,
): ControlOperations => {
  const arn = (id: string) => iotArn(realm, 'cert', id)
  const resource = (call: ControlCall) => arn(call.path['certificateId'] ?? '')
  const existing = (call: ControlCall): Certificate => {
    const id = call.path['certificateId'] ?? ''
    const certificate = registry.certificates.get(id)
    if (!certificate) throw notFound(`Certificate ${id} does not exist.`)
    return certificate
  }
  const register = (issued: IssuedCertificate, call: ControlCall) => {
    const active = call.query.get('setAsActive') === 'true'
    storeCertificate(realm, registry, issued, active ? 'ACTIVE' : 'INACTIVE')
    const { certificateId, certificatePem } = issued
    return { certificateArn: arn(certificateId), certificateId, certificatePem }
  }

  return {
    CreateCertificateFromCsr: {
      resource: () => '*',
      run: async call => {
        const csr = requiredText(call.body['certificateSigningRequest'], 'certificateSigningRequest')
        return register(await authority.signRequest(csr), call)
      },
    },
    CreateKeysAndCertificate: {
      resource: () => '*',
      run: async call => {
        const issued = await authority.createKeysAndCertificate()
        return {
          ...register(issued, call),
          keyPair: { PublicKey: issued.publicKeyPem, PrivateKey: issued.privateKeyPem },
        }
      },
    },
    DescribeCertificate: {
      resource,
      run: call => {
        const found = existing(call)
        return {
          certificateDescription: {
            certificateArn: arn(found.certificateId),
            certificateId: found.certificateId,
            status: found.status,
            certificatePem: found.certificatePem,
            ownedBy: realm.accountId,
            creationDate: seconds(found.creationDate),
            lastModifiedDate: seconds(found.lastModifiedDate),
            customerVersion: 1,
            validity: { notBefore: seconds(found.notBefore), notAfter: seconds(found.notAfter) },
            certificateMode: 'DEFAULT',
          },
        }
      },
    },
    ListCertificates: {
      resource: () => '*',
      run: ({ query }) => {
        const descending = query.get('isAscendingOrder') !== 'true'
        const page = pageOf(
          [...registry.certificates.values()],
          // Ordered by creation, as on AWS; the id tells certificates of the same instant apart.
          c => `${String(c.creationDate).padStart(16, '0')} ${c.certificateId}`,
          query.get('pageSize'),
          query.get('marker'),
          descending,
        )
        const certificates = page.items.map(({ certificateId, status, creationDate }) => ({
          certificateArn: arn(certificateId),
          certificateId,
          status,
          creationDate: seconds(creationDate),
          certificateMode: 'DEFAULT',
        }))
        return { certificates, nextMarker: page.next }
      },
    },
    UpdateCertificate: {
      resource,
      run: call => {
        const found = existing(call)
        const status = call.query.get('newStatus') ?? ''
        if (!STATUSES.includes(status))
          throw invalidRequest(
            `newStatus must be one of ${STATUSES.join(', ')}; got ${JSON.stringify(status)}`,
          )
        registry.certificates.set(found.certificateId, {
          ...found,
          status: status as CertificateStatus,
          lastModifiedDate: realm.now().getTime(),
        })
        registry.changed()
        if (status !== 'ACTIVE') registry.certificateDisabled(found.certificateId)
        return {}
      },
    },
    DeleteCertificate: {
      resource,
      run: call => {
        const { certificateId, status } = existing(call)
        if (status === 'ACTIVE')
          throw new AwsError(
            'CertificateStateException',
            'The certificate must be INACTIVE or REVOKED before it is deleted',
            406,
          )
        const conflict = (what: string) =>
          new AwsError(
            'DeleteConflictException',
            `Certificate ${certificateId} is still attached to ${what}`,
            409,
          )
        if ((registry.thingPrincipals.get(certificateId)?.size ?? 0) > 0) throw conflict('a thing')
        const policies = registry.attachedPolicies.get(certificateId)?.size ?? 0
        if (policies > 0 && call.query.get('forceDelete') !== 'true') throw conflict('a policy')
        registry.certificates.delete(certificateId)
        registry.attachedPolicies.delete(certificateId)
        registry.thingPrincipals.delete(certificateId)
        registry.changed()
        registry.certificateDisabled(certificateId)
        return {}
      },
    },
  }
}

/** Adds a certificate that was just issued to the registry. */
export const storeCertificate = (
  realm: Realm,
  registry: Registry,
  issued: IssuedCertificate,
  status: CertificateStatus,
): void => {
  const now = realm.now().getTime()
  registry.certificates.set(issued.certificateId, {
    certificateId: issued.certificateId,
    certificatePem: issued.certificatePem,
    status,
    creationDate: now,
    lastModifiedDate: now,
    notBefore: issued.notBefore.getTime(),
    notAfter: issued.notAfter.getTime(),
  })
  registry.changed()
}
