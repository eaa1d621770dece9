import type { Realm } from '../../core/types.ts'
import { AwsError } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { RulesEngine } from '../rules/engine.ts'
import { type ControlOperations, pageOf } from './call.ts'

/** GetTopicRule and ListTopicRules. */
export const ruleOperations = (realm: Realm, engine: RulesEngine): ControlOperations => ({
  GetTopicRule: {
    resource: ({ path }) => iotArn(realm, 'rule', path['ruleName'] ?? ''),
    run: ({ path }) => {
      const rule = engine.get(path['ruleName'] ?? '')
      // AWS answers UnauthorizedException here, so as not to tell which rules there are.
      if (!rule)
        throw new AwsError(
          'UnauthorizedException',
          `Access to topic rule '${path['ruleName']}' was denied`,
          401,
        )
      return { ruleArn: rule.arn, rule: rule.description }
    },
  },
  ListTopicRules: {
    resource: () => '*',
    run: ({ query }) => {
      const disabled = query.get('ruleDisabled')
      const topic = query.get('topic')
      const rules = engine
        .list()
        .filter(rule => disabled === null || String(rule.disabled) === disabled)
        .filter(rule => topic === null || rule.matches(topic))
      const page = pageOf(rules, rule => rule.name, query.get('maxResults'), query.get('nextToken'))
      const items = page.items.map(rule => ({
        ruleArn: rule.arn,
        ruleName: rule.name,
        topicPattern: rule.statement.from,
        createdAt: rule.createdAt / 1000,
        ruleDisabled: rule.disabled,
      }))
      return { rules: items, nextToken: page.next }
    },
  },
})
