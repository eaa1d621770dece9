import type * as z from 'zod'

export type Issue = z.core.$ZodIssue

/** Of a union, the alternative that the value comes closest to: what is wrong there is what a person can mend. */
export function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue
  const found = issue.errors
    .flatMap(([first]) => (first === undefined ? [] : [deepest(first)]))
    .sort((a, b) => b.path.length - a.path.length)[0]
  return found === undefined || found.path.length === 0
    ? issue
    : { ...found, path: [...issue.path, ...found.path] }
}
