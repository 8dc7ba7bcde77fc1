// What whoever may open the control socket can send, over pairs that are none (test/unit/orders/fake-pairs.ts,
// which fuzz.test.ts puts in the library's place): wishes by their shapes, and whole orders over HTTP.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OPS } from '../../../src/contract/ops.js'
import { mergeImpair, planImpair } from '../../../src/faults/impair-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { planSchedule } from '../../../src/faults/schedule-plan.js'
import { Registry } from '../../../src/orders/registry.js'
import { type HttpServer, openHttp } from '../../../src/servers/http.js'
import * as capture from '../../../src/wishes/capture.js'
import * as end from '../../../src/wishes/end.js'
import { IMPAIR_PATCH } from '../../../src/wishes/impair.js'
import { checked } from '../../../src/wishes/shape.js'
import { FLAP } from '../../../src/wishes/times.js'
import { ask } from '../../support/daemon.js'
import { OF_A_PAIR, wishWith } from '../../support/wrong-wishes.js'
import { refusing } from '../allow.js'
import type { Target } from '../fuzz.js'
import { parsed } from './kept.js'

const SHAPES = [
  ...[end.PAIR_WISH, end.PAIR_CHANGE, end.END_WISH, end.END_CHANGE, end.PAIR, end.END],
  ...[capture.CAPTURE, capture.CAPTURE_QUERY, capture.TARGET, IMPAIR_PATCH, FLAP],
]
const PAIR = {
  id: 'x',
  a: {
    name: 'v0',
    address: '02:00:00:00:00:01',
    mtu: 1500,
    up: true,
    addresses: ['10.0.0.1/24'],
    impair: { delay: '10ms', loss: { gemodel: { p: 1 } } },
  },
  b: {
    name: 'v1',
    netns: 'red',
    rules: [
      { action: { kind: 'corrupt', offset: 3 }, match: { ip: { src: '10.0.0.0/8' }, tcp: { flags: 'syn' } } },
    ],
  },
  queues: 2,
}
const IMPAIR = {
  delay: { time: 10, jitter: 2, distribution: 'normal' },
  loss: { state: { p13: 1 } },
  rate: { rate: '1mbit', burst: 100 },
  slot: { min: 1 },
  reorder: { probability: 1, gap: 2 },
}
const SCHEDULE = {
  steps: [
    { at: 0, impair: { loss: 1 } },
    { at: '5s', carrier: 'off', impair: null },
  ],
  repeat: true,
  period: '9s',
}
const RULE = {
  action: { kind: 'delay', ms: 3 },
  match: { udp: { port: [1, 3] }, vlan: { id: 3 }, bytes: [[0, 'ff', '01']], every: 2 },
}
/** Every attribute that there is. */
const WORDS = [...new Set(OF_A_PAIR.flatMap(([path]) => path.split('.')))]

export const wishes: Target = {
  name: 'wishes',
  kind: 'json',
  about: /src\/(wishes|faults)\//,
  seeds: [
    ...[PAIR, IMPAIR, RULE, SCHEDULE].map((wish) => JSON.stringify(wish)),
    ...OF_A_PAIR.map(([path, value]) => JSON.stringify(wishWith(path, value))),
  ],
  words: WORDS,
  run(input) {
    const wish = parsed(input)
    for (const shape of SHAPES) refusing(() => checked(shape as typeof FLAP, wish))
    const impair = refusing(() => planImpair(wish, 'impair'), 'EINVAL')
    if (impair !== undefined)
      assert.deepEqual(planImpair(JSON.parse(JSON.stringify(impair)), 'impair'), impair)
    const before = planImpair(IMPAIR, 'impair')
    const merged = refusing(() => mergeImpair(before, wish, 'impair'), 'EINVAL')
    if (merged !== undefined)
      assert.deepEqual(planImpair(JSON.parse(JSON.stringify(merged)), 'impair'), merged)
    const schedule = refusing(() => planSchedule(wish, 'schedule'), 'EINVAL')
    if (schedule !== undefined)
      assert.deepEqual(planSchedule(JSON.parse(JSON.stringify(schedule)), 'schedule'), schedule)
    const rule = refusing(() => planRule(wish, 'rule'), 'EINVAL')
    if (rule !== undefined) {
      const normal = JSON.parse(JSON.stringify({ action: rule.action, match: rule.match.normal }))
      assert.deepEqual(planRule(normal, 'rule'), rule)
    }
  },
}

let server: { http: HttpServer; folder: string; path: string; failures: unknown[] } | undefined

async function serve() {
  const folder = mkdtempSync(join(tmpdir(), 'uveth-fuzz-'))
  const failures: unknown[] = []
  const http = await openHttp(new Registry(), {
    ending: false,
    version: () => ({ version: '0' }),
    health: () => ({ status: 'ok' }),
    shutdown: () => {},
    forget: async () => false,
    failed: (error) => void failures.push(error),
  })
  const path = join(folder, 's')
  await http.listen(path)
  return { http, folder, path, failures }
}

/** Those that answer at once, and leave the connection as it is. */
const ASKED = Object.values(OPS).filter(({ path }) => !/events|capture|flap|replay|shutdown/.test(path))
const order = (method: string, path: string, body?: unknown) => JSON.stringify([method, path, body])

export const http: Target = {
  name: 'http-orders',
  kind: 'json',
  about: /src\/(servers|orders|contract)\//,
  seeds: [
    ...ASKED.map(({ method, path }) => order(method, path.replace('{ref}', 'v0').replace('{id}', '1'), {})),
    order('POST', '/v1/pairs', PAIR),
    order('PUT', '/v1/pairs/x', PAIR),
    order('PATCH', '/v1/pairs/x', { carrier: 'off', a: { mtu: 900 } }),
    order('PUT', '/v1/ends/v1/impair', IMPAIR),
    order('PATCH', '/v1/ends/v1/impair', { delay: null }),
    order('PUT', '/v1/ends/v0/schedule', SCHEDULE),
    order('POST', '/v1/ends/v0/rules', RULE),
    order('DELETE', '/v1/pairs/id:x'),
  ],
  words: [
    ...WORDS,
    'GET',
    'POST',
    'DELETE',
    '/v1/pairs',
    '/v1/pairs/x',
    '/v1/ends/v0@red',
    'v1@net:[2]',
    '%00',
    '%ff',
    '?a=b',
    '/metrics',
  ],
  async run(input) {
    const given = parsed(input)
    if (!Array.isArray(given)) return
    const [method, path, body] = given
    if (!/^[A-Z]+$/.test(method) || method === 'CONNECT' || typeof path !== 'string') return
    if (!/^\/[!-~]*$/.test(path) || /events|capture|flap|replay|shutdown/.test(decoded(path))) return
    server ??= await serve()
    const answer = await ask(server.path, method, path, body)
    assert.deepEqual(server.failures.splice(0), [])
    assert.ok(answer.status < 500, `${answer.status}: ${JSON.stringify(answer.json)}`)
    if (answer.status >= 400) {
      const { code, detail, status } = answer.json as Record<string, unknown>
      assert.deepEqual([typeof code, typeof detail, status], ['string', 'string', answer.status])
    }
  },
  async close() {
    await server?.http.close()
    if (server !== undefined) rmSync(server.folder, { recursive: true })
    server = undefined
  },
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
