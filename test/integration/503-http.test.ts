// HTTP/JSON on the control socket: orders and their answers. What is refused stands in
// 502-http-refusals. One daemon for all; the tests build on each other.

import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectProblem, TestDaemon } from '../support/daemon.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const test = needs('root', 'tun', 'netns', 'ip', 'nsenter')

let daemon: TestDaemon
beforeAll(async () => {
  daemon = await TestDaemon.start()
})
afterAll(() => daemon.endWell())

const post = (body: unknown, headers = {}) => daemon.ask('POST', '/v1/pairs', body, headers)
const names = () => daemon.home.names()

describe('POST /v1/pairs', () => {
  test('makes a pair: 201, where it is, and both ends exist by then', async () => {
    const reply = await post({
      a: { name: 'one0', mtu: 1400, up: true },
      b: { name: 'one1', address: '02:00:00:00:00:07' },
    })
    expect(reply.status).toBe(201)
    expect(reply.headers.location).toBe('/v1/pairs/id%3Aone0')
    expect(names()).toEqual(['lo', 'one0', 'one1'])
    expect(reply.json).toMatchObject({
      id: 'one0',
      carrier: false,
      a: { name: 'one0', netns: null, mtu: 1400, up: true },
      b: { name: 'one1', netns: null, mtu: 1500, up: false, address: '02:00:00:00:00:07' },
    })
    expect((await daemon.ask('GET', reply.headers.location as string)).json).toEqual(reply.json)
    expect((await daemon.ask('GET', '/v1/ends/one1')).json).toEqual({ end: 'b', pair: reply.json })
  })

  test('refuses a taken name and leaves everything as it was', async () => {
    expectProblem(await post({ a: { name: 'new0' }, b: { name: 'one1' } }), 409, { code: 'EEXIST' })
    expect(names()).toEqual(['lo', 'one0', 'one1'])
  })

  test('needs no body: names and id are drawn', async () => {
    const { status, json } = await daemon.ask('POST', '/v1/pairs')
    expect([status, json.id, json.a.name, json.b.name]).toEqual([201, 'veth0', 'veth0', 'veth1'])
    expect((await daemon.ask('DELETE', '/v1/pairs/veth1')).status).toBe(204)
  })
})

describe('DELETE /v1/pairs/{ref}', () => {
  test('is answered when both ends are gone and their names are free', async () => {
    for (let round = 0; round < 5; round++) {
      expect((await post({ a: { name: 'two0' }, b: { name: 'two1' } })).status).toBe(201)
      const { status, text } = await daemon.ask('DELETE', `/v1/pairs/two${round % 2}`)
      expect([status, text]).toEqual([204, ''])
      expect(names()).toEqual(['lo', 'one0', 'one1'])
    }
    expectProblem(await daemon.ask('DELETE', '/v1/pairs/two0'), 404, { code: 'ENODEV' })
  })
})

describe('PUT /v1/pairs/{id}', () => {
  const wish = { a: { name: 'put0' }, b: { name: 'put1', mtu: 1300 } }

  test('makes it once; the same wishes again, in any order, find it', async () => {
    const first = await daemon.ask('PUT', '/v1/pairs/cable', wish)
    const second = await daemon.ask('PUT', '/v1/pairs/cable', {
      b: { mtu: 1300, name: 'put1' },
      a: wish.a,
      id: 'cable',
    })
    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.json).toEqual(first.json) // a drawn MAC is not compared
    expect(first.json.id).toBe('cable')
  })

  test('refuses other wishes, and an id that is not the one of the path', async () => {
    expectProblem(await daemon.ask('PUT', '/v1/pairs/cable', { ...wish, quiet: true }), 409, {
      code: 'EEXIST',
    })
    expectProblem(await daemon.ask('PUT', '/v1/pairs/cable', { ...wish, id: 'wire' }), 422, {
      attribute: 'id',
    })
  })

  test('makes one pair for many at a time', async () => {
    const same = { a: { name: 'many0' }, b: { name: 'many1' } }
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => daemon.ask('PUT', '/v1/pairs/many', same)),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201])
    await daemon.ask('DELETE', '/v1/pairs/id:many')
  })
})

describe('PATCH', () => {
  test('changes both ends and the carrier', async () => {
    const change = { a: { mtu: 1200, up: true }, b: { name: 'put9', up: true } }
    const { status, json } = await daemon.ask('PATCH', '/v1/pairs/id:cable', change)
    expect(status).toBe(200)
    expect(json).toMatchObject({ carrier: true, a: { mtu: 1200, up: true }, b: { name: 'put9', up: true } })
    const off = await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'off' })
    expect(off.json.carrier).toBe(false)
    expect(daemon.home.ip('link', 'show', 'put9')).toContain('NO-CARRIER')
  })

  test('changes the end that is named', async () => {
    const { status, json } = await daemon.ask('PATCH', '/v1/ends/put9', { mtu: 1250, up: false }) // renamed below
    expect([status, json.name, json.mtu]).toEqual([200, 'put9', 1250])
  })

  test('warns where a queue becomes shorter than what may wait in it', async () => {
    const ends = { a: { name: 'short0', up: true, txQueueLength: 1000 }, b: { name: 'short1', up: true } }
    await daemon.ask('POST', '/v1/pairs', { id: 'short', ...ends })
    const warning = async (path: string, change: object) => {
      const { status, headers } = await daemon.ask('PATCH', path, change)
      return [status, headers['uveth-warning'] && decodeURIComponent(String(headers['uveth-warning']))]
    }
    const told = expect.stringMatching(
      /^'short0' keeps 10 frames instead of 1000: at most 990 that waited are/,
    )
    expect(await warning('/v1/pairs/short', { a: { txQueueLength: 10, mtu: 1400 } })).toEqual([200, told])
    expect(await warning('/v1/ends/short0', { txQueueLength: 1000 })).toEqual([200, undefined])
    expect(await warning('/v1/ends/short0', { mtu: 1300 })).toEqual([200, undefined])
    expect(await warning('/v1/ends/short0', { txQueueLength: 10 })).toEqual([200, told])
    expect(await warning('/v1/pairs/short', { carrier: 'off' })).toEqual([200, undefined])
    expect(await warning('/v1/ends/short0', { txQueueLength: 1 })).toEqual([200, undefined])
    expect((await daemon.ask('DELETE', '/v1/pairs/short')).status).toBe(204)
  })

  test('refuses what it does not know, and what the kernel refuses', async () => {
    expectProblem(await daemon.ask('PATCH', '/v1/pairs/id:cable', { id: 'x' }), 422, { attribute: 'id' })
    expectProblem(await daemon.ask('PATCH', '/v1/pairs/id:cable', { carrier: 'maybe' }), 422, {
      attribute: 'carrier',
    })
    expectProblem(await daemon.ask('PATCH', '/v1/ends/put9', { name: 'one0' }), 409, { code: 'EEXIST' })
    expectProblem(await daemon.ask('PATCH', '/v1/ends/put9', { mtu: 1 }), 422, {
      attribute: 'mtu',
      detail: expect.stringMatching(/^EINVAL: mtu must be/),
    })
    const { status } = await daemon.ask(
      'PATCH',
      '/v1/pairs/id:cable',
      { a: {} },
      { 'content-type': 'application/merge-patch+json' },
    )
    expect(status).toBe(200)
  })
})

describe('GET /v1/events', () => {
  /** Collects what comes over a connection of its own, while `during` happens. */
  async function listen(accept: string, during: () => Promise<unknown>, last: RegExp): Promise<string> {
    let text = ''
    const socket = connect({ path: daemon.socket })
    socket.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    socket.write(`GET /v1/events HTTP/1.1\r\nhost: u\r\naccept: ${accept}\r\n\r\n`)
    await until('the answer to begin', () => text.includes('\r\n\r\n'))
    await during()
    await until('the last event', () => last.test(text))
    socket.destroy()
    return text
  }

  const happen = async () => {
    await post({ id: 'ev', a: { name: 'ev0', up: true }, b: { name: 'ev1' } })
    await daemon.ask('PATCH', '/v1/ends/ev1', { name: 'ev2', up: true })
    daemon.home.ip('link', 'del', 'ev0')
  }

  test('tells what happens as JSON lines', async () => {
    const text = await listen('*/*', happen, /"removed"/)
    expect(text).toContain('content-type: application/x-ndjson')
    const events = text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line))
    expect(events.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['added', 'renamed', 'changed', 'removed']),
    )
    expect(events[0]).toMatchObject({ event: 'added', id: 'ev', a: 'ev0', b: 'ev1' })
    expect(events.at(-1)).toMatchObject({ event: 'removed', id: 'ev', reason: 'deleted' })
  })

  test('or as server-sent events', async () => {
    const text = await listen('text/event-stream', happen, /event: removed/)
    expect(text).toContain('content-type: text/event-stream')
    expect(text).toMatch(/event: added\ndata: \{"event":"added","id":"ev".*\}\n\n/)
  })
})

describe('GET', () => {
  test('/v1/pairs/{ref}/stats: both ends, each from its own point of view', async () => {
    const { json } = await daemon.ask('GET', '/v1/pairs/one1/stats')
    expect(json.a).toMatchObject({
      rx_packets: 0,
      tx_packets: expect.any(Number),
      drops: { mtu: 0 },
      workers: [{ worker: 0 }],
    })
    expect(Object.keys(json)).toEqual(['a', 'b'])
  })

  test('/v1/stats: the counters of all pairs, short', async () => {
    const { json } = await daemon.ask('GET', '/v1/stats')
    const [pair] = json.pairs
    const { tx_packets, rx_bytes } = (await daemon.ask('GET', `/v1/pairs/id:${pair.id}/stats`)).json.a
    expect(pair).toMatchObject({ carrier: expect.any(Boolean), b: { rx_packets: expect.any(Number) } })
    expect(pair.a.tx_packets).toBeLessThanOrEqual(tx_packets) // the kernel may send some of its own
    expect(pair.a.rx_bytes).toBeLessThanOrEqual(rx_bytes)
    expect((await daemon.ask('GET', '/v1/stats')).json.at).toBeGreaterThan(json.at)
  })

  test('/metrics: what Prometheus reads', async () => {
    const { headers, text } = await daemon.ask('GET', '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain/)
    expect(text).toMatch(/^uveth_pairs 2$/m)
    expect(text).toMatch(/^uveth_pair_carrier\{pair="cable"\} 0$/m)
    expect(text).toMatch(
      /^uveth_end_tx_bytes_total\{pair="cable",end="b",name="put9",device="put9",netns=""\} \d+$/m,
    )
    expect(text).toMatch(
      /^uveth_end_dropped_total\{pair="one0",end="a",name="one0",device="one0",netns="",cause="mtu"\} 0$/m,
    )
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m)
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(/^($|# (HELP|TYPE) |[a-z0-9_]+(\{.*\})? [\d.e+-]+$)/)
  })

  test('/v1/version and /v1/health', async () => {
    const { pid } = daemon.program
    expect((await daemon.ask('GET', '/v1/version')).json).toMatchObject({
      version: expect.stringMatching(/^\d+\./),
      pid,
    })
    expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({
      status: 'ok',
      pid,
      pairs: 2,
      creation: { state: 'possible', reason: null },
      socket: daemon.socket,
    })
  })

  test('/openapi.json: every operation, its attributes and its refusals', async () => {
    const { json } = await daemon.ask('GET', '/openapi.json')
    expect(json.openapi).toBe('3.1.0')
    const operations = Object.values(json.paths as Record<string, Record<string, { operationId: string }>>)
    const ids = operations.flatMap((path) => Object.values(path).map(({ operationId }) => operationId))
    expect(ids.sort()).toEqual([
      'end.get',
      'end.replay',
      'end.set',
      'events',
      'health',
      'impair.del',
      'impair.get',
      'impair.patch',
      'impair.set',
      'pair.add',
      'pair.capture',
      'pair.del',
      'pair.flap',
      'pair.get',
      'pair.list',
      'pair.put',
      'pair.set',
      'pair.stats',
      'rule.add',
      'rule.clear',
      'rule.del',
      'rule.list',
      'rule.set',
      'schedule.del',
      'schedule.get',
      'schedule.set',
      'shim',
      'shutdown',
      'stats.list',
      'version',
    ])
    const { parameters, requestBody, responses } = json.paths['/v1/pairs/{ref}'].put
    expect(parameters).toContainEqual(expect.objectContaining({ name: 'ref', in: 'path', required: true }))
    const schema = requestBody.content['application/json'].schema
    expect(Object.keys(schema.properties)).toEqual(['id', 'a', 'b', 'queues', 'quiet'])
    expect(Object.keys(responses)).toEqual(['201', '403', '409', '413', '422', '429'])
    expect(responses[409].content['application/problem+json'].schema.properties.code).toEqual({
      type: 'string',
    })
    const warned = { schema: { type: 'string' }, description: expect.stringMatching(/in force: why/) }
    expect(responses[201].headers).toEqual({ 'uveth-warning': warned })
    for (const id of ids) expect(JSON.stringify(json)).toContain(`"operationId":"${id}","summary":"`)
    // What is answered is what the document says.
    const answered = async (path: string, template: string) => {
      const { schema } = json.paths[template].get.responses['200'].content['application/json']
      expect(Object.keys((await daemon.ask('GET', path)).json)).toEqual(schema.required)
    }
    await answered('/v1/pairs/one1', '/v1/pairs/{ref}')
    await answered('/v1/pairs/one1/stats', '/v1/pairs/{ref}/stats')
    await answered('/v1/stats', '/v1/stats')
    await answered('/v1/ends/one1', '/v1/ends/{ref}')
    const capture = json.paths['/v1/pairs/{ref}/capture'].get
    expect(Object.keys(capture.responses['200'].content)).toEqual(['application/octet-stream'])
    expect(capture.parameters.map(({ name }: { name: string }) => name).sort()).toEqual([
      'both',
      'end',
      'match',
      'ref',
      'snaplen',
    ])
    const ofRule = json.paths['/v1/ends/{ref}/rules/{id}'].delete.parameters
    expect(ofRule.map(({ name }: { name: string }) => name)).toEqual(['ref', 'id'])
    await answered('/v1/version', '/v1/version')
    await answered('/v1/health', '/v1/health')
  })
})
