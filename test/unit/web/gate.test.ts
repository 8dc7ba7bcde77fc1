// Who gets through to the daemon: the page, with its token, at its own address, for the orders that it needs.

import { describe, expect, test } from 'vitest'
import { OPS, type Op, type OpName } from '../../../src/contract/ops.js'
import { type Asked, type Gate, wayOf } from '../../../src/web/gate.js'

const token = 'a'.repeat(43)
const gate: Gate = { token, hosts: ['127.0.0.1:80', 'localhost:80'], files: new Set(['/', '/main.js']) }
const authorization = `Bearer ${token}`
const id = 'x'.repeat(32)

function ask(method: string, url: string, headers: Asked['headers'] = {}) {
  return wayOf({ method, url, headers: { host: '127.0.0.1:80', authorization, ...headers } }, gate)
}

function refused(status: number, detail: RegExp) {
  return { kind: 'refusal', document: { status, detail: expect.stringMatching(detail) } }
}

describe('another host or origin gets nothing, not even a file', () => {
  test.each([
    undefined,
    '',
    'evil.example',
    'evil.example:80',
    '127.0.0.1',
    '127.0.0.1:81',
    '127.0.0.1:80.evil.example',
  ])('host %s', (host) => {
    for (const url of ['/', '/v1/pairs', `/captures/${id}`])
      expect(ask('GET', url, { host })).toMatchObject(refused(403, /own address only/))
  })

  test.each([
    'null',
    'http://evil.example',
    'http://127.0.0.1:81',
    'https://127.0.0.1:80',
    'http://localhost:80',
  ])('origin %s', (origin) => {
    for (const method of ['GET', 'PUT'])
      expect(ask(method, '/v1/ends/x/impair', { origin })).toMatchObject(refused(403, /not to pages of/))
  })

  test('its own are taken, by either name', () => {
    for (const host of ['127.0.0.1:80', 'localhost:80', 'LOCALHOST:80'])
      expect(ask('GET', '/v1/pairs', { host })).toEqual({ kind: 'order', name: 'pair.list' })
    const origin = 'http://127.0.0.1:80'
    expect(ask('PATCH', '/v1/pairs/id:x', { origin })).toEqual({ kind: 'order', name: 'pair.set' })
  })
})

describe('the token', () => {
  test.each([
    undefined,
    '',
    token,
    `bearer ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    'Bearer ',
  ])('authorization %s is none', (authorization) => {
    for (const [method, url] of [
      ['GET', '/v1/pairs'],
      ['DELETE', `/captures/${id}`],
      ['POST', '/captures'],
      ['GET', '/nowhere'],
    ] as const)
      expect(ask(method, url, { authorization })).toMatchObject(refused(401, /token is missing or wrong/))
  })

  test('in the address it opens nothing: only a header carries it', () => {
    const none = { authorization: undefined }
    expect(ask('GET', `/v1/pairs?token=${token}`, none)).toMatchObject(refused(401, /token/))
  })

  test('files need none, and neither does the secret path of a capture', () => {
    const none = { authorization: undefined }
    expect(ask('GET', '/', none)).toEqual({ kind: 'file', path: '/' })
    expect(ask('HEAD', '/main.js?x', none)).toEqual({ kind: 'file', path: '/main.js' })
    expect(ask('GET', `/captures/${id}/veth0.pcapng`, none)).toEqual({ kind: 'capture', order: 'read', id })
  })
})

describe('what may be asked for', () => {
  const page: OpName[] = [
    'pair.list',
    'stats.list',
    'pair.set',
    'impair.get',
    'impair.set',
    'impair.patch',
    'impair.del',
    'events',
    'health',
  ]

  test.each(Object.entries(OPS))('%s, as far as the page needs it', (name, { method, path }: Op) => {
    const way = ask(method, path.replace('{ref}', 'id%3Aveth0').replace('{id}', '7'))
    if (page.includes(name as OpName)) expect(way).toEqual({ kind: 'order', name })
    else
      expect(way).toMatchObject({
        kind: 'refusal',
        document: { status: expect.toSatisfy((is) => is === 404 || is === 405) },
      })
  })

  test.each([
    '/..',
    '/../main.js',
    '/%2e%2e/main.js',
    '/main.js/',
    '//main.js',
    '/package.json',
    '/v1/ends/../impair',
    '/v1/pairs/.',
    '/v1/pairs/a/b',
    '/v1/ends//impair',
    'http://127.0.0.1:80/v1/pairs',
    '*',
    '',
    '/metrics',
    '/openapi.json',
    '/v1/handover',
    '/captures/short',
    `/captures/${id}/a/b`,
  ])('nothing is at %s', (url) => {
    for (const method of ['GET', 'POST'])
      expect(ask(method, url)).toMatchObject(refused(404, /nothing is at/))
  })

  test.each([
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/main.js', 'GET, HEAD'],
    ['POST', '/v1/pairs', 'GET'],
    ['HEAD', '/v1/pairs', 'GET'],
    ['DELETE', '/v1/pairs/veth0', 'PATCH'],
    ['POST', '/v1/ends/x/impair', 'GET, PUT, PATCH, DELETE'],
    ['GET', '/captures', 'POST'],
    ['PUT', `/captures/${id}`, 'GET, DELETE'],
    ['TRACE', '/v1/events', 'GET'],
  ])('%s %s is refused, with what may be done', (method, url, allow) => {
    expect(ask(method, url)).toMatchObject({ ...refused(405, /takes/), allow })
  })
})
