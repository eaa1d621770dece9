import { AwsError } from '../core/types.ts'

export const invalidParameter = (message: string) => new AwsError('InvalidParameterException', message)
export const notFound = (message: string) => new AwsError('ResourceNotFoundException', message)
export const userNotFound = () => new AwsError('UserNotFoundException', 'User does not exist.')
