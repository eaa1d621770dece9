import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { proxyResponse } from '../../local/apigateway/payload.ts'
import { parseRouteKey, selectRoute, split } from '../../local/apigateway/routes.ts'

const routes = [
  '$default',
  'ANY /{proxy+}',
  'GET /pets/{proxy+}',
  'GET /pets/{id}',
  'ANY /pets/{id}',
  'GET /pets/dog',
  'GET /pets/{id}/toys/{toy}',
  'GET /',
].map(key => ({ pattern: parseRouteKey(key) }))

describe('selectRoute', () => {
  it.each([
    ['GET', '/pets/dog', 'GET /pets/dog', undefined],
    ['GET', '/pets/cat', 'GET /pets/{id}', { id: 'cat' }],
    ['POST', '/pets/cat', 'ANY /pets/{id}', { id: 'cat' }],
    ['POST', '/pets/dog', 'ANY /pets/{id}', { id: 'dog' }],
    ['GET', '/pets/cat/toys/ball', 'GET /pets/{id}/toys/{toy}', { id: 'cat', toy: 'ball' }],
    ['GET', '/pets/cat/x/y', 'GET /pets/{proxy+}', { proxy: 'cat/x/y' }],
    ['PUT', '/other/a', 'ANY /{proxy+}', { proxy: 'other/a' }],
    ['GET', '/', 'GET /', undefined],
    ['POST', '/', '$default', undefined],
    ['GET', '/pets/', 'ANY /{proxy+}', { proxy: 'pets/' }],
  ])('%s %s → %s', (method, path, key, parameters) => {
    const selected = selectRoute(routes, method, split(path))
    expect(selected?.route.pattern.key).toBe(key)
    expect(selected?.pathParameters).toEqual(parameters)
  })
  it('finds nothing where nothing fits', () => {
    expect(selectRoute([{ pattern: parseRouteKey('GET /a/{b}') }], 'GET', ['a'])).toBeUndefined()
    expect(selectRoute([{ pattern: parseRouteKey('GET /a/{b}') }], 'GET', ['a', ''])).toBeUndefined()
    expect(selectRoute([{ pattern: parseRouteKey('GET /a') }], 'POST', ['a'])).toBeUndefined()
  })
  it('gives back what was put into the variables', () => {
    const segment = fc.stringMatching(/^[^/]+$/)
    fc.assert(
      fc.property(segment, fc.array(segment, { minLength: 1 }), (id, rest) => {
        const selected = selectRoute([{ pattern: parseRouteKey('GET /a/{id}/{rest+}') }], 'GET', [
          'a',
          id,
          ...rest,
        ])
        expect(selected?.pathParameters).toEqual({ id, rest: rest.join('/') })
      }),
    )
  })
})

describe('parseRouteKey', () => {
  it.each([
    'GET',
    'get /a',
    'FETCH /a',
    'GET a',
    'GET /a b',
    'GET /{a+}/b',
    'GET /x{a}',
    'GET /{a',
    '$other',
  ])('refuses "%s"', key => {
    expect(() => parseRouteKey(key)).toThrow(key)
  })
})

describe('proxyResponse', () => {
  const answer = (value: unknown) => proxyResponse(Buffer.from(JSON.stringify(value)))
  it.each([
    [{ ok: true }, 200, 'application/json', '{"ok":true}'],
    ['words', 200, 'application/json', 'words'],
    [null, 200, 'application/json', 'null'],
    [[1], 200, 'application/json', '[1]'],
    [{ statusCode: 201, body: 'x' }, 201, 'text/plain; charset=utf-8', 'x'],
    [{ statusCode: '404', headers: { 'Content-Type': 'a/b' }, body: 'x' }, 404, 'a/b', 'x'],
    [{ statusCode: 204 }, 204, undefined, ''],
    [{ statusCode: 200, body: 'aGk=', isBase64Encoded: true }, 200, 'text/plain; charset=utf-8', 'hi'],
  ])('%j', (value, status, type, body) => {
    const found = answer(value)
    expect([found?.status, found?.headers?.['content-type'], String(found?.body)]).toEqual([
      status,
      type,
      body,
    ])
  })
  it.each([
    { statusCode: 'abc' },
    { statusCode: 42 },
    { statusCode: 200, body: { not: 'text' } },
    { statusCode: 200, headers: { 'bad name': 'x' } },
    { statusCode: 200, headers: { ok: 'line\r\nbreak' } },
    { statusCode: 200, cookies: [1] },
  ])('%j is malformed', value => {
    expect(answer(value)).toBeUndefined()
  })
  it('takes any JSON without throwing', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        value => void answer({ statusCode: 200, headers: value, body: value, cookies: value }),
      ),
    )
    fc.assert(fc.property(fc.uint8Array(), bytes => void proxyResponse(Buffer.from(bytes))))
  })
})
