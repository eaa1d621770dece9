import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { basicIngest, compileTopicFilter, topicFault, topicFilterFault } from '../../../local/iot/topics.ts'

/** Matching level by level, written as the definition reads; `#` stands for one or more levels, as AWS documents. */
const naive = (filter: readonly string[], topic: readonly string[]): boolean => {
  const [wanted, ...restWanted] = filter
  const [level, ...restLevels] = topic
  if (wanted === '#') return level !== undefined
  if (wanted === undefined || level === undefined) return wanted === level
  return (wanted === '+' || wanted === level) && naive(restWanted, restLevels)
}

const level = fc.constantFrom('a', 'b', '', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 5 })
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 5 }), fc.boolean())
  .map(([levels, open]) => (open ? [...levels, '#'] : levels))
  .filter(levels => levels.length > 0)

describe('topic filters', () => {
  it('match as a naive model does', () => {
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        const reserved = topic[0]?.startsWith('$') === true && (filter[0] === '+' || filter[0] === '#')
        const expected = !reserved && naive(filter, topic)
        expect(compileTopicFilter(filter.join('/'))(topic.join('/'))).toBe(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    // Developer guide, "MQTT topics".
    ['sensor/#', 'sensor/', true],
    ['sensor/#', 'sensor/temperature/room1', true],
    ['sensor/#', 'sensor', false],
    ['sensor/+/room1', 'sensor/humidity/room1', true],
    ['sensor/+/room1', 'sensor/humidity/room2', false],
    ['#', '$aws/events/presence/connected/x', false],
    ['$aws/events/presence/+/x', '$aws/events/presence/connected/x', true],
  ])('%s on %s: %s', (filter, topic, matches) => {
    expect(compileTopicFilter(filter)(topic)).toBe(matches)
  })
})

describe('limits of topics', () => {
  it('counts bytes and slashes', () => {
    expect(topicFault('a'.repeat(256))).toBeUndefined()
    expect(topicFault('a'.repeat(257))).toMatch(/256 bytes/)
    expect(topicFault('é'.repeat(129))).toMatch(/256 bytes/)
    expect(topicFault('1/2/3/4/5/6/7/8')).toBeUndefined()
    expect(topicFault('1/2/3/4/5/6/7/8/9')).toMatch(/7 slashes/)
  })
  it('does not count the prefix of Basic Ingest', () => {
    expect(topicFault('$aws/rules/r/1/2/3/4/5/6/7/8')).toBeUndefined()
    expect(topicFault('$aws/rules/r/1/2/3/4/5/6/7/8/9')).toMatch(/7 slashes/)
    expect(basicIngest('$aws/rules/r/a/b')).toEqual({ ruleName: 'r', topic: 'a/b' })
    expect(basicIngest('$aws/rules/r')).toBeUndefined()
  })
  it.each(['a/+/b', 'a/#', ''])('refuses to publish to %j', topic => {
    expect(topicFault(topic)).toBeDefined()
  })
  it.each(['a+/b', 'a/#/b', 'a#', '', '$share/g/a'])('refuses the filter %j', filter => {
    expect(topicFilterFault(filter)).toBeDefined()
  })
})
