import * as z from 'zod'

/** The parts of AWS's own events that we read; everything else may change without notice to us. */
const envelope = z.object({ id: z.string(), time: z.string(), source: z.string() })

/** S3 through EventBridge: the key arrives plain here, not form-encoded as in S3's own notifications. */
export const s3ObjectCreated = envelope.extend({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      size: z.number().optional(),
      etag: z.string().optional(),
      'version-id': z.string().optional(),
    }),
  }),
})
export type S3ObjectCreated = z.infer<typeof s3ObjectCreated>

/** Only a hint: the job's state is read with DescribeTrainingJob. */
export const trainingJobStateChange = envelope.extend({
  source: z.literal('aws.sagemaker'),
  'detail-type': z.literal('SageMaker Training Job State Change'),
  detail: z.object({ TrainingJobName: z.string(), TrainingJobStatus: z.string() }),
})

export const scheduledEvent = envelope.extend({
  source: z.literal('aws.events'),
  'detail-type': z.literal('Scheduled Event'),
})

export const sqsEvent = z.object({
  Records: z.array(z.object({ messageId: z.string(), body: z.string() })),
})

/** Stream records of the state table that the outbox mapping lets through. */
export const outboxStreamEvent = z.object({
  Records: z.array(
    z.object({
      eventID: z.string(),
      dynamodb: z.object({
        SequenceNumber: z.string(),
        NewImage: z.object({
          pk: z.object({ S: z.string() }),
          sk: z.object({ S: z.string() }),
          data: z.object({ S: z.string() }),
        }),
      }),
    }),
  ),
})

/** HTTP API, payload format 2.0. */
export const httpRequest = z.object({
  routeKey: z.string(),
  rawPath: z.string(),
  pathParameters: z.record(z.string(), z.string()).optional(),
  queryStringParameters: z.record(z.string(), z.string()).optional(),
  /** Names in lower case. */
  headers: z.record(z.string(), z.string()).default({}),
  requestContext: z.object({ requestId: z.string() }).default({ requestId: '' }),
})

/** The same with a body and the claims of the token that the authorizer has checked. */
export const httpCommand = httpRequest.extend({
  body: z.string().optional(),
  isBase64Encoded: z.boolean().default(false),
  requestContext: z.object({
    requestId: z.string(),
    authorizer: z.object({
      jwt: z.object({
        claims: z.object({
          sub: z.string().min(1),
          /** Texts; a list comes as `[a b]`. */
          scope: z.string().optional(),
          scp: z.string().optional(),
          /** Cognito's name of the person; of other issuers the name that they show. */
          username: z.string().optional(),
          preferred_username: z.string().optional(),
          email: z.string().optional(),
        }),
      }),
    }),
  }),
})

/** AWS IoT to a pre-provisioning hook, payload version 2020-04-01. */
export const provisioningRequest = z.object({
  claimCertificateId: z.string().min(1),
  certificateId: z.string().min(1),
  certificatePem: z.string(),
  templateArn: z.string(),
  clientId: z.string(),
  parameters: z.record(z.string(), z.string()).default({}),
})

/**
 * Cognito to a pre token generation trigger, event version 2 (`LambdaVersion: V2_0`). The answer is the same event with
 * a response. Reference: Amazon Cognito developer guide, "Pre token generation Lambda trigger".
 */
export const preTokenGeneration = z.looseObject({
  version: z.literal('2'),
  triggerSource: z.string().startsWith('TokenGeneration_'),
  userPoolId: z.string(),
  userName: z.string(),
  request: z.looseObject({
    userAttributes: z.record(z.string(), z.unknown()),
    groupConfiguration: z.looseObject({ groupsToOverride: z.array(z.string()).nullish() }),
    /** What the client asked for. */
    scopes: z.array(z.string()).nullish(),
  }),
  response: z.unknown(),
})

/** AWS IoT lifecycle event: the only trace that a publish which the policy refused leaves for us. */
export const presenceEvent = z.object({
  clientId: z.string(),
  eventType: z.literal('disconnected'),
  timestamp: z.number(),
  disconnectReason: z.string(),
  principalIdentifier: z.string().optional(),
  sessionIdentifier: z.string().optional(),
})

/** What a rule's error action receives. */
export const ruleError = z.object({
  ruleName: z.string(),
  topic: z.string(),
  clientId: z.string().optional(),
  base64OriginalPayload: z.string(),
  failures: z.array(
    z.object({ failedAction: z.string(), failedResource: z.string(), errorMessage: z.string() }),
  ),
})
