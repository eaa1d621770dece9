import { CompileError, ModelFormatError } from '../../../compiler/index.ts'
import { InputError } from '../errors.ts'

/** A foreign model file that cannot be read or compiled is a refused input with the compiler's own words. */
export function modelFromImport<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof ModelFormatError || error instanceof CompileError) {
      throw new InputError(
        'MODEL_FORMAT',
        `${error.message}; XGBoost models in JSON or UBJSON are accepted`,
        'file',
      )
    }
    throw error
  }
}
