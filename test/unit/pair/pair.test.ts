// A whole pair without a kernel: the public Pair over the link thread's own code, a real worker or the inline loop,
// and memory devices (test/support/memory-link.ts). What a real kernel does with it is the integration tests' business.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Pair } from '../../../dist/pair/pair.js'
import { MemoryLink } from '../../support/memory-link.js'

function frame(length: number, fill: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill)
  bytes[0] = 2 // not a multicast address
  bytes.set([0x88, 0xb5], 12) // an ethertype for experiments
  return bytes
}

function told(pair: Pair): unknown[] {
  const events: unknown[] = []
  for (const event of ['carrier', 'renamed', 'moved', 'closed'] as const) {
    pair.on(event, (detail: object) => {
      const end = 'end' in detail ? { end: detail.end === pair.a ? 'a' : detail.end && 'b' } : {}
      events.push({ event, ...detail, ...end })
    })
  }
  return events
}

const ways = [
  ['by a worker', {}],
  ['inline', { inline: true }],
] as const

describe.each(ways)('forwarded %s', (_way, options) => {
  test('frames go both ways, in their order, and are counted', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const [a, b] = memory.host.devices
    for (let n = 0; n < 100; n++) {
      a?.send(frame(60 + n, n))
      b?.send(frame(200, n))
    }
    expect(await b?.take(100)).toEqual(Array.from({ length: 100 }, (_, n) => frame(60 + n, n)))
    expect(await a?.take(100)).toEqual(Array.from({ length: 100 }, (_, n) => frame(200, n)))
    await pair.close()
    expect(pair.counters().a).toMatchObject({ tx_packets: 100, rx_packets: 100, rx_bytes: 20_000 })
  })

  test('carrier is on while both ends are up, whoever sets them', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair({ ...options, b: { up: false } })
    const events = told(pair)
    const [a, b] = memory.host.devices
    expect([pair.carrier, a?.carrier, b?.carrier]).toEqual([false, false, false])
    await pair.b.set({ up: true })
    expect([pair.carrier, a?.carrier, b?.carrier]).toEqual([true, true, true])
    a?.set({ up: false })
    await pair.stats() // behind what was told
    expect([pair.carrier, a?.carrier, b?.carrier]).toEqual([false, false, false])
    expect(events).toEqual([
      { event: 'carrier', on: true },
      { event: 'carrier', on: false },
    ])
    await pair.close()
  })

  test('what was sent before carrier came on is not delivered', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const [a, b] = memory.host.devices
    await pair.setCarrier('off')
    for (let n = 0; n < 10; n++) a?.force(frame(100, n))
    await pair.setCarrier('auto')
    a?.send(frame(100, 77))
    expect(await b?.take(1)).toEqual([frame(100, 77)])
    expect(pair.counters().a.drops.carrier).toBe(10)
    await pair.close()
  })

  test('a frame that is longer than the peer takes is dropped, until it takes it', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair({ ...options, a: { mtu: 9000 } })
    const [a, b] = memory.host.devices
    a?.send(frame(3000, 1))
    a?.send(frame(1518, 2))
    expect(await b?.take(1)).toEqual([frame(1518, 2)])
    expect(pair.counters().a.drops.mtu).toBe(1)
    await pair.b.set({ mtu: 3000 })
    expect(pair.b.mtu).toBe(3000)
    a?.send(frame(3000, 3))
    expect(await b?.take(1)).toEqual([frame(3000, 3)])
    await pair.close()
  })

  test('what hooks, rules and impairments do to frames, and captures see of them', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const [a, b] = memory.host.devices
    const seen = pair.sightings({ end: 'b' })
    const rule = pair.a.drop({ bytes: [[14, 0xff, 1]] })
    await pair.a.impair({ delay: '5ms' })
    for (const fill of [1, 2, 3]) a?.send(frame(100, fill))
    expect(await b?.take(2)).toEqual([frame(100, 2), frame(100, 3)])
    expect([rule.matched, rule.hits]).toEqual([1, 1])
    expect(pair.counters().a.drops.rule).toBe(1)
    const { value } = await seen.next()
    expect(value).toMatchObject({ end: 'b', sent: false, cause: undefined })
    expect(value?.delay).toBeGreaterThanOrEqual(5)
    await seen.return()
    await rule.remove()
    await pair.a.impair(null)
    await pair.close()
  })

  test('a capture into a file holds each frame', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const [a, b] = memory.host.devices
    const folder = mkdtempSync(join(tmpdir(), 'uveth-pair-'))
    try {
      const capture = await pair.capture({ path: join(folder, 'x.pcapng'), both: true })
      for (let n = 0; n < 50; n++) a?.send(frame(64, n))
      await b?.take(50)
      expect(await capture.stop()).toMatchObject({ records: 100, lost: 0 }) // sent, and delivered
      expect(readFileSync(join(folder, 'x.pcapng')).includes(Buffer.from(frame(64, 49)))).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
    await pair.close()
  })

  test('an end is renamed and moved, by us or by others, and its peer says so', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const events = told(pair)
    const [, b] = memory.host.devices
    await pair.a.set({ name: 'x' })
    expect(pair.a.name).toBe('x')
    b?.set({ netns: 'away', netnsInode: 7, name: 'y' })
    await pair.stats()
    expect([pair.b.name, pair.b.netns]).toEqual(['y', 'away'])
    expect(events).toMatchObject([
      { event: 'renamed', end: 'a', name: 'x', previous: 'a' },
      { event: 'moved', end: 'b', name: 'y', netns: 'away' },
    ])
    await pair.close()
  })

  test.each(['deleted', 'netns-deleted'] as const)('an end that is %s ends the pair', async (death) => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const events = told(pair)
    const [a, b] = memory.host.devices
    b?.delete(death)
    await pair.close()
    expect(pair.closed).toBe(death)
    expect(events.at(-1)).toEqual({ event: 'closed', reason: death, end: 'b' })
    expect([a?.closed, b?.closed, memory.host.devices]).toEqual([true, true, []])
    await expect(pair.a.set({ up: false })).rejects.toMatchObject({ code: 'ENODEV' })
  })

  test('a link thread that dies ends the pair with its reason, and nobody touches its descriptors', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const events = told(pair)
    memory.die(new Error('out of luck'))
    expect(pair.closed).toBe('failed')
    const message = expect.stringContaining('the link thread failed: Error: out of luck')
    expect(events).toEqual([{ event: 'closed', reason: 'failed', end: null, message }])
    await pair.close()
    if (!('inline' in options)) return // workers are the link thread's children, and end with it
    const [a, b] = memory.host.devices
    a?.send(frame(100, 1))
    await pause(20)
    expect(b?.taken()).toBe(undefined)
  })

  test('closed is closed: nothing is left, its names are free', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair(options)
    const [a, b] = memory.host.devices
    await Promise.all([pair.close(), pair.close()])
    expect([pair.closed, a?.closed, b?.closed]).toEqual(['close', true, true])
    await (await memory.createPair(options)).close()
  })

  test.each(['open b', 'begin a', 'begin b', 'carrier on a', 'carrier on b', 'look b'])(
    'a creation that fails at "%s" leaves nothing',
    async (call) => {
      await using memory = await MemoryLink.start()
      memory.host.refuse = { call, error: new Error('out of luck') }
      if (call.startsWith('look')) {
        // It was made by then: it ends, and says why.
        const pair = await memory.createPair(options)
        await pair.close()
        expect(pair.closed).toBe('failed')
      } else await expect(memory.createPair(options)).rejects.toThrow('out of luck')
      expect(memory.host.devices).toEqual([])
      memory.host.refuse = undefined
      await (await memory.createPair(options)).close()
    },
  )
})

test('carrier taken away by others is off until they give it back', async () => {
  await using memory = await MemoryLink.start()
  const pair = await memory.createPair()
  const [a, b] = memory.host.devices
  const looked = () => new Promise((resolve) => setTimeout(resolve, 1))
  a?.setForeignCarrier(false)
  await looked()
  expect([a?.carrier, b?.carrier]).toEqual([false, false])
  await pair.b.set({ up: true })
  expect([a?.carrier, b?.carrier]).toEqual([false, false])
  b?.setForeignCarrier(true)
  await looked()
  expect([a?.carrier, b?.carrier]).toEqual([true, true])
  await pair.close()
})

test('a port that the loop cannot carry is refused, and nothing is left', async () => {
  await using memory = await MemoryLink.start()
  memory.host.capabilities = { ...memory.host.capabilities, header: 10 }
  await expect(memory.createPair()).rejects.toThrow('a header of 10 bytes')
  expect(memory.host.devices).toEqual([])
})

test('several queues are spread, and brought together while they are inspected', async () => {
  await using memory = await MemoryLink.start(2)
  const pair = await memory.createPair({ queues: 2 })
  const [a, b] = memory.host.devices
  const loads = () => memory.workers.map(({ load }) => load)
  const exchange = async () => {
    for (const queue of [0, 1]) a?.send(frame(100, queue), queue)
    for (const queue of [0, 1]) expect(await b?.take(1, queue)).toEqual([frame(100, queue)])
  }
  expect(loads()).toEqual([1, 1])
  await exchange()
  await pair.a.impair({ delay: '1ms' })
  expect(loads()).toEqual([2, 0])
  await exchange()
  await pair.a.impair(null)
  expect(loads()).toEqual([1, 1])
  await exchange()
  await pair.close()
  expect(loads()).toEqual([0, 0])
})

test('queues that others attach to an end are told, and that they leave again', async () => {
  await using memory = await MemoryLink.start(2)
  const pair = await memory.createPair({ queues: 2 })
  for (const count of [2, 0]) {
    const told = new Promise((resolve) => pair.once('foreignQueues', resolve))
    memory.host.named('b').join(count)
    expect(await told).toEqual({ end: pair.b, count })
    expect([pair.a.foreignQueues, pair.b.foreignQueues]).toEqual([0, count])
  }
  await pair.close()
})

describe('a failure ends at most the pair that it is about', () => {
  test('one that nobody waits for, with its reason', async () => {
    await using memory = await MemoryLink.start()
    const hurt = await memory.createPair({ a: { name: 'x' }, b: { name: 'y' } })
    const well = await memory.createPair()
    const events = told(hurt)
    memory.host.refuse = { call: 'look x', error: new Error('out of luck') }
    memory.host.hear({ of: 'all' })
    await hurt.close()
    expect(events.at(-1)).toEqual({ event: 'closed', reason: 'failed', end: null, message: 'out of luck' })
    memory.host.named('a').send(frame(100, 1))
    expect(await memory.host.named('b').take(1)).toEqual([frame(100, 1)])
    await well.close()
  })

  test('a worker that dies is replaced, and its pairs go on', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair()
    const [a, b] = memory.host.devices
    const rule = pair.a.drop({ bytes: [[14, 0xff, 1]] })
    const events = told(pair)
    memory.workers[0]?.order({ op: 'load', url: 'data:text/javascript,process.exit(3)' })
    a?.send(frame(100, 1))
    a?.send(frame(100, 2))
    expect(await b?.take(1)).toEqual([frame(100, 2)])
    expect([pair.carrier, pair.closed, rule.hits]).toEqual([true, undefined, 1])
    expect(events).toEqual([])
    expect(memory.workers.map(({ load, serving }) => [load, serving])).toEqual([
      [0, false],
      [1, true],
    ])
    await pair.a.set({ up: false })
    await pair.close()
  })

  test('a worker that stands still for 6 s is waited for, and not held for dead', async () => {
    await using memory = await MemoryLink.start()
    const pair = await memory.createPair({ b: { up: false } })
    const [a, b] = memory.host.devices
    const still = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000)'
    memory.workers[0]?.order({ op: 'load', url: `data:text/javascript,${still}` })
    await pair.b.set({ up: true })
    a?.send(frame(100, 1))
    expect(await b?.take(1)).toEqual([frame(100, 1)])
    expect(memory.workers.length).toBe(1)
    await pair.close()
  })
})

test('what was said of its ends before they were its own is heard, but of no namespace: that has died before', async () => {
  await using memory = await MemoryLink.start()
  memory.host.catchUp = () => {
    memory.host.hear({ of: 'link', nsid: -1, ifindex: 1 })
    memory.host.hear({ of: 'netns', nsid: -1 })
  }
  await memory.createPair()
  expect(memory.host.devices.map(({ heard }) => heard)).toEqual([['link'], ['link']])
})
