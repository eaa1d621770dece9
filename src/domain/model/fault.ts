import { InputError } from '../errors.ts'

/** Something that is wrong in a model.yaml, and where. */
export interface ConfigFault {
  readonly path: readonly (string | number)[]
  readonly error: InputError
}

export const fault = (code: string, message: string, path: ConfigFault['path']): ConfigFault => ({
  path,
  error: new InputError(code, message, path.join('.')),
})

/** @throws InputError, the first of them */
export function refuseFirst(faults: Iterable<ConfigFault>): void {
  for (const { error } of faults) throw error
}
