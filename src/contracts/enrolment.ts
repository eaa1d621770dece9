import * as z from 'zod'
import { fleetName, hardwareName, thingName } from './names.ts'

/** Levels of topics beside things' names: `edgeloop/v1/fleet/…`, `edgeloop/v1/trust`. */
const RESERVED: readonly string[] = ['fleet', 'trust']

/** One line of the allow-list: a device that may enrol, and what it will be. The serial becomes the thing's name. */
export const enrolmentEntry = z.strictObject({
  serial: thingName.refine(name => !RESERVED.includes(name), 'is reserved in topics'),
  fleet: fleetName,
  hardware: hardwareName,
})
export type EnrolmentEntry = z.infer<typeof enrolmentEntry>

/** What a device says of itself when it enrols. Fleet and hardware are not its to say. */
export const enrolmentParameters = z.strictObject({ SerialNumber: thingName })

/** Parameters of the provisioning template (infra/enrolment.yml). */
export interface ProvisioningParameters extends Readonly<Record<string, string>> {
  readonly SerialNumber: string
  readonly Fleet: string
  readonly Hardware: string
}

/** A pre-provisioning hook's answer to AWS IoT. */
export type HookAnswer =
  | { readonly allowProvisioning: false }
  | { readonly allowProvisioning: true; readonly parameterOverrides: ProvisioningParameters }
