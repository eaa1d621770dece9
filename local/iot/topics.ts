/** Topic names and filters by the rules of MQTT 3.1.1 and the limits of AWS IoT Core. */

/** Bytes of a topic or filter, not counting the `$aws/rules/{rule}/` of Basic Ingest. */
const MAX_TOPIC_BYTES = 256
/** Forward slashes, likewise: eight levels. */
const MAX_SLASHES = 7

const BASIC_INGEST = /^\$aws\/rules\/([^/]+)\/(.*)$/s

/** Rule name and remaining topic of a Basic Ingest topic; undefined for any other. */
export const basicIngest = (
  topic: string,
): { readonly ruleName: string; readonly topic: string } | undefined => {
  const [, ruleName, rest] = BASIC_INGEST.exec(topic) ?? []
  return ruleName === undefined || rest === undefined ? undefined : { ruleName, topic: rest }
}

/** What is wrong with a topic to publish to, or undefined. */
export const topicFault = (topic: string): string | undefined => {
  if (topic === '') return 'the topic is empty'
  if (/[+#]/.test(topic)) return 'a topic to publish to must not contain + or #'
  return lengthFault(basicIngest(topic)?.topic ?? topic)
}

/** What is wrong with a topic filter, or undefined. Shared subscriptions count as a fault. */
export const topicFilterFault = (filter: string): string | undefined => {
  if (filter === '') return 'the topic filter is empty'
  const levels = filter.split('/')
  if (levels[0] === '$share') return 'shared subscriptions are not implemented by the local cloud'
  for (const [at, level] of levels.entries()) {
    if (level.includes('+') && level !== '+') return '+ must be a whole level of the topic filter'
    if (level.includes('#') && (level !== '#' || at !== levels.length - 1))
      return '# must be the whole last level of the topic filter'
  }
  return lengthFault(filter)
}

const lengthFault = (topic: string): string | undefined => {
  if (topic.includes('\0')) return 'a topic must not contain the null character'
  if (Buffer.byteLength(topic, 'utf8') > MAX_TOPIC_BYTES)
    return `a topic has at most ${MAX_TOPIC_BYTES} bytes`
  if (topic.split('/').length - 1 > MAX_SLASHES)
    return `a topic has at most ${MAX_SLASHES} slashes (${MAX_SLASHES + 1} levels)`
  return undefined
}

export const isWildcard = (filter: string): boolean => /[+#]/.test(filter)

/**
 * Compiles a filter to a predicate over topics. As AWS IoT documents, and unlike MQTT, `a/#` does not match `a`;
 * a filter that starts with a wildcard does not match topics that start with `$`.
 */
export const compileTopicFilter = (filter: string): ((topic: string) => boolean) => {
  if (!isWildcard(filter)) return topic => topic === filter
  const wanted = filter.split('/')
  const open = wanted.at(-1) === '#'
  const fixed = open ? wanted.slice(0, -1) : wanted
  const startsWild = isWildcard(wanted[0] ?? '')
  return topic => {
    if (startsWild && topic.startsWith('$')) return false
    const levels = topic.split('/')
    if (open ? levels.length <= fixed.length : levels.length !== fixed.length) return false
    return fixed.every((level, at) => level === '+' || level === levels[at])
  }
}
