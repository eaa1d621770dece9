/** Every service of the local cloud, joined to those that it calls. */
import { createHttpApis, createIssuer } from './apigateway/index.ts'
import { createAddresses } from './cfn/addresses.ts'
import type { CloudServices } from './cfn/resource.ts'
import { routePrefix } from './cfn/stack.ts'
import type { CloudOptions } from './cloud.ts'
import { createCloudFormation, type Stack } from './cloudformation/index.ts'
import { createCloudFront } from './cloudfront/index.ts'
import { createCloudWatch } from './cloudwatch/index.ts'
import { createCognito } from './cognito/index.ts'
import type { JsonService, Realm, RestService } from './core/types.ts'
import { createDynamoDb } from './dynamodb/index.ts'
import { createEventBridge } from './events/index.ts'
import { createIam } from './iam/index.ts'
import { createIot } from './iot/index.ts'
import { createKms } from './kms/index.ts'
import { createLambda } from './lambda/index.ts'
import { createLogs } from './logs/index.ts'
import { createSigner } from './oidc/signer.ts'
import { createS3 } from './s3/index.ts'
import { createSageMaker } from './sagemaker/index.ts'
import { createSqs } from './sqs/index.ts'
import { createSts } from './sts/index.ts'

/** Functions first: until they are done they need everything else, and what comes in later would start them again. */
export const closingOrder = [
  'lambda',
  'iot',
  'sagemaker',
  'events',
  'cloudfront',
  'front',
  'cognito',
  's3',
  'dynamodb',
  'sqs',
  'cloudwatch',
  'logs',
] as const
export type Closers = Map<(typeof closingOrder)[number], () => Promise<void>>

/** Started one by one; each is among the closers as soon as it holds something. */
export async function makeServices(realm: Realm, options: CloudOptions, closers: Closers) {
  const iam = createIam(realm)
  const both = { realm, iam }
  const { minuteMs } = options
  const minute = minuteMs === undefined ? {} : { minuteMs }
  const cloudwatch = createCloudWatch({ ...both, ...minute })
  closers.set('cloudwatch', async () => cloudwatch.close())
  realm.measure = cloudwatch.measure
  const logs = createLogs({ ...both, onLine: cloudwatch.readLine })
  closers.set('logs', () => logs.close())
  const sqs = createSqs(both)
  closers.set('sqs', () => sqs.close())
  cloudwatch.sample(() => {
    for (const { name, visible, oldestSeconds } of sqs.vitals()) {
      cloudwatch.measure('AWS/SQS', 'ApproximateNumberOfMessagesVisible', { QueueName: name }, visible)
      cloudwatch.measure('AWS/SQS', 'ApproximateAgeOfOldestMessage', { QueueName: name }, oldestSeconds)
    }
  })
  const dynamodb = await createDynamoDb(both)
  closers.set('dynamodb', () => dynamodb.close())
  const kms = createKms(both)
  const lambda = createLambda({ ...both, logs, sqs, dynamodb, ...options.lambda })
  closers.set('lambda', () => lambda.close())
  const deliver = { invokeAsync: lambda.invokeAsync, sendToQueue: sqs.send }
  const events = createEventBridge({ ...both, ...deliver, ...minute })
  closers.set('events', () => events.close())
  const s3 = createS3({ ...both, emit: events.emit })
  closers.set('s3', () => s3.close())
  const sagemaker = createSageMaker({
    ...both,
    emit: events.emit,
    onLog: logs.put,
    ...(options.trainingImages && { trainingImages: options.trainingImages }),
    ...(options.compiler && { compiler: options.compiler }),
  })
  closers.set('sagemaker', () => sagemaker.close())
  const host = options.host ?? '127.0.0.1'
  const iot = await createIot({
    ...both,
    ...deliver,
    invoke: lambda.invoke,
    mqttPort: options.mqttPort,
    host,
  }).catch(portInUse(options.mqttPort))
  closers.set('iot', () => iot.close())
  const signer = createSigner(realm)
  const issuer = createIssuer({ realm, signer })
  const addresses = createAddresses()
  const publicPrefixes = ['/_api/', `${issuer.path}/`]
  const cognito = createCognito({
    ...both,
    signer,
    invoke: lambda.invoke,
    open: prefix => void publicPrefixes.push(prefix),
    localUrl: addresses.local,
  })
  closers.set('cognito', () => cognito.close())
  const port = options.consolePort ?? 0
  const cloudfront = createCloudFront({ ...both, s3, port, host, localUrl: addresses.local })
  closers.set('cloudfront', () => cloudfront.close())
  const http = createHttpApis({ realm, invoke: lambda.invoke, beside: [issuer, cognito] })

  const cloudServices: CloudServices = {
    ...both,
    logs,
    cloudwatch,
    sqs,
    dynamodb,
    kms,
    lambda,
    events,
    s3,
    iot,
    cognito,
    cloudfront,
    addresses,
    http: {
      ...http,
      createRoute(apiId, properties) {
        http.createRoute(apiId, properties)
        publicPrefixes.push(routePrefix(String(properties['RouteKey'])))
      },
    },
  }
  const stack: { deployed: Stack | undefined } = { deployed: undefined }
  const services: (JsonService | RestService)[] = [
    createSts(both),
    createCloudFormation(realm, () => stack.deployed),
    s3.service,
    kms.service,
    sqs.service,
    logs.service,
    cloudwatch.service,
    events.service,
    sagemaker.service,
    lambda.service,
    cognito.service,
    http.service,
    ...dynamodb.services,
    ...iot.services,
  ]
  return {
    iam,
    kms,
    logs,
    cloudwatch,
    sqs,
    lambda,
    events,
    iot,
    issuer,
    cognito,
    stack,
    publicPrefixes,
    services,
    cloudServices,
  }
}

const portInUse =
  (port: number) =>
  (cause: NodeJS.ErrnoException): never => {
    if (cause.code !== 'EADDRINUSE') throw cause
    throw new Error(`port ${port} is in use; choose another with --mqtt-port`, { cause })
  }
