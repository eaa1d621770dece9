import { createRequire } from 'node:module'
import * as D from '@aws-sdk/client-dynamodb'
import { startDynamoDb, tableProperties, refusal } from './dynamodb-cloud.ts'
const require = createRequire(import.meta.url)
const dynalite = require('dynalite')({ createTableMs: 0, deleteTableMs: 0 })
await new Promise<void>(r => dynalite.listen(0, '127.0.0.1', r))
const other = new D.DynamoDBClient({ endpoint: `http://127.0.0.1:${dynalite.address().port}`, region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 })
const cloud = await startDynamoDb()
const T = 'difftable'
let crash: (e: Error) => void = () => {}
process.on('uncaughtException', e => crash(e))
let crashes = 0
for (const c of [other, cloud.client]) await c.send(new D.CreateTableCommand(tableProperties(T)))
await D.waitUntilTableExists({ client: other, maxWaitTime: 60, minDelay: 1 }, { TableName: T })
let seed = 7
const rnd = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n
const pick = <X>(a: readonly X[]): X => a[rnd(a.length)]!
const paths = ['a', 'b', 'm.x', 'm.y', 'l[0]', 'l[1]', 'l[2].k', 's', 'n', 'g', 'pk', 'zz', 'm', 'l', '#al', '#un', 'status', 'bin','ns']
const vals = [':s', ':n', ':n2', ':ss', ':ns', ':l', ':m', ':b', ':bool', ':null', ':un', ':pre', ':T']
const operand = (): string => pick([() => pick(paths), () => pick(vals), () => `size(${pick(paths)})`, () => pick(paths)])()
const cond = (d: number): string => d > 2 ? `${operand()} ${pick(['=', '<>', '<', '<=', '>', '>='])} ${operand()}` : pick([
  () => `${operand()} ${pick(['=', '<>', '<', '<=', '>', '>='])} ${operand()}`,
  () => `${cond(d + 1)} ${pick(['AND', 'OR', 'and'])} ${cond(d + 1)}`,
  () => `NOT ${cond(d + 1)}`, () => `(${cond(d + 1)})`,
  () => `${operand()} BETWEEN ${operand()} AND ${operand()}`,
  () => `${operand()} IN (${operand()}, ${operand()})`,
  () => `attribute_exists(${operand()})`, () => `attribute_not_exists(${pick(paths)})`,
  () => `attribute_type(${pick(paths)}, ${pick(vals)})`, () => `begins_with(${operand()}, ${operand()})`, () => `contains(${operand()}, ${operand()})`,
])()
const sv = (d: number): string => pick([() => pick(vals), () => pick(paths), () => d > 1 ? pick(vals) : `if_not_exists(${pick(paths)}, ${sv(d + 1)})`, () => d > 1 ? ':l' : `list_append(${sv(d + 1)}, ${sv(d + 1)})`])()
const upd = (): string => {
  const secs: string[] = []
  if (rnd(3)) secs.push('SET ' + Array.from({ length: 1 + rnd(2) }, () => `${pick(paths)} = ${sv(0)}${pick(['', '', ` + ${sv(1)}`, ` - ${sv(1)}`])}`).join(', '))
  if (rnd(2)) secs.push('REMOVE ' + Array.from({ length: 1 + rnd(2) }, () => pick(paths)).join(', '))
  if (!rnd(3)) secs.push(`ADD ${pick(paths)} ${pick(vals)}`)
  if (!rnd(3)) secs.push(`DELETE ${pick(paths)} ${pick(vals)}`)
  return secs.join(' ') || 'SET a = :n'
}
const V: Record<string, D.AttributeValue> = { ':s': { S: 'abc' }, ':pre': { S: 'ab' }, ':T': { S: 'S' }, ':n': { N: '5' }, ':n2': { N: '2.5' }, ':ss': { SS: ['q', 'r'] }, ':ns': { NS: ['1', '2'] }, ':l': { L: [{ N: '5' }] }, ':m': { M: { x: { N: '1' } } }, ':b': { B: new Uint8Array([1, 2]) }, ':bool': { BOOL: true }, ':null': { NULL: true } }
const item: Record<string, D.AttributeValue> = { pk: { S: 'p' }, sk: { S: 's' }, a: { S: 'abc' }, b: { N: '5' }, m: { M: { x: { N: '1' }, y: { S: 'abc' } } }, l: { L: [{ N: '5' }, { S: 'abc' }, { M: { k: { N: '2.5' } } }] }, s: { SS: ['q', 'w'] }, ns: { NS: ['1', '3'] }, n: { N: '5' }, g: { S: 'abc' }, bin: { B: new Uint8Array([1, 2, 3]) }, alias: { S: 'q' } }
const subst = (e: string) => {
  const used = Object.fromEntries(Object.entries(V).filter(([k]) => new RegExp(`${k}\\b`).test(e)))
  return { ...(Object.keys(used).length ? { ExpressionAttributeValues: used } : {}), ...(e.includes('#al') ? { ExpressionAttributeNames: { '#al': 'alias' } } : {}) }
}
const canon = (v: unknown): unknown => v instanceof Uint8Array ? [...v] : Array.isArray(v) ? v.map(canon) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, ['SS', 'NS', 'BS'].includes(k) ? (x as string[]).slice().sort() : canon(x)]).sort()) : v
const run = async (c: D.DynamoDBClient, e: string, update: boolean) => {
  await c.send(new D.PutItemCommand({ TableName: T, Item: item }))
  const Key = { pk: item['pk']!, sk: item['sk']! }
  try {
    const r = update
      ? await c.send(new D.UpdateItemCommand({ TableName: T, Key, UpdateExpression: e, ReturnValues: 'ALL_NEW', ...subst(e) }))
      : await c.send(new D.PutItemCommand({ TableName: T, Item: item, ConditionExpression: e, ...subst(e) }))
    return JSON.stringify(canon(r.Attributes ?? 'ok'))
  } catch (x) { return `${(x as Error).name}: ${(x as Error).message}` }
}
let same = 0; const diffs: string[] = []; let ok = 0
for (let i = 0; i < 800; i++) {
  const update = i % 2 === 0
  const e = update ? upd() : cond(0)
  const crashed = new Promise<string>(r => { crash = () => { crashes++; r('CRASH') } })
  const x = await Promise.race([run(other, e, update), crashed])
  const y = await run(cloud.client, e, update)
  if (x === 'CRASH') continue
  if (x === y) { same++; if (!/Validation/.test(y)) ok++ } else diffs.push(`${e}\n   dynalite: ${x.slice(0, 330)}\n   own:      ${y.slice(0, 330)}`)
}
const key = (d: string) => d.split('\n').slice(1).map(l => l.replace(/[:;].*/s, '').slice(0, 30) + '|' + l.replace(/(token|attribute name|attribute value|reserved keyword|path one|operand type|operator|first operand).*/s, '').slice(0, 140)).join('~')
const groups = Map.groupBy(diffs, key)
console.log({ crashes, same, ok, diffs: diffs.length, groups: groups.size })
for (const [, g] of [...groups].sort((a, b) => b[1].length - a[1].length).slice(0, 40)) console.log(g.length, g[0])
await cloud.stop(); dynalite.close(); process.exit(0)
