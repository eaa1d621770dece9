/** In which order resources can be made. */
import { getAttParts } from './intrinsics.ts'
import { namesIn } from './sub.ts'
import { isRecord, type Template, TemplateError } from './template.ts'

/**
 * Logical ids in an order in which each comes after everything it refers to, otherwise in the template's order.
 * Resources whose condition is false are left out. Throws TemplateError naming a cycle or an unknown DependsOn.
 */
export function deploymentOrder(template: Template, condition: (name: string) => boolean): readonly string[] {
  const made = (id: string): boolean => {
    const name = template.Resources[id]?.Condition
    return name === undefined || condition(name)
  }
  const order: string[] = []
  const done = new Set<string>()
  const open: string[] = []
  const visit = (id: string): void => {
    if (done.has(id)) return
    const start = open.indexOf(id)
    if (start >= 0) {
      const cycle = [...open.slice(start), id].join(' -> ')
      throw new TemplateError('Resources', `circular dependency: ${cycle}`)
    }
    open.push(id)
    for (const other of dependencies(template, id, condition)) if (made(other)) visit(other)
    open.pop()
    done.add(id)
    order.push(id)
  }
  for (const id of Object.keys(template.Resources)) if (made(id)) visit(id)
  return order
}

function dependencies(template: Template, id: string, condition: (name: string) => boolean): Set<string> {
  const found = new Set<string>()
  const resource = template.Resources[id]
  for (const name of resource?.DependsOn ?? []) {
    if (!Object.hasOwn(template.Resources, name))
      throw new TemplateError(`${id}.DependsOn`, `there is no resource ${name}`)
    found.add(name)
  }
  collect(resource?.Properties, name => Object.hasOwn(template.Resources, name) && found.add(name), condition)
  return found
}

/** Names that a value refers to; of an `Fn::If` only the branch taken counts. */
function collect(value: unknown, add: (name: string) => unknown, condition: (name: string) => boolean): void {
  if (Array.isArray(value)) {
    for (const each of value) collect(each, add, condition)
    return
  }
  if (!isRecord(value)) return
  const [key, ...others] = Object.keys(value)
  const argument = key === undefined || others.length > 0 ? undefined : value[key]
  if (key === 'Ref' && typeof argument === 'string') add(argument)
  else if (key === 'Fn::GetAtt' && argument !== undefined)
    add(getAttParts(argument, { ref: () => '' }, 'Fn::GetAtt')[0])
  else if (key === 'Fn::If' && Array.isArray(argument) && argument.length === 3)
    collect(argument[condition(String(argument[0])) ? 1 : 2], add, condition)
  else {
    if (key === 'Fn::Sub') {
      const [text, given] = Array.isArray(argument) ? argument : [argument, {}]
      for (const name of namesIn(String(text)))
        if (!(isRecord(given) && Object.hasOwn(given, name))) add(name.split('.')[0] ?? '')
    }
    for (const inner of Object.values(value)) collect(inner, add, condition)
  }
}
