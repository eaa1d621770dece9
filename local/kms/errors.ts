import { AwsError } from '../core/types.ts'

export const notFound = (what: string) => new AwsError('NotFoundException', what)
export const validation = (message: string) => new AwsError('ValidationException', message)
export const wrongUsage = (message: string) => new AwsError('InvalidKeyUsageException', message)
export const disabled = (arn: string) => new AwsError('DisabledException', `${arn} is disabled.`)
export const invalidCiphertext = () =>
  new AwsError('InvalidCiphertextException', 'The ciphertext is invalid.')
