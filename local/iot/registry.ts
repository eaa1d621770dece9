import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PolicyDocument, Realm } from '../core/types.ts'
import { createJsonFile, readJsonFile } from './json-file.ts'
import { type CompiledPolicy, compilePolicy } from './policy.ts'
import type { ProvisioningTemplate } from './provisioning/templates.ts'
import type { OwnershipToken } from './provisioning/tokens.ts'

export interface Thing {
  readonly thingName: string
  readonly thingId: string
  readonly thingTypeName?: string
  readonly attributes: Readonly<Record<string, string>>
  readonly version: number
}
export interface ThingType {
  readonly thingTypeName: string
  readonly thingTypeId: string
  readonly thingTypeProperties: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch, as all times here. */
  readonly creationDate: number
}
/** `PENDING_ACTIVATION`: created by a device that is being provisioned, and not registered yet. */
export type CertificateStatus = 'ACTIVE' | 'INACTIVE' | 'REVOKED' | 'PENDING_ACTIVATION'
export interface Certificate {
  readonly certificateId: string
  readonly certificatePem: string
  readonly status: CertificateStatus
  readonly creationDate: number
  readonly lastModifiedDate: number
  readonly notBefore: number
  readonly notAfter: number
}
export interface Policy {
  readonly policyName: string
  readonly document: PolicyDocument
  /** The document as it was given, for GetPolicy. */
  readonly text: string
  readonly creationDate: number
  readonly lastModifiedDate: number
}
export type ThingPrincipalType = 'EXCLUSIVE_THING' | 'NON_EXCLUSIVE_THING'
export interface ThingPrincipal {
  readonly thingName: string
  readonly certificateId: string
  readonly type: ThingPrincipalType
}

/** Things, certificates, policies, provisioning templates and what is attached to what; kept in a file. */
export interface Registry {
  readonly things: Map<string, Thing>
  readonly thingTypes: Map<string, ThingType>
  readonly certificates: Map<string, Certificate>
  readonly policies: Map<string, Policy>
  readonly provisioningTemplates: Map<string, ProvisioningTemplate>
  /** By digest. */
  readonly ownershipTokens: Map<string, OwnershipToken>
  /** Names of the policies on each certificate. */
  readonly attachedPolicies: Map<string, Set<string>>
  /** Attachments of each certificate, by thing name. */
  readonly thingPrincipals: Map<string, Map<string, ThingPrincipal>>
  /** Grows with every change: what was decided at an older revision must be decided again. */
  revision(): number
  /** To be called after every change of the maps. */
  changed(): void
  /** Compiled policies of a certificate. */
  policiesOf(certificateId: string): readonly CompiledPolicy[]
  /** Calls back when a certificate is no longer active, or is gone. */
  onCertificateDisabled(listener: (certificateId: string) => void): void
  certificateDisabled(certificateId: string): void
  flush(): Promise<void>
}

interface Saved {
  readonly things: readonly Thing[]
  readonly thingTypes: readonly ThingType[]
  readonly certificates: readonly Certificate[]
  readonly policies: readonly Policy[]
  readonly provisioningTemplates: readonly ProvisioningTemplate[]
  readonly ownershipTokens: readonly OwnershipToken[]
  readonly attachedPolicies: readonly (readonly [string, readonly string[]])[]
  readonly thingPrincipals: readonly ThingPrincipal[]
}

/** Opens the registry in `realm.dir/iot`. */
export const openRegistry = (realm: Realm): Registry => {
  const dir = join(realm.dir, 'iot')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const file = join(dir, 'registry.json')
  const saved = (readJsonFile(file) ?? {}) as Partial<Saved>
  const byKey = <T>(items: readonly T[] | undefined, key: (item: T) => string) =>
    new Map((items ?? []).map(item => [key(item), item]))
  const things = byKey(saved.things, thing => thing.thingName)
  const thingTypes = byKey(saved.thingTypes, type => type.thingTypeName)
  const certificates = byKey(saved.certificates, certificate => certificate.certificateId)
  const policies = byKey(saved.policies, policy => policy.policyName)
  const provisioningTemplates = byKey(saved.provisioningTemplates, template => template.templateName)
  const ownershipTokens = byKey(saved.ownershipTokens, token => token.digest)
  const attachedPolicies = new Map((saved.attachedPolicies ?? []).map(([id, names]) => [id, new Set(names)]))
  const thingPrincipals = new Map<string, Map<string, ThingPrincipal>>()
  for (const entry of saved.thingPrincipals ?? []) {
    const entries = thingPrincipals.get(entry.certificateId) ?? new Map<string, ThingPrincipal>()
    thingPrincipals.set(entry.certificateId, entries.set(entry.thingName, entry))
  }

  const snapshot = (): Saved => ({
    things: [...things.values()],
    thingTypes: [...thingTypes.values()],
    certificates: [...certificates.values()],
    policies: [...policies.values()],
    provisioningTemplates: [...provisioningTemplates.values()],
    ownershipTokens: [...ownershipTokens.values()],
    attachedPolicies: [...attachedPolicies].map(([id, names]) => [id, [...names]]),
    thingPrincipals: [...thingPrincipals.values()].flatMap(entries => [...entries.values()]),
  })
  const json = createJsonFile(file, snapshot, error =>
    realm.log({ level: 'error', service: 'iot', message: `cannot write the registry: ${String(error)}` }),
  )

  let revision = 0
  const listeners: ((certificateId: string) => void)[] = []
  const compiled = new WeakMap<Policy, CompiledPolicy>()
  const compile = (policy: Policy): CompiledPolicy => {
    const known = compiled.get(policy) ?? compilePolicy(policy.document)
    compiled.set(policy, known)
    return known
  }

  return {
    things,
    thingTypes,
    certificates,
    policies,
    provisioningTemplates,
    ownershipTokens,
    attachedPolicies,
    thingPrincipals,
    revision: () => revision,
    changed: () => {
      revision++
      json.save()
    },
    policiesOf: certificateId =>
      [...(attachedPolicies.get(certificateId) ?? [])].flatMap(name => {
        const policy = policies.get(name)
        return policy ? [compile(policy)] : []
      }),
    onCertificateDisabled: listener => void listeners.push(listener),
    certificateDisabled: certificateId => {
      for (const listener of listeners) listener(certificateId)
    },
    flush: () => json.flush(),
  }
}
