/**
 * Stands for the AWS CLI in the runbooks' tests: exactly the subcommands and options that they use, with the CLI's
 * parameter names, on the SDK's clients. Anything else ends with status 252, as a wrong command of the CLI does.
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { DescribeTableCommand, DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb'
import {
  DescribeRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
} from '@aws-sdk/client-eventbridge'
import { IoTClient, ListThingPrincipalsCommand, UpdateCertificateCommand } from '@aws-sdk/client-iot'
import { DisableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  DeleteFunctionConcurrencyCommand,
  GetAccountSettingsCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListMessageMoveTasksCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'

/** What the words of the command line come to; the service checks it. */
// biome-ignore lint/suspicious/noExplicitAny: any client's input, and the CLI does not check it either
type Input = any
type Send = (input: Input) => Promise<unknown>
const sqs = new SQSClient({})
const lambda = new LambdaClient({})
const events = new EventBridgeClient({})
const iot = new IoTClient({})
const dynamodb = new DynamoDBClient({})

const commands: Readonly<Record<string, Send>> = {
  'sqs get-queue-url': input => sqs.send(new GetQueueUrlCommand(input)),
  'sqs get-queue-attributes': input => sqs.send(new GetQueueAttributesCommand(input)),
  'sqs receive-message': input => sqs.send(new ReceiveMessageCommand(input)),
  'sqs delete-message': input => sqs.send(new DeleteMessageCommand(input)),
  'sqs start-message-move-task': input => sqs.send(new StartMessageMoveTaskCommand(input)),
  'sqs list-message-move-tasks': input => sqs.send(new ListMessageMoveTasksCommand(input)),
  'sqs purge-queue': input => sqs.send(new PurgeQueueCommand(input)),
  'lambda put-function-concurrency': input => lambda.send(new PutFunctionConcurrencyCommand(input)),
  'lambda delete-function-concurrency': input => lambda.send(new DeleteFunctionConcurrencyCommand(input)),
  'lambda get-account-settings': input => lambda.send(new GetAccountSettingsCommand(input)),
  'lambda invoke': async ({ outfile, ...input }: Record<string, unknown>) => {
    const answer = await lambda.send(new InvokeCommand(input as Input))
    await writeFile(String(outfile), answer.Payload ?? '')
    return { StatusCode: answer.StatusCode }
  },
  'events put-events': input => events.send(new PutEventsCommand(input)),
  'events enable-rule': input => events.send(new EnableRuleCommand(input)),
  'events describe-rule': input => events.send(new DescribeRuleCommand(input)),
  'iot update-certificate': input => iot.send(new UpdateCertificateCommand(input)),
  'iot list-thing-principals': input => iot.send(new ListThingPrincipalsCommand(input)),
  'kms disable-key': input => new KMSClient({}).send(new DisableKeyCommand(input)),
  'dynamodb query': input => dynamodb.send(new QueryCommand(input)),
  'dynamodb describe-table': input => dynamodb.send(new DescribeTableCommand(input)),
  's3 cp': async ({ from, to }: Record<string, string>) => {
    const [, Bucket = '', Key = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(to ?? '') ?? []
    await new S3Client({ forcePathStyle: true }).send(
      new PutObjectCommand({ Bucket, Key, Body: readFileSync(from ?? '') }),
    )
    return undefined
  },
}
/** Options with another name in the API than its words in capitals, or with a value that is no text. */
const names: Readonly<Record<string, string>> = {
  'function-name': 'FunctionName',
  'certificate-id': 'certificateId',
  'new-status': 'newStatus',
  'thing-name': 'thingName',
}
const LISTS = ['AttributeNames', 'MessageAttributeNames']
const NUMBERS = [
  ...['MaxNumberOfMessages', 'VisibilityTimeout', 'MaxNumberOfMessagesPerSecond'],
  'ReservedConcurrentExecutions',
]
const JSONS = ['ExpressionAttributeValues', 'Entries']

function argument(name: string, values: readonly string[]): unknown {
  const [value = ''] = values
  const text = value.startsWith('file://') ? readFileSync(value.slice(7), 'utf8') : value
  if (LISTS.includes(name)) return values
  if (NUMBERS.includes(name)) return Number(text)
  return JSONS.includes(name) ? JSON.parse(text) : text
}

/** The part of JMESPath that is used: names and dots. */
const select = (value: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((here, name) => (here as Record<string, unknown> | undefined)?.[name], value)

async function main([service = '', operation = '', ...rest]: readonly string[]): Promise<number> {
  const send = commands[`${service} ${operation}`]
  if (send === undefined) {
    process.stderr.write(`aws ${service} ${operation} is not among the commands that stand for the AWS CLI\n`)
    return 252
  }
  const input: Record<string, unknown> = {}
  const plain: string[] = []
  let [query, output] = ['', 'json']
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? ''
    if (!word.startsWith('--')) {
      plain.push(word)
      continue
    }
    const values: string[] = []
    while (
      rest[i + 1] !== undefined &&
      !rest[i + 1]?.startsWith('--') &&
      (values.length === 0 || isList(word))
    )
      values.push(rest[++i] ?? '')
    if (word === '--query') query = values[0] ?? ''
    else if (word === '--output') output = values[0] ?? ''
    else if (word !== '--cli-binary-format') {
      const name = nameOf(word.slice(2))
      input[name] = argument(name, values)
    }
  }
  if (service === 's3') Object.assign(input, { from: plain[0], to: plain[1] })
  if (operation === 'invoke') input['outfile'] = plain[0]
  const answer = (await send(input)) as Record<string, unknown> | undefined
  if (answer === undefined) return 0
  const { $metadata: _metadata, ...shown } = answer
  const value = query === '' ? shown : select(shown, query)
  if (output === 'text') process.stdout.write(`${value ?? 'None'}\n`)
  else if (Object.keys(shown).length > 0) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
  return 0
}
const isList = (word: string): boolean => LISTS.includes(nameOf(word.slice(2)))
const nameOf = (option: string): string =>
  names[option] ??
  option
    .split('-')
    .map(part => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`An error occurred (${(error as Error).name}): ${(error as Error).message}\n`)
  process.exitCode = 254
}
