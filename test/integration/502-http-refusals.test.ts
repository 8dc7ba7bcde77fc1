// What the control socket refuses, and how it says so. One daemon for all of it: nothing that is refused may
// disturb it or leave anything behind.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
})
afterAll(() => daemon.endWell())

const post = (body: unknown, headers = {}) => daemon.ask('POST', '/v1/pairs', body, headers)
const names = () => daemon.home.names()

/** Sends bytes as they are and answers all that comes back. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ path: daemon.socket }, () => socket.write(text))
    socket.setEncoding('utf8').on('data', (part) => {
      answer += part
    })
    socket.on('end', () => resolve(answer))
    socket.on('error', reject)
  })
}

describe('refused, with a problem document', () => {
  const wishes: [string, unknown, number, object][] = [
    ['an unknown field', { colour: 'red' }, 422, { code: 'EINVAL', errno: -22, attribute: 'colour' }],
    ['an unknown field of an end', { a: { colour: 1 } }, 422, { attribute: 'a.colour' }],
    ['a prototype', '{"__proto__": {"a": 1}}', 422, { attribute: '__proto__' }],
    ['a text for a number', { a: { mtu: '1500' } }, 422, { attribute: 'a.mtu' }],
    ['a number for a text', { a: { name: 7 } }, 422, { attribute: 'a.name' }],
    ['a number for a flag', { b: { up: 1 } }, 422, { attribute: 'b.up' }],
    ['null for an end', { a: null }, 422, { attribute: 'a' }],
    ['a flag for a namespace', { a: { netns: true } }, 422, { attribute: 'a.netns' }],
    ['a fraction', { a: { mtu: 1500.5 } }, 422, { attribute: 'a.mtu' }],
    ['an array for a wish', [], 422, { code: 'EINVAL' }],
    ['null for a wish', 'null', 422, { code: 'EINVAL' }],
    ['an MTU that is too small', { a: { mtu: 67 } }, 422, { attribute: 'a.mtu' }],
    ['a name that is too long', { a: { name: 'x'.repeat(16) } }, 422, { attribute: 'a.name' }],
    ['a multicast MAC', { b: { address: '01:00:00:00:00:01' } }, 422, { attribute: 'b.address' }],
    ['an address that is none', { a: { addresses: ['10.0.0.300/8'] } }, 422, { attribute: 'a.addresses' }],
    ['too many queues', { queues: 257 }, 422, { attribute: 'queues' }],
    ['an id with a slash', { id: 'a/b' }, 422, { attribute: 'id' }],
    ['a namespace that is not there', { a: { netns: 'uvt-none' } }, 422, { code: 'ENOENT' }],
    ['a name that is taken', { a: { name: 'lo' } }, 409, { code: 'EEXIST' }],
    ['half of JSON', '{"a":', 400, { code: 'EBADMSG' }],
    ['bytes that are no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 400, { code: 'EBADMSG' }],
  ]
  test.each(wishes)('%s', async (_, body, status, fields) => {
    expectProblem(await post(body), status, fields)
    expect(names()).toEqual(['lo'])
  })

  test('a body that is too large, by its announcement alone', async () => {
    const head =
      'POST /v1/pairs HTTP/1.1\r\nhost: u\r\ncontent-type: application/json\r\ncontent-length: 4200000\r\n\r\n'
    const answer = await raw(head)
    expect(answer).toMatch(/^HTTP\/1.1 413 /)
    expect(answer).toContain('"code":"E2BIG"')
  })

  test('a body that is no JSON by its type', async () => {
    expectProblem(await post('a=b', { 'content-type': 'text/plain' }), 415, {})
  })

  const requests: [string, string, number, object][] = [
    ['GET', '/', 404, { code: 'ENOENT' }],
    ['GET', '/v2/pairs', 404, {}],
    ['GET', '/v1/pairs/nothing', 404, { code: 'ENODEV', errno: -19 }],
    ['GET', '/v1/pairs/id:nothing/stats', 404, { code: 'ENODEV' }],
    ['DELETE', '/v1/pairs/nothing', 404, { code: 'ENODEV' }],
    ['PATCH', '/v1/ends/nothing', 404, { code: 'ENODEV' }],
    ['GET', `/v1/pairs/${'x'.repeat(2_000)}`, 414, {}],
    ['GET', '/v1/pairs/%zz', 400, {}],
    ['GET', '/v1/pairs?limit=1', 422, { attribute: 'limit' }],
  ]
  test.each(requests)('%s %s', async (method, path, status, fields) => {
    const body = method === 'PATCH' ? {} : undefined
    expectProblem(await daemon.ask(method, path, body), status, fields)
  })

  const methods: [string, string, string][] = [
    ['DELETE', '/v1/pairs', 'GET, POST'],
    ['POST', '/v1/pairs/x', 'PUT, GET, PATCH, DELETE'],
    ['GET', '/v1/shutdown', 'POST'],
    ['HEAD', '/v1/version', 'GET'],
    ['POST', '/metrics', 'GET'],
    ['PROPFIND', '/v1/events', 'GET'],
  ]
  test.each(methods)('%s %s: there is %s', async (method, path, allow) => {
    const { status, headers } = await daemon.ask(method, path)
    expect([status, headers.allow]).toEqual([405, allow])
  })

  test('what is not HTTP', async () => {
    expect(await raw('hello\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem/,
    )
    const long = `GET / HTTP/1.1\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`
    expect(await raw(long)).toMatch(/^HTTP\/1.1 431 /)
  })
})
