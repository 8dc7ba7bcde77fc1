// A pair in the link thread over memory devices and a pool that only notes what it is asked: what is ordered of whom,
// in which order, and what is told. With real workers and frames: test/unit/pair/pair.test.ts.

import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test, vi } from 'vitest'
import { allocateCounters, blockOf, RECEIVED } from '../../../src/datapath/counters.js'
import type { Context } from '../../../src/link/ends.js'
import { LinkedPair } from '../../../src/link/linked-pair.js'
import type { Adoptee, Pool } from '../../../src/link/pool.js'
import type { EndPlan, Inspected, LinkMessage } from '../../../src/link/protocol.js'
import { MemoryHost } from '../../support/memory-device.js'

const end = (name: string): EndPlan => ({
  ...{ name, netns: null, address: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1500, txQueueLength: 1000 },
  ...{ up: true, ifindex: undefined, addresses: [], dad: false },
})
const plan = { ends: [end('a'), end('b')] as [EndPlan, EndPlan], queues: 1, quiet: false, inline: false }

class Bench {
  readonly host = new MemoryHost()
  /** What the pool was asked. */
  readonly asked: string[] = []
  readonly told: LinkMessage[] = []
  /** Turns that were wanted. */
  errands = 0
  /** Frames of each piece of a drain. */
  pieces: number[] = []
  /** Of the last adoption. */
  adoptee: Adoptee | undefined
  readonly counters = allocateCounters(1)
  /** With what the pool refuses an adoption. */
  refusal: Error | undefined
  readonly #channel = new MessageChannel()
  readonly #context = {
    open: this.host.open,
    adopt: this.host.adopt,
    pool: {
      adopt: (adoptee: Adoptee, _port: unknown, together: boolean) => {
        if (this.refusal !== undefined) throw this.refusal
        this.adoptee = adoptee
        this.asked.push(together ? 'adopt together' : 'adopt')
      },
      release: () => this.asked.push('release'),
      drain: () => {
        this.asked.push('drain')
        return this.pieces.shift() ?? 0
      },
      gather: (_handle: number, together: boolean) => this.asked.push(together ? 'gather' : 'spread'),
    } as unknown as Pool,
    tell: (message: LinkMessage) => this.told.push(message),
    errand: () => void this.errands++,
    recall: async () => void this.asked.push('recall'),
  } satisfies Context

  create(inspected: Inspected = [false, false], inline = false, ends = plan.ends): Promise<LinkedPair> {
    const begin = inline ? {} : { begin: { port: this.#channel.port1, state: [] as [] } }
    const { counters } = this
    const request = { handle: 7, plan: { ...plan, inline, ends }, counters, inspected, ...begin }
    return LinkedPair.create(this.#context, { op: 'create', ...request })
  }

  get events(): string[] {
    return this.told.map(({ event }) => event)
  }

  close(): void {
    this.#channel.port1.close()
  }
}

let bench: Bench
afterEach(() => bench.close())

test('is adopted before its ends are up, and drained before they get carrier', async () => {
  bench = new Bench()
  await bench.create()
  const [a, b] = bench.host.devices
  expect(bench.asked).toEqual(['adopt', 'drain'])
  expect(bench.events).toEqual(['state', 'state', 'carrier'])
  expect([a?.calls, b?.calls]).toEqual([
    ['begin', 'carrier on'],
    ['begin', 'carrier on'],
  ])
})

test('others are told that an end has no carrier when it is up, not only while it is down', async () => {
  bench = new Bench()
  const [a, b] = plan.ends
  await bench.create([false, false], false, [a, { ...b, up: false }])
  expect(bench.host.devices.map(({ shown }) => shown)).toEqual([false, false])
  expect(bench.asked).toEqual(['adopt'])
})

test('is inspected before there is a frame', async () => {
  bench = new Bench()
  await bench.create([true, false])
  const [a, b] = bench.host.devices
  expect(bench.asked).toEqual(['adopt together', 'drain'])
  expect([a?.calls, b?.calls]).toEqual([
    ['begin', 'carrier on'],
    ['begin', 'carrier on'],
  ])
})

test('while a program looks at an end the other one cuts; one that nobody tells of is found where frames have crossed', async () => {
  bench = new Bench()
  const pair = await bench.create()
  const [a, b] = bench.host.devices
  bench.host.hear = (hint) => pair.hear(hint)
  b?.attach(true)
  pair.turn()
  expect(a?.calls.slice(2)).toEqual(['cut'])
  b?.attach(false, false)
  pair.glance()
  pair.turn()
  expect(a?.calls.slice(2)).toEqual(['cut'])
  const counts = blockOf(bench.counters, 0, 1)
  counts[RECEIVED] = (counts[RECEIVED] ?? 0) + 1
  pair.glance()
  pair.turn()
  expect(a?.calls.slice(2)).toEqual(['cut', 'whole'])
  expect(b?.calls).toEqual(['begin', 'carrier on'])
})

test('inline it is lent before its ends are up, and recalled when it is taken down', async () => {
  bench = new Bench()
  const pair = await bench.create([false, false], true)
  expect(bench.events).toEqual(['lent', 'state', 'state', 'carrier'])
  await pair.close('close', null)
  expect(bench.asked).toEqual(['recall'])
  expect(bench.events.at(-1)).toBe('closed')
})

test.each(['open a', 'open b', 'begin b', 'carrier on b'])(
  'refused at "%s", it is released and leaves nothing',
  async (call) => {
    bench = new Bench()
    bench.host.refuse = { call, error: new Error('out of luck') }
    await expect(bench.create([true, false])).rejects.toThrow('out of luck')
    expect(bench.host.devices).toEqual([])
    expect(bench.asked.filter((asked) => asked === 'release').length).toBe(call.startsWith('open') ? 0 : 1)
    expect(bench.events).not.toContain('closed')
  },
)

test('that no worker takes leaves nothing', async () => {
  bench = new Bench()
  bench.refusal = new Error('no forwarding worker runs')
  await expect(bench.create()).rejects.toThrow('no forwarding worker runs')
  expect(bench.host.devices).toEqual([])
})

test('a change that is refused is looked at all the same, and told', async () => {
  bench = new Bench()
  const pair = await bench.create()
  bench.told.length = 0
  bench.host.refuse = { call: 'change a', error: new Error('out of luck') }
  expect(() => pair.change(0, { mtu: 1400 })).toThrow('out of luck')
  expect(bench.events).toEqual(['state'])
})

test('carrier goes with an end, without a drain; a mode holds whatever the ends are', async () => {
  bench = new Bench()
  const pair = await bench.create()
  bench.asked.length = 0
  bench.told.length = 0
  pair.change(1, { up: false })
  expect([bench.asked, bench.events]).toEqual([[], ['state', 'state', 'carrier']])
  pair.setMode('on')
  expect(bench.asked).toEqual(['drain'])
  expect(bench.host.devices.map(({ carrier }) => carrier)).toEqual([true, true])
})

test('an end that goes up is seen though nothing is told', async () => {
  bench = new Bench()
  const pair = await bench.create()
  bench.host.hear = () => {}
  pair.change(0, { up: false })
  bench.host.named('a').set({ up: true })
  expect(bench.errands).toBe(1)
  pair.turn()
  expect(bench.host.named('b').carrier).toBe(true)
})

test('however often an end is heard of, one turn looks at it', async () => {
  bench = new Bench()
  const pair = await bench.create()
  const look = vi.spyOn(bench.host.named('a'), 'look')
  for (let time = 0; time < 100; time++) pair.hear({ of: 'link', nsid: -1, ifindex: 1 })
  pair.turn()
  pair.turn()
  expect(look).toHaveBeenCalledTimes(1)
})

test('a long queue is drained in turns, and carrier comes when it is empty', async () => {
  bench = new Bench()
  const pair = await bench.create()
  const [a] = bench.host.devices
  pair.setMode('off')
  bench.asked.length = 0
  bench.told.length = 0
  bench.pieces = [500, 500]
  pair.setMode('auto')
  let isSettled = false
  const settled = pair.settled().then(() => (isSettled = true))
  expect([bench.asked, bench.errands, a?.carrier]).toEqual([['drain'], 1, false])
  pair.turn()
  expect([bench.asked, bench.errands, a?.carrier, isSettled]).toEqual([['drain', 'drain'], 2, false, false])
  pair.turn()
  await settled
  expect([a?.carrier, bench.events]).toEqual([true, ['carrier']])
})

test('carrier that is taken back while its queue is drained was never there', async () => {
  bench = new Bench()
  const pair = await bench.create()
  pair.setMode('off')
  bench.told.length = 0
  bench.pieces = [500]
  pair.setMode('auto')
  pair.setMode('off')
  await pair.settled()
  pair.turn()
  expect(bench.events).toEqual([])
  expect(bench.host.devices.map(({ carrier }) => carrier)).toEqual([false, false])
})

test('a pair that ends is not waited for', async () => {
  bench = new Bench()
  const pair = await bench.create()
  pair.setMode('off')
  bench.pieces = [500]
  pair.setMode('auto')
  const settled = pair.settled()
  await pair.close('close', null)
  await settled
  pair.turn()
  expect(bench.events.at(-1)).toBe('closed')
})

test('what is inspected is gathered first, and spread again', async () => {
  bench = new Bench()
  const pair = await bench.create()
  bench.asked.length = 0
  pair.inspect([true, true])
  pair.inspect([true, true])
  pair.inspect([false, false])
  expect(bench.asked).toEqual(['gather', 'spread'])
})

test('lost, it is adopted again as it is; lost again and again, it ends with the reason', async () => {
  bench = new Bench()
  const pair = await bench.create([true, true])
  const { port1 } = new MessageChannel()
  for (let time = 0; time < 8; time++) {
    bench.asked.length = 0
    bench.adoptee?.lost('its thread exited')
    expect(bench.told.at(-1)).toEqual({ event: 'lost', handle: 7, why: 'its thread exited' })
    pair.readopt({ port: port1, state: [] })
    expect(bench.asked).toEqual(['adopt together'])
  }
  bench.adoptee?.lost('its thread exited')
  await pair.close('close', null)
  expect(bench.told.at(-1)).toMatchObject({ event: 'closed', reason: 'failed', why: 'its thread exited' })
  port1.close()
})

test('that nobody can adopt again ends, with the reason', async () => {
  bench = new Bench()
  const pair = await bench.create()
  const { port1 } = new MessageChannel()
  bench.refusal = new Error('no forwarding worker runs')
  pair.readopt({ port: port1, state: [] })
  await pair.close('close', null)
  expect(bench.told.at(-1)).toMatchObject({
    event: 'closed',
    reason: 'failed',
    why: 'no forwarding worker runs',
  })
  port1.close()
})

test('ending, it does not look, and is closed once', async () => {
  bench = new Bench()
  const pair = await bench.create()
  const closing = pair.close('close', null)
  expect(pair.ending).toBe(true)
  pair.look()
  pair.hear({ of: 'all' })
  bench.adoptee?.lost('its thread exited')
  await Promise.all([closing, pair.close('deleted', 0)])
  expect(bench.events.filter((event) => event === 'closed' || event === 'lost')).toEqual(['closed'])
})
