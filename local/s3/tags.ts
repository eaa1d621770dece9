import { children, childText, readXml, type XmlValue } from '../http/xml.ts'
import { malformedXml, S3Error } from './errors.ts'

type Tags = Readonly<Record<string, string>>
const most = 10

/** Tag pairs as a record; throws InvalidTag (duplicates, too long) or BadRequest (more than 10). */
export function checkedTags(pairs: readonly (readonly [string, string])[], limit = most): Tags {
  if (pairs.length > limit)
    throw new S3Error('BadRequest', `Object tags cannot be greater than ${limit}`, 400)
  const tags: Record<string, string> = Object.create(null) as Record<string, string>
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128)
      throw new S3Error('InvalidTag', 'The TagKey you have provided is invalid', 400, { TagKey: key })
    if (value.length > 256)
      throw new S3Error('InvalidTag', 'The TagValue you have provided is invalid', 400, { TagKey: key })
    if (key in tags)
      throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key', 400, { TagKey: key })
    tags[key] = value
  }
  return tags
}

export function parseTagging(xml: string, limit = most): Tags {
  const set = children(readXml(xml, 'Tagging'), 'TagSet')[0]
  if (set === undefined) throw malformedXml()
  const pairs = children(set, 'Tag').map(tag => {
    const key = childText(tag, 'Key')
    if (key === undefined) throw malformedXml()
    return [key, childText(tag, 'Value') ?? ''] as const
  })
  return checkedTags(pairs, limit)
}

export function taggingTree(tags: Tags): XmlValue {
  return { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } }
}
