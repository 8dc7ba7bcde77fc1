// The control socket without a pair behind it: routes, the daemon's own operations, refusals and what nobody
// expected. What orders do to pairs is test/integration/503's business.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { Registry } from '../../../src/orders/registry.js'
import type { DaemonFace } from '../../../src/servers/dispatch.js'
import { type HttpServer, openHttp } from '../../../src/servers/http.js'
import { LIMITS, setLimits } from '../../../src/wishes/limits.js'
import { ask } from '../../support/daemon.js'

let folder: string
let socket: string
let http: HttpServer
let registry: PairRegistry
let daemon: DaemonFace & { ending: boolean; told: string[] }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'uvt-http-'))
  socket = join(folder, 's')
  registry = new Registry()
  daemon = {
    ending: false,
    told: [],
    version: () => ({ version: '1.2.3', pid: 7 }),
    health: () => ({ status: 'ok' }),
    shutdown: () => void daemon.told.push('shutdown'),
    forget: async (ref) => ref === 'kept',
    failed: (error, request) => void daemon.told.push(`${request}: ${(error as Error).message}`),
  }
  http = await openHttp(registry, daemon)
  await http.listen(socket)
})
afterEach(async () => {
  await http.close()
  rmSync(folder, { recursive: true })
})

const statusOf = async (method: string, path: string, body?: unknown) =>
  (await ask(socket, method, path, body)).status

test('an order for what is not there, a path that is not there, a method that a path has not', async () => {
  const nobody = await ask(socket, 'GET', '/v1/pairs/none')
  expect(nobody).toMatchObject({ status: 404, json: { code: 'ENODEV', errno: -19 } })
  expect(nobody.headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(await ask(socket, 'GET', '/v1/none')).toMatchObject({ status: 404, json: { status: 404 } })
  const wrong = await ask(socket, 'POST', '/v1/version')
  expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET'])
  expect(await statusOf('PUT', '/metrics')).toBe(405)
  expect(daemon.told).toEqual([])
})

test('more orders of one client at once than the limit are refused; afterwards there is room', async () => {
  onTestFinished(() => setLimits({ orders: LIMITS.orders.most }))
  setLimits({ orders: 2 })
  const going: (() => void)[] = []
  daemon.forget = () => new Promise((resolve) => going.push(() => resolve(true)))
  const orders = [statusOf('DELETE', '/v1/pairs/x'), statusOf('DELETE', '/v1/pairs/y')]
  await expect.poll(() => going.length).toBe(2)
  const refused = await ask(socket, 'DELETE', '/v1/pairs/z')
  expect(refused).toMatchObject({ status: 429, json: { code: 'EDQUOT' } })
  expect(refused.json.detail).toMatch(/2 orders of this client .*\(limit orders\)/)
  for (const go of going) go()
  expect(await Promise.all(orders)).toEqual([204, 204])
  expect(await statusOf('GET', '/v1/version')).toBe(200)
})

test('JSON that is nested deeper than any order is refused before it is read', async () => {
  const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  const answer = await ask(socket, 'POST', '/v1/pairs', nested(33))
  expect(answer).toMatchObject({ status: 413, json: { code: 'E2BIG' } })
  expect(answer.json.detail).toMatch(/nested 32 levels deep/)
  for (const text of ['['.repeat(200_000), '"'.repeat(99_999), '\\"'.repeat(99_999)])
    expect([400, 413]).toContain(await statusOf('POST', '/v1/pairs', text))
  // Brackets in a text are none.
  const name = '"[[[{{{\\"'.repeat(9)
  for (const body of [nested(32), { id: name }]) expect(await statusOf('POST', '/v1/pairs', body)).toBe(422)
})

test('a wish that is kept without a pair is forgotten, another is not found', async () => {
  expect(await statusOf('DELETE', '/v1/pairs/kept')).toBe(204)
  expect(await statusOf('DELETE', '/v1/pairs/other')).toBe(404)
})

test('what nobody expected is a 500 without its inside, and the daemon is told', async () => {
  daemon.health = () => {
    throw new Error('secret')
  }
  const { status, text } = await ask(socket, 'GET', '/v1/health')
  expect(status).toBe(500)
  expect(text).not.toContain('secret')
  expect(daemon.told).toEqual(['GET /v1/health: secret'])
})

test('the daemon ends after it has answered, and refuses orders from then on', async () => {
  expect(await ask(socket, 'POST', '/v1/shutdown')).toMatchObject({ status: 202, json: { status: 'ending' } })
  expect(daemon.told).toEqual(['shutdown'])
  daemon.ending = true
  expect(await ask(socket, 'GET', '/v1/version')).toMatchObject({
    status: 503,
    json: { detail: expect.stringMatching(/^ESHUTDOWN/) },
  })
})

test('it is busy while an order is carried out, and settled once that is answered', async () => {
  let finish: () => void = () => {}
  daemon.forget = () => new Promise((resolve) => (finish = () => resolve(true)))
  const order = statusOf('DELETE', '/v1/pairs/slow')
  while (!http.busy) await new Promise(setImmediate)
  const settled = http.settled()
  finish()
  await settled
  expect([http.busy, await order]).toEqual([false, 204])
})

test('events are told to whoever listens, and metrics are there without a pair', async () => {
  const { request } = await import('node:http')
  const listening = request({ socketPath: socket, path: '/v1/events', agent: false }).end()
  const [answer] = await once(listening, 'response')
  registry.emit('event', { event: 'carrier', id: 'x', on: true })
  const [line] = await once(answer.setEncoding('utf8'), 'data')
  expect(JSON.parse(line)).toEqual({ event: 'carrier', id: 'x', on: true })
  const { text } = await ask(socket, 'GET', '/metrics')
  expect(text).toMatch(/^uveth_pairs 0$/m)
  // They wake an idle daemon.
  expect(text).not.toMatch(/^nodejs_eventloop_lag_p99/m)
  await http.close()
  await once(answer.resume(), 'close')
})
