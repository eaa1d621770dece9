/**
 * AWS's addresses, which a template spells out and no machine but AWS's answers, and where this cloud answers in
 * their place.
 */
export interface Addresses {
  /** `aws` and `local` are origins, or URLs without a slash at the end. */
  add(aws: string, local: string): void
  /** The text with every address that is known put in its place. */
  local(text: string): string
}

export function createAddresses(): Addresses {
  const known = new Map<string, string>()
  return {
    add: (aws, local) => void known.set(aws, local),
    local: text => text.replaceAll(/https:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)+/g, aws => known.get(aws) ?? aws),
  }
}
