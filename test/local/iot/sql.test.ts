import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SqlParseError } from '../../../local/iot/sql/ast.ts'
import { createMessageContext } from '../../../local/iot/sql/context.ts'
import { SqlEvaluationError } from '../../../local/iot/sql/errors.ts'
import { evaluateStatement } from '../../../local/iot/sql/evaluate.ts'
import { parseStatement } from '../../../local/iot/sql/parser.ts'

const run = (sql: string, payload: unknown = {}, more: { topic?: string; clientId?: string } = {}) => {
  const raw = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload))
  const message = createMessageContext({
    raw,
    topic: more.topic ?? 'topic/subtopic',
    ...(more.clientId === undefined ? {} : { clientId: more.clientId, traceId: 'trace-1' }),
    principal: 'ba67293af50bf250',
    accountId: '123456789012',
    now: 1_481_825_251_155,
  })
  return evaluateStatement(parseStatement(sql), message)
}
const json = (sql: string, payload?: unknown, more?: { topic?: string; clientId?: string }) => {
  const output = run(sql, payload, more)
  return output === undefined ? 'no match' : JSON.parse(output.toString('utf8'))
}
/** Value of one expression; `{}` (Undefined is left out) comes back as undefined. */
const value = (expression: string, payload?: unknown, more?: { topic?: string; clientId?: string }) =>
  json(`SELECT ${expression} AS x FROM 't'`, payload, more).x

describe('SELECT, as in the developer guide', () => {
  const payload = { color: 'red', temperature: 50 }
  it.each([
    ['SELECT * FROM "t"', payload, payload],
    ["SELECT color FROM 't'", payload, { color: 'red' }],
    ["SELECT color AS my_color FROM 't'", payload, { my_color: 'red' }],
    [
      "SELECT color as my_color, temperature as fahrenheit FROM 't'",
      payload,
      { my_color: 'red', fahrenheit: 50 },
    ],
    ["SELECT *, 15 as speed FROM 't'", payload, { ...payload, speed: 15 }],
    ["SELECT VALUE color FROM 't'", payload, 'red'],
    ["SELECT color.red as red_value FROM 't'", { color: { red: 255, green: 0 } }, { red_value: 255 }],
    [
      "SELECT (temperature - 32) * 5 / 9 AS celsius, upper(color) as my_color FROM 't'",
      payload,
      { celsius: 10, my_color: 'RED' },
    ],
    ["SELECT foo.bar AS bar.baz FROM 't'", { foo: { bar: 'RED', bar1: 'GREEN' } }, { bar: { baz: 'RED' } }],
    [
      "SELECT {'latitude': get(lat_long, 0),'longitude':get(lat_long, 1)} as lat_long FROM 't'",
      { lat_long: [47.606, -122.332] },
      { lat_long: { latitude: 47.606, longitude: -122.332 } },
    ],
    [
      "SELECT [lat,long] as lat_long FROM 't'",
      { lat: 47.696, long: -122.332 },
      { lat_long: [47.696, -122.332] },
    ],
    ["SELECT NULL AS n FROM 't'", {}, { n: null }],
    [
      "SELECT temp, md5(deviceid) AS hashed_id FROM 't'",
      { deviceid: 'iot123', temp: 54.98 },
      {
        temp: 54.98,
        hashed_id: createHash('md5').update('iot123').digest('hex'),
      },
    ],
    // Undefined is left out; null is a value.
    ["SELECT foo, bar FROM 't'", { foo: null }, { foo: null }],
    ["SELECT a.b[1].c FROM 't'", { a: { b: [{}, { c: 7 }] } }, { c: 7 }],
    ["SELECT a AS x.y, b AS x.z FROM 't'", { a: 1, b: 2 }, { x: { y: 1, z: 2 } }],
    ["SELECT value, timestamp FROM 't'", { value: 1, timestamp: 2 }, { value: 1, timestamp: 2 }],
  ])('%s', (sql, input, expected) => {
    expect(json(sql, input)).toEqual(expected)
  })

  it('gives the result of CASE', () => {
    const sql =
      "SELECT CASE color WHEN 'green' THEN 'go' WHEN 'yellow' THEN 'caution' ELSE 'none' END as i FROM 't'"
    expect(json(sql, { color: 'yellow' })).toEqual({ i: 'caution' })
    expect(json(sql, { color: 'blue' })).toEqual({ i: 'none' })
    // "If v is Undefined, the result of the case statement is Undefined", ELSE or not.
    expect(json(sql, {})).toEqual({})
    expect(value("CASE 1 WHEN 2 THEN 'two' END")).toBeUndefined()
  })

  it('queries nested arrays', () => {
    const e = [
      { n: 'temperature', u: 'Cel', t: 1234, v: 22.5 },
      { n: 'light', u: 'lm', t: 1235, v: 135 },
      { n: 'acidity', u: 'pH', t: 1235, v: 7 },
    ]
    expect(json("SELECT (SELECT VALUE n FROM e) as sensors FROM 't'", { e })).toEqual({
      sensors: ['temperature', 'light', 'acidity'],
    })
    expect(json("SELECT (SELECT v FROM e WHERE n = 'temperature') as temperature FROM 't'", { e })).toEqual({
      temperature: [{ v: 22.5 }],
    })
    expect(
      json("SELECT get((SELECT v FROM e WHERE n = 'temperature'), 0).v as temperature FROM 't'", { e }),
    ).toEqual({ temperature: 22.5 })
  })

  it('keeps the bytes of a payload that is selected whole', () => {
    const raw = Buffer.from('{ "big": 12345678901234567890 }')
    expect(run("SELECT * FROM 't'", raw)).toEqual(raw)
  })

  it('serialises Undefined by itself as the empty string', () => {
    expect(run("SELECT VALUE missing FROM 't'", {})?.toString()).toBe('')
  })

  it('does not take inherited properties for fields', () => {
    expect(json("SELECT constructor, toString, a.length AS l FROM 't'", { a: [1] })).toEqual({})
    const output = run("SELECT * , 1 AS x FROM 't'", Buffer.from('{"__proto__":{"y":1}}'))
    expect(output?.toString()).toBe('{"__proto__":{"y":1},"x":1}')
  })
})

describe('WHERE', () => {
  it.each([
    ["temperature > 50 AND color <> 'red'", { color: 'red', temperature: 40 }, false],
    ["temperature > 30 AND color = 'red'", { color: 'red', temperature: 40 }, true],
    ["color = 'red' OR temperature > 50", { color: 'red', temperature: 40 }, true],
    ['NOT hot', { hot: false }, true],
    ['NOT hot', { hot: 'FALSE' }, true],
    // "If all strings can be converted to Decimal": "41" counts as 41.
    ['temperature >= 41', { temperature: '41' }, true],
    ['temperature > 40', { temperature: 'warm' }, false],
    // Undefined never matches, and AND and OR with it are Undefined as well.
    ['missing > 1', {}, false],
    ['missing <> 1', {}, false],
    ['true OR missing', {}, false],
    ['NOT missing', {}, false],
    ['missing = missing', {}, false],
    // Mismatched types are unequal.
    ["a = '1'", { a: 1 }, false],
    ["a <> '1'", { a: 1 }, true],
    ['a = NULL', { a: null }, true],
    ['a <> NULL', { a: null }, false],
    ['a = b', { a: { x: [1, 2], y: 1 }, b: { y: 1, x: [1, 2] } }, true],
    ['a = b', { a: [1, 2], b: [2, 1] }, false],
    ["a IN ['x', 'y']", { a: 'y' }, true],
    ["a IN ('x', 'y')", { a: 'z' }, false],
    ['a IN list', { a: 3, list: [1, 2, 3] }, true],
    ['a IN (list)', { a: 3, list: [1, 2, 3] }, true],
    ['1 + 2 * 3 = 7 AND NOT 1 = 2 OR false', {}, true],
    [
      'get(get(get(mydata,"item2"),"0"),"my-key") = "myValue"',
      { mydata: { item2: { 0: { 'my-key': 'myValue' } } } },
      true,
    ],
    ['isUndefined(a) AND isNull(b)', { b: null }, true],
    ["'false'", {}, false],
    ["'TRUE'", {}, true],
    ['1', {}, false],
  ])('%s on %j is %s', (where, payload, matches) => {
    expect(json(`SELECT 1 AS hit FROM 't' WHERE ${where}`, payload)).toEqual(
      matches ? { hit: 1 } : 'no match',
    )
  })
})

describe('functions, with the examples of the developer guide', () => {
  it.each<[string, unknown]>([
    ['abs(-5)', 5],
    ["abs('-5.123')", 5.123],
    ['abs(true)', undefined],
    ['accountid()', '123456789012'],
    ['acos(0)', 1.5707963267948966],
    ['bitand(13, 5)', 5],
    ['cast(true as Int)', 1],
    ["cast('5E-1' as Decimal)", 0.5],
    ['cast(1.9 as Int)', 1],
    ['cast(0 as Boolean)', false],
    ["cast('yes' as Bool)", undefined],
    ['cast(12 as String)', '12'],
    ['cast([1,"a"] as varchar)', '[1,"a"]'],
    ['ceil(1.2)', 2],
    ['ceil(-1.2)', -1],
    ['chr(65)', 'A'],
    ['concat()', undefined],
    ['concat(1)', 1],
    ['concat([1, 2, 3], 4)', [1, 2, 3, 4]],
    ['concat([1, 2, 3], "hello", [4, 5, 6])', [1, 2, 3, 'hello', 4, 5, 6]],
    ['concat("he","is","man")', 'heisman'],
    ['concat(1, "hello")', '1hello'],
    ['decode("eyAidGVtcGVyYXR1cmUiOiAzMyB9Cg==","base64").temperature', 33],
    ['decode("aGVsbG8=","base64")', 'hello'],
    ['decode("not base64!","base64")', null],
    ['encode("hello", "base64")', 'aGVsbG8='],
    ['endswith("cat","at")', true],
    ['endswith(null,"at")', undefined],
    ['floor(1.2)', 1],
    ['floor(-1.2)', -2],
    ['isUndefined(floor([1,2,3]))', true],
    ['get(["a", "b", "c"], 1)', 'b'],
    ['get({"a":"b"}, "a")', 'b'],
    ['get([1], 1)', undefined],
    ['indexof("abcd", "bc")', 1],
    ['isNull(Null)', true],
    ['isNull(5)', false],
    ['isUndefined(5)', false],
    ['length("hi")', 2],
    ['length(false)', 5],
    ['lower("HELLO")', 'hello'],
    ['lower(["HELLO"])', '["hello"]'],
    ['md5("hello")', '5d41402abc4b2a76b9719d911017c592'],
    ['sha1("hello")', 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d'],
    ['sha256("hello")', '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'],
    ['mod(8, 3)', 2],
    ['8 % 3', 2],
    ['Nanvl(8, 3)', 8],
    ['nanvl(missing, 3)', 3],
    ['numbytes("€")', 3],
    ['power(2, 5)', 32],
    ['principal()', 'ba67293af50bf250'],
    ['regexp_matches("aaaa", "a{2,}")', true],
    ['regexp_matches("aaaa", "b")', false],
    ['regexp_matches("aaaa", "(")', undefined],
    ['regexp_replace("abcd", "bc", "x")', 'axd'],
    ['regexp_replace("abcd", "b(.*)d", "$1")', 'ac'],
    ['regexp_substr("hihihello", "(hi)*")', 'hihi'],
    ['replace("abcdabcd", "b", "x")', 'axcdaxcd'],
    ['Round(1.2)', 1],
    ['Round(1.5)', 2],
    ['Round(-1.1)', -1],
    ['Round(-1.5)', -2],
    ['sign(-7)', -1],
    ['sqrt(9)', 3],
    ['sqrt(-1)', undefined],
    ['startswith("ranger","ran")', true],
    ['substring("012345", 0)', '012345'],
    ['substring("012345", 2)', '2345'],
    ['substring("012345", 2.745)', '2345'],
    ['substring(123, 2)', '3'],
    ['substring("012345", -1)', '012345'],
    ['substring(true, 1.2)', 'rue'],
    ['substring(false, -2.411E247)', 'false'],
    ['substring("012345", 1, 3)', '12'],
    ['substring("012345", -50, 50)', '012345'],
    ['substring("012345", 3, 1)', ''],
    ['timestamp()', 1_481_825_251_155],
    ['Trim(" hi ")', 'hi'],
    ['trunc(2.3123, 2)', 2.31],
    ['trunc(2.888, 2)', 2.88],
    ['trunc(2.00, 5)', 2],
    ['trunc(-2.7, 0)', -2],
    ['upper("hello")', 'HELLO'],
  ])('%s', (expression, expected) => {
    expect(value(expression)).toEqual(expected)
  })

  it('tells topic, client and trace', () => {
    const more = { topic: 'Buildings/Building5/Floor2/Room201/Lights', clientId: 'lamp' }
    expect(value('topic()', {}, more)).toBe(more.topic)
    expect(value('topic(3)', {}, more)).toBe('Floor2')
    expect(value('topic(6)', {}, more)).toBeUndefined()
    expect(value('clientid()', {}, more)).toBe('lamp')
    expect(value('traceid()', {}, more)).toBe('trace-1')
    // "or n/a if the message wasn't sent over MQTT"; traceid() is Undefined then.
    expect(value('clientid()')).toBe('n/a')
    expect(value('traceid()')).toBeUndefined()
    expect(value('newuuid()')).toMatch(/^[0-9a-f-]{36}$/)
    expect(value('rand()')).toBeGreaterThanOrEqual(0)
  })
})

describe('operators', () => {
  it.each<[string, unknown]>([
    ["'a' + 1", 'a1'],
    ["1 + 'a'", '1a'],
    ["'a' + true", 'atrue'],
    ["'a' + [1]", 'a[1]'],
    ["'a' + missing", undefined],
    ['1 + true', undefined],
    ['1 + 2.5', 3.5],
    // Two Ints divide to an Int.
    ['7 / 2', 3],
    ['-7 / 2', -3],
    ['7 / 2.5', 2.8],
    ["'7' / 2", 3.5],
    ['1 / 0', undefined],
    ["'10' - 3", 7],
    ['-(2 + 3)', -5],
    ['- - 2', 2],
    ['2 - -2', 4],
    ['10 - 2 - 3', 5],
    ["'it''s'", "it's"],
  ])('%s', (expression, expected) => {
    expect(value(expression)).toEqual(expected)
  })
})

describe('payloads that are not JSON', () => {
  const binary = Buffer.from([0xff, 0x00, 0x80, 0x7b])
  it('hands raw bytes on for SELECT * alone', () => {
    expect(run("SELECT * FROM 't'", binary)).toEqual(binary)
    expect(run("SELECT * FROM 't' WHERE timestamp() % 5 = 0", binary)).toEqual(binary)
  })
  it('encodes them', () => {
    expect(json("SELECT encode(*, 'base64') AS data, timestamp() AS ts FROM 't'", binary)).toEqual({
      data: '/wCAew==',
      ts: 1_481_825_251_155,
    })
  })
  it("decodes a scalar as in the guide's WHERE example", () => {
    const sql =
      "SELECT decode(encode(*, 'base64'), 'base64') AS value FROM 't' WHERE decode(encode(*, 'base64'), 'base64') > 50"
    expect(json(sql, Buffer.from('80'))).toEqual({ value: 80 })
  })
  it.each(["SELECT a FROM 't'", "SELECT *, topic() AS t FROM 't'", "SELECT * FROM 't' WHERE a = 1"])(
    'fails: %s',
    sql => {
      expect(() => run(sql, binary)).toThrow(SqlEvaluationError)
    },
  )
  it('takes an empty payload as one without fields', () => {
    expect(json("SELECT *, topic(1) AS t FROM 't'", Buffer.alloc(0))).toEqual({ t: 'topic' })
  })
})

describe('statements that are refused', () => {
  it.each([
    ['', /expected SELECT/],
    ['SELECT', /expected an expression/],
    ["SELECT nosuch(1) AS x FROM 't'", /unknown function nosuch/],
    [
      "SELECT get_thing_shadow('a','b') AS x FROM 't'",
      /get_thing_shadow is not implemented by the local cloud/,
    ],
    ["SELECT upper(a) FROM 't'", /needs a name: add AS/],
    ['SELECT a FROM t', /FROM needs a topic filter in single quotes/],
    ["SELECT a FROM 'x/#/y'", /# must be the whole last level/],
    ["SELECT a FROM '$share/g/x'", /shared subscriptions/],
    ["SELECT a FROM 't' WHERE", /expected an expression/],
    ["SELECT a FROM 't' ORDER BY a", /unexpected "ORDER"/],
    ["SELECT 'open FROM", /not closed/],
    ["SELECT cast(a as date) AS x FROM 't'", /"date" is not a type/],
    ["SELECT CASE a END AS x FROM 't'", /at least one WHEN/],
    ["SELECT {a: 1} AS x FROM 't'", /an object key must be a string/],
    ["SET @a = 1 SELECT a FROM 't'", /SET clause is not implemented/],
    [`SELECT ${'('.repeat(5000)}1${')'.repeat(5000)} AS x FROM 't'`, /nested more than/],
    [`SELECT ${'1+'.repeat(5000)}1 AS x FROM 't'`, /operators in a row/],
    ['SELECT 1e999 AS x', /too large/],
    ['SELECT a; DROP', /unexpected character ";"/],
  ])('%.60s', (sql, message) => {
    expect(() => parseStatement(sql)).toThrow(SqlParseError)
    expect(() => parseStatement(sql)).toThrow(message)
  })
})
