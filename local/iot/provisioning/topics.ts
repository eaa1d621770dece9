/** The reserved topics of the device provisioning MQTT API (AWS IoT developer guide). */

export type ProvisioningRequest =
  | { readonly operation: 'CreateCertificateFromCsr' | 'CreateKeysAndCertificate'; readonly format: Format }
  | { readonly operation: 'RegisterThing'; readonly format: Format; readonly templateName: string }
export type Format = 'json' | 'cbor'

const CERTIFICATES = /^\$aws\/certificates\/(create|create-from-csr)\/(json|cbor)$/
const TEMPLATES = /^\$aws\/provisioning-templates\/([^/]+)\/provision\/(json|cbor)$/

/** What a message on a topic asks for; undefined when it is none of the request topics. */
export const provisioningRequest = (topic: string): ProvisioningRequest | undefined => {
  const [, create, format] = CERTIFICATES.exec(topic) ?? []
  if (create !== undefined) {
    const operation = create === 'create' ? 'CreateKeysAndCertificate' : 'CreateCertificateFromCsr'
    return { operation, format: format as Format }
  }
  const [, templateName, templateFormat] = TEMPLATES.exec(topic) ?? []
  if (templateName === undefined) return undefined
  return { operation: 'RegisterThing', format: templateFormat as Format, templateName }
}

/**
 * Whether a topic carries requests and answers of this API. They hold private keys and ownership tokens, so that
 * nothing that is published there reaches any subscription but the requester's own.
 */
export const isProvisioningTopic = (topic: string): boolean =>
  topic.startsWith('$aws/certificates/') || topic.startsWith('$aws/provisioning-templates/')
