// Impairments, rules and flaps over HTTP: refusals first, then orders, which are in force when they are
// answered. One daemon and one quiet pair for all; each test leaves it without faults.

import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { numbered, readNumbered } from '../support/frames.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon

beforeAll(async () => {
  daemon = await TestDaemon.start('--state', 'FOLDER/state.json')
  await daemon.lay()
})
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]()
})
afterEach(async () => {
  await daemon.ask('PATCH', '/v1/pairs/cable', { a: { impair: null }, b: { impair: null } })
  for (const end of ['x0', 'x1']) await daemon.ask('DELETE', `/v1/ends/${end}/rules`)
})

const IMPAIR = '/v1/ends/x0/impair'
const RULES = '/v1/ends/x0/rules'
const impaired = async () => (await daemon.ask('GET', IMPAIR)).json
const rules = async () => (await daemon.ask('GET', RULES)).json

/** The numbers of those of `count` frames that arrive; one without a fault in front of it comes last. */
async function arrivals(count: number): Promise<number[]> {
  for (let number = 0; number < count; number++) daemon.near.send(numbered(0, number, 100))
  const got: number[] = []
  for (;;) {
    const frame = await daemon.far.receive(400)
    if (frame === undefined) return got
    const read = readNumbered(frame)
    if (typeof read === 'object') got.push(read.number)
  }
}

describe('refused, with the attribute at fault', () => {
  test.each([
    ['PUT', IMPAIR, { loss: '200%' }, 422, 'impair.loss.random'],
    ['PUT', IMPAIR, { colour: 1 }, 422, 'impair.colour'],
    ['PUT', IMPAIR, { reorder: '1%' }, 422, 'impair.reorder'],
    ['PUT', IMPAIR, [], 422, 'impair'],
    ['PUT', '/v1/ends/none/impair', {}, 404, 'ref'],
    ['PATCH', '/v1/ends/x0', { mtu: 1400, impair: { delay: 'soon' } }, 422, 'impair.delay.time'],
    ['PATCH', '/v1/ends/x0', { impair: 'none' }, 422, 'impair'],
    ['PATCH', '/v1/pairs/cable', { b: { impair: { limit: -1 } } }, 422, 'b.impair.limit'],
    ['POST', '/v1/pairs', { a: { impair: { rate: 'fast' } } }, 422, 'a.impair.rate.rate'],
    ['PATCH', '/v1/ends/x0', { rules: [] }, 422, 'rules'],
    ['POST', '/v1/pairs', { a: { rules: [{ action: { kind: 'eat' } }] } }, 422, 'a.rules.0.action.kind'],
    ['POST', '/v1/pairs', { b: { rules: {} } }, 422, 'b.rules'],
    ['POST', RULES, {}, 422, 'action'],
    ['POST', RULES, { action: { kind: 'eat' } }, 422, 'action.kind'],
    ['POST', RULES, { action: { kind: 'drop' }, match: { udp: { dport: 99_999 } } }, 422, 'match.udp.dport'],
    ['POST', RULES, { action: { kind: 'drop' }, when: 'now' }, 422, 'when'],
    ['DELETE', `${RULES}/7`, undefined, 404, 'id'],
    ['DELETE', `${RULES}/first`, undefined, 404, 'id'],
    ['GET', '/v1/ends/none/rules', undefined, 404, 'ref'],
    ['POST', '/v1/pairs/cable/flap', {}, 422, 'ms'],
    ['POST', '/v1/pairs/cable/flap', { ms: 0 }, 422, 'ms'],
    ['POST', '/v1/pairs/cable/flap', { ms: 1, times: 1.5 }, 422, 'times'],
    ['POST', '/v1/pairs/none/flap', { ms: 1 }, 404, 'ref'],
  ] as const)('%s %s %j: %i', async (method, path, body, status, attribute) => {
    const reply = await daemon.ask(method, path, body)
    expectProblem(reply, status, { code: status === 404 ? 'ENODEV' : 'EINVAL' })
    expect(reply.json.attribute).toBe(attribute)
  })

  test('nothing has changed', async () => {
    const { json } = await daemon.ask('GET', '/v1/pairs/cable')
    const untouched = { mtu: 1500, impair: null, rules: [] }
    expect(json).toMatchObject({ carrier: true, a: untouched, b: untouched })
    expect((await daemon.ask('GET', '/v1/pairs')).json).toHaveLength(1)
  })

  test('what a path does not take', async () => {
    const reply = await daemon.ask('POST', IMPAIR, {})
    expectProblem(reply, 405, {})
    expect(reply.headers.allow).toBe('GET, PUT, PATCH, DELETE')
    expectProblem(await daemon.ask('GET', `${RULES}/1`), 405, {})
  })
})

describe('impairments', () => {
  test('PUT replaces the whole set, GET shows it, DELETE takes it away', async () => {
    expect(await impaired()).toBeNull()
    const put = await daemon.ask('PUT', IMPAIR, { delay: '10ms', loss: 1, seed: 42 })
    const plan = { delay: { time: 10 }, loss: { random: 1 }, seed: 42 }
    expect([put.status, put.json]).toEqual([200, plan])
    expect(await impaired()).toEqual(plan)
    expect((await daemon.ask('GET', '/v1/ends/x0')).json.pair).toMatchObject({
      a: { impair: plan },
      b: { impair: null },
    })
    const { json } = await daemon.ask('PUT', IMPAIR, { duplicate: 5 })
    expect(json).toEqual({ duplicate: { probability: 5 }, seed: expect.any(Number) })
    const gone = await daemon.ask('DELETE', IMPAIR)
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect(await impaired()).toBeNull()
  })

  test('PATCH changes a part, by the end or by the pair', async () => {
    await daemon.ask('PUT', IMPAIR, { delay: '10ms', loss: 1, seed: 42 })
    const { json } = await daemon.ask('PATCH', '/v1/ends/x0', {
      impair: { loss: null, delay: { jitter: '1ms' } },
    })
    expect(json.impair).toEqual({ delay: { time: 10, jitter: 1 }, seed: 42 })
    const part = await daemon.ask('PATCH', IMPAIR, { delay: null, loss: 2 })
    expect([part.status, part.json]).toEqual([200, { loss: { random: 2 }, seed: 42 }])
    expect(await impaired()).toEqual(part.json)
    expectProblem(await daemon.ask('PATCH', IMPAIR, { loss: 'much' }), 422, {
      attribute: 'impair.loss.random',
    })
    const both = await daemon.ask('PATCH', '/v1/pairs/cable', {
      a: { impair: null },
      b: { impair: { loss: 3 } },
    })
    expect(both.json).toMatchObject({ a: { impair: null }, b: { impair: { loss: { random: 3 } } } })
  })

  test('are in force when the order is answered, for the end that is named', async () => {
    await daemon.ask('PUT', IMPAIR, { loss: 100 })
    expect(await arrivals(20)).toEqual([])
    await daemon.ask('DELETE', IMPAIR)
    expect(await arrivals(20)).toEqual(Array.from({ length: 20 }, (_, number) => number))
    const { json } = await daemon.ask('GET', '/v1/pairs/cable/stats')
    expect(json.a.drops.loss).toBe(20)
  })

  test('the same seed loses the same frames', async () => {
    const lose = async (seed: number) => {
      await daemon.ask('PUT', IMPAIR, { loss: 30, seed })
      return await arrivals(200)
    }
    const first = await lose(7)
    expect(first.length).toBeGreaterThan(100)
    expect(await lose(7)).toEqual(first)
    expect(await lose(8)).not.toEqual(first)
  })

  test('stand from the first frame of a pair that is made with them', async () => {
    const wish = {
      id: 'born',
      quiet: true,
      a: { name: 'y0', impair: { loss: 2, seed: 1 } },
      b: { name: 'y1' },
    }
    const { status, json } = await daemon.ask('PUT', '/v1/pairs/born', wish)
    expect([status, json.a.impair]).toEqual([201, { loss: { random: 2 }, seed: 1 }])
    expect((await daemon.ask('PUT', '/v1/pairs/born', wish)).status).toBe(200)
    await daemon.ask('DELETE', '/v1/pairs/id:born')
  })
})

describe('rules', () => {
  test('act in their order, count, and go', async () => {
    const posted = await daemon.ask('POST', RULES, { action: { kind: 'drop' }, match: { nth: 3 } })
    expect([posted.status, posted.json]).toEqual([
      201,
      { id: expect.any(Number), action: { kind: 'drop' }, match: { nth: 3 }, matched: 0, hits: 0 },
    ])
    const second = await daemon.ask('POST', RULES, { action: { kind: 'duplicate' } })
    expect(await arrivals(4)).toEqual([0, 0, 1, 1, 3, 3])
    expect(await rules()).toEqual([
      { ...posted.json, matched: 4, hits: 1 },
      { ...second.json, matched: 3, hits: 3 },
    ])
    expect((await daemon.ask('DELETE', `${RULES}/${posted.json.id}`)).status).toBe(204)
    expect((await rules()).map(({ id }: { id: number }) => id)).toEqual([second.json.id])
    expect((await daemon.ask('DELETE', RULES)).status).toBe(204)
    expect((await daemon.ask('DELETE', RULES)).status).toBe(204)
    expect(await arrivals(2)).toEqual([0, 1])
  })

  test('are counted in stats and metrics', async () => {
    const { json } = await daemon.ask('POST', RULES, { action: { kind: 'drop' }, match: { first: 2 } })
    const before = (await daemon.ask('GET', '/v1/pairs/cable/stats')).json.a
    expect(await arrivals(3)).toEqual([2])
    const { a } = (await daemon.ask('GET', '/v1/pairs/cable/stats')).json
    expect(a.drops.rule - before.drops.rule).toBe(2)
    expect(a.rules).toMatchObject([{ id: json.id, matched: 3, hits: 2 }])
    const labels = 'pair="cable",end="a",name="x0",device="x0",netns=""'
    const { text } = await daemon.ask('GET', '/metrics')
    expect(text).toContain(`uveth_end_dropped_total{${labels},cause="rule"} ${a.drops.rule}\n`)
    expect(text).toContain(`uveth_rule_matched_total{${labels},rule="${json.id}",action="drop"} 3\n`)
    expect(text).toContain(`uveth_rule_hits_total{${labels},rule="${json.id}",action="drop"} 2\n`)
    expect(text).toContain(`uveth_end_inspected_total{${labels},what="copied"} ${a.inspected.copied}\n`)
    expect(text).toContain(`uveth_end_held{${labels}} 0\n`)
  })
})

test('changes are told to whoever listens', async () => {
  const lines: string[] = []
  const sent = request({ socketPath: daemon.socket, path: '/v1/events' }, (answer) => {
    answer.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')))
    answer.on('error', () => {})
    lines.push('open')
  }).end()
  sent.on('error', () => {})
  await until('the answer to begin', () => lines.length > 0)
  await daemon.ask('PUT', IMPAIR, { loss: 1, seed: 5 })
  await daemon.ask('POST', RULES, { action: { kind: 'delay', ms: 5 } })
  await until('both events', () => lines.length >= 3)
  sent.destroy()
  const [, first, second] = lines.map((line) => (line === 'open' ? {} : JSON.parse(line)))
  expect(first).toMatchObject({
    event: 'changed',
    id: 'cable',
    a: { impair: { loss: { random: 1 } }, rules: [] },
  })
  expect(second.a.rules).toMatchObject([{ action: { kind: 'delay', ms: 5 } }])
})

test('a flap takes carrier away and gives it back, also two at a time', async () => {
  const carrier = () => readCarrier(daemon)
  const started = performance.now()
  const flaps = [daemon.ask('POST', '/v1/pairs/cable/flap', { ms: 60, times: 2 })]
  flaps.push(daemon.ask('POST', '/v1/pairs/cable/flap', { ms: 60 }))
  await until('carrier to go', () => !carrier())
  for (const { status, text } of await Promise.all(flaps)) expect([status, text]).toEqual([204, ''])
  expect(performance.now() - started).toBeGreaterThan(4 * 60)
  expect(carrier()).toBe(true)
  expect((await daemon.ask('GET', '/v1/pairs/cable')).json.carrier).toBe(true)
})

test('a flap ends with an order about carrier, and when whoever has ordered it leaves', async () => {
  const flap = daemon.ask('POST', '/v1/pairs/cable/flap', { ms: 3_600_000, times: 9 })
  await until('carrier to go', () => !readCarrier(daemon))
  expect((await daemon.ask('PATCH', '/v1/pairs/cable', { carrier: 'auto' })).json.carrier).toBe(true)
  expect((await flap).status).toBe(204)
  expect(readCarrier(daemon)).toBe(true)

  const client = request({
    socketPath: daemon.socket,
    method: 'POST',
    path: '/v1/pairs/cable/flap',
    headers: { 'content-type': 'application/json', 'uveth-netns': daemon.home.name },
  })
  client.on('error', () => {})
  client.end(JSON.stringify({ ms: 3_600_000 }))
  await until('carrier to go again', () => !readCarrier(daemon))
  client.destroy()
  await until('carrier to come back', () => readCarrier(daemon))
})

function readCarrier({ home }: TestDaemon): boolean {
  return !home.ip('link', 'show', 'x0').includes('NO-CARRIER')
}

describe('after kill -9', () => {
  test('what was ordered is there again: whole sets, parts, rules, and what was taken away', async () => {
    await daemon.ask('PUT', IMPAIR, { delay: '5ms', loss: 1, seed: 9 })
    await daemon.ask('PATCH', '/v1/ends/x0', { impair: { loss: { random: 2 } } })
    await daemon.ask('POST', RULES, { action: { kind: 'corrupt' }, match: { udp: { dport: 53 } } })
    await daemon.ask('POST', RULES, { action: { kind: 'drop' }, match: { nth: 1 } })
    const rules = [{ action: { kind: 'delay', ms: 3 } }, { action: { kind: 'drop' }, match: { arp: {} } }]
    const wish = {
      id: 'two',
      a: { name: 'z0', impair: { loss: 1 } },
      b: { name: 'z1', impair: { loss: 4 }, rules },
    }
    const two = (await daemon.ask('PUT', '/v1/pairs/two', wish)).json
    await daemon.ask('DELETE', '/v1/ends/z0/impair')
    await daemon.ask('DELETE', `/v1/ends/z1/rules/${two.b.rules[0].id}`)
    const before = (await daemon.ask('GET', '/v1/pairs/cable')).json
    expect(readFileSync(daemon.folder.file('state.json'), 'utf8')).toContain('"nth":1')
    await daemon.kill()
    await daemon.restart()
    const get = async (id: string) => (await daemon.ask('GET', `/v1/pairs/${id}`)).json
    await until('both to be there', async () => (await get('cable')).carrier && (await get('two')).id)
    const bare = (rules: { action: object; match: object }[]) =>
      rules.map(({ action, match }) => ({ action, match }))
    const after = await get('cable')
    expect(after).toMatchObject({ carrier: true, a: { up: true, impair: before.a.impair }, b: { up: true } })
    expect(bare(after.a.rules)).toEqual(bare(before.a.rules))
    // Also the seed that was drawn, and a rule that it was made with, but not the one that was taken away.
    expect(await get('two')).toMatchObject({
      a: { impair: null },
      b: { impair: two.b.impair, rules: [{ action: { kind: 'drop' }, match: { arp: {} } }] },
    })
    expect((await daemon.ask('PUT', '/v1/pairs/two', wish)).status).toBe(200)
    daemon.listen()
    await daemon.ask('DELETE', IMPAIR)
    expect(await arrivals(3)).toEqual([1, 2])
  })
})
