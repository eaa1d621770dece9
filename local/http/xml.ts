import { XMLParser } from 'fast-xml-parser'

/** A tree to write as XML: a list repeats its element, `undefined` leaves it out. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [element: string]: XmlValue }

/** A tree read from XML: text, an element, or a list where an element was repeated. */
export type XmlNode = string | readonly XmlNode[] | { readonly [element: string]: XmlNode }

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

// Carriage returns and other control characters must travel as references, or parsers normalise them away.
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
      .replace(/[&<>"\u0001-\u0008\u000b-\u001f]/g, char => escapes[char] ?? `&#${char.charCodeAt(0)};`)
  )
}

function element(name: string, value: XmlValue, attributes = ''): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map(item => element(name, item as XmlValue)).join('')
  if (typeof value === 'object') {
    const inner = Object.entries(value)
      .map(([child, item]) => element(child, item as XmlValue))
      .join('')
    return `<${name}${attributes}>${inner}</${name}>`
  }
  return `<${name}${attributes}>${escapeXml(String(value))}</${name}>`
}

/** A whole document with its declaration; `namespace` becomes the root's `xmlns`. */
export function writeXml(root: string, value: XmlValue, namespace?: string): string {
  const attributes = namespace === undefined ? '' : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, value, attributes)}`
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  processEntities: true,
  htmlEntities: true,
})

/** Content of the root element `root`; `undefined` when the text is no XML or has another root. */
export function readXml(text: string, root: string): XmlNode | undefined {
  try {
    const tree = parser.parse(text, true) as Readonly<Record<string, XmlNode>>
    return tree[root]
  } catch {
    return undefined
  }
}

/** All children with that name, in order; empty when there are none. */
export function children(node: XmlNode | undefined, name: string): readonly XmlNode[] {
  if (node === undefined || typeof node === 'string' || isList(node)) return []
  const child = node[name]
  if (child === undefined) return []
  return isList(child) ? child : [child]
}

/** Text of the first child with that name. */
export function childText(node: XmlNode | undefined, name: string): string | undefined {
  const first = children(node, name)[0]
  return typeof first === 'string' ? first : undefined
}

function isList(node: XmlNode): node is readonly XmlNode[] {
  return Array.isArray(node)
}
