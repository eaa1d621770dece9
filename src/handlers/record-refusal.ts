import { presenceEvent, ruleError, sqsEvent } from '../contracts/aws.ts'
import { InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import { eachRecord } from '../runtime/batch.ts'
import { lambda } from '../runtime/lambda.ts'

/** Why AWS IoT ends a connection by itself, in words that help an operator. */
const REASONS: Readonly<Record<string, string>> = {
  AUTH_ERROR:
    'the broker refused an operation that the policy does not allow, such as another device’s topic, and closed the connection',
  CLIENT_ERROR:
    'the device broke the protocol or a limit, such as a payload above 128 KB, and the broker closed the connection',
  FORBIDDEN_ACCESS: 'the device may not connect',
}

/** What never reached a handler: messages whose rule failed, and connections that the broker closed for cause. */
export const recordRefusal = (deps: Core) => async (event: unknown) => {
  const { Records } = sqsEvent.parse(event)
  return eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    record => refuse(deps, JSON.parse(record.body), record.messageId),
  )
}

async function refuse(deps: Core, body: unknown, messageId: string): Promise<void> {
  const presence = presenceEvent.safeParse(body)
  if (presence.success) {
    const { clientId, disconnectReason, sessionIdentifier = '', timestamp } = presence.data
    const reason = REASONS[disconnectReason] ?? `the broker closed the connection: ${disconnectReason}`
    const refused = {
      channel: 'mqtt' as const,
      subject: `connection of ${clientId}`,
      instance: `${sessionIdentifier}#${timestamp}`,
      thing: clientId,
    }
    return rejectInput(deps, refused, new InputError(disconnectReason, reason, 'connection'))
  }
  const failure = ruleError.safeParse(body)
  if (failure.success) {
    deps.count('RuleActionFailures')
    const { topic, clientId, failures, base64OriginalPayload, ruleName } = failure.data
    const reason = `rule ${ruleName}: ${failures.map(f => `${f.failedAction}: ${f.errorMessage}`).join('; ')}`
    const refused = {
      channel: 'mqtt' as const,
      subject: topic,
      instance: messageId,
      // Values of samples are in quarantine and nowhere else.
      ...(topic.endsWith('/up/samples') ? {} : { payload: Buffer.from(base64OriginalPayload, 'base64') }),
    }
    return rejectInput(
      deps,
      { ...refused, ...(clientId ? { thing: clientId } : {}) },
      new InputError('RULE_FAILED', reason, 'payload'),
    )
  }
  throw new InputError('UNEXPECTED_EVENT', 'neither a rule error nor a presence event', 'body')
}

export const handler = lambda({}, (_env, core) => recordRefusal(core))
