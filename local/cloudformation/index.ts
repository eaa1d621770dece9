/** CloudFormation over the query protocol: what the one stack that is deployed here says of itself. */
import { AwsError, type CallContext, type Realm, type RestService } from '../core/types.ts'
import { writeXml, type XmlValue } from '../http/xml.ts'

const NAMESPACE = 'http://cloudformation.amazonaws.com/doc/2010-05-15/'

export interface Stack {
  readonly name: string
  readonly outputs: Readonly<Record<string, unknown>>
}

/** `stack` is undefined until the deployment is through. */
export function createCloudFormation(realm: Realm, stack: () => Stack | undefined): RestService {
  return {
    kind: 'rest',
    name: 'cloudformation',
    signingNames: ['cloudformation'],
    async handle(request, context) {
      const input = new URLSearchParams(request.body.toString('utf8') || request.query.toString())
      const action = input.get('Action') ?? ''
      if (action !== 'DescribeStacks')
        throw new AwsError(
          'NotImplemented',
          `The local cloud does not implement cloudformation: ${action || '(no Action)'}.`,
          501,
        )
      const body = {
        DescribeStacksResult: { Stacks: { member: describe(input, context) } },
        ResponseMetadata: { RequestId: context.requestId },
      }
      return {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: writeXml('DescribeStacksResponse', body, NAMESPACE),
      }
    },
  }

  function describe(input: URLSearchParams, context: CallContext): XmlValue {
    const asked = input.get('StackName') ?? undefined
    const arn = (name: string): string =>
      `arn:aws:cloudformation:${realm.region}:${realm.accountId}:stack/${name}/00000000-0000-4000-8000-000000000000`
    context.authorize({
      action: 'cloudformation:DescribeStacks',
      resource: asked === undefined ? '*' : arn(asked),
    })
    const found = stack()
    if (!found || (asked !== undefined && asked !== found.name))
      throw new AwsError('ValidationError', `Stack with id ${asked ?? ''} does not exist`)
    return [
      {
        StackId: arn(found.name),
        StackName: found.name,
        StackStatus: 'CREATE_COMPLETE',
        Outputs: {
          member: Object.entries(found.outputs).map(([OutputKey, value]) => ({
            OutputKey,
            OutputValue: String(value),
          })),
        },
      },
    ]
  }
}
