// Everything that looks into frames is switched on and off while they pass: none is lost, doubled or put out
// of order by that, and every one is counted.
// Invariant 4, whatever is changed meanwhile.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { configure, createPair, type Pair } from 'uveth'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { addressed, Cable, stream } from '../support/cable.js'
import { ETH_P, Ledger, numbered } from '../support/frames.js'
import { expectBalanced, marked, marksAtB, perFrame, sendMarks } from '../support/hooks.js'
import { until } from '../support/netns.js'
import { patient } from '../support/pace.js'
import type { PacketSocket } from '../support/packet.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const itTcp = needs('root', 'tun', 'netns', 'ip', 'iperf3')
const TIMES = 50
const unhurt = { damaged: 0, disordered: 0, skipped: 0 }

let folder = ''
beforeAll(() => {
  configure({ workers: 2 })
  folder = mkdtempSync(join(tmpdir(), 'uveth-38-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** One change and its undoing. */
type Change = (pair: Pair, n: number) => Promise<void>

const PASS = perFrame('')

const CHANGES: Record<string, Change> = {
  'a rule that meets nothing': async ({ a }) => {
    using _rule = a.drop({ udp: { dport: 1 } })
    await setImmediate()
  },
  'a rule, waited for': async ({ a }) => {
    using _rule = a.drop({ udp: { dport: 1 } })
    await a.settled()
  },
  'an impairment that does nothing': async ({ a }) => {
    await a.impair({ loss: 0, seed: 1 })
    await a.impair(null)
  },
  'a rate': async ({ a }, n) => {
    if (n === 0) await a.impair({ rate: '1gbit', limit: 100_000, seed: 1 })
    else await a.patchImpairment({ rate: `${n % 2 === 0 ? 1 : 2}gbit` })
  },
  // What is held when it is taken away leaves in front of what comes then.
  'a delay': async ({ a }, n) => {
    await a.impair({ delay: n % 3 === 0 ? '20ms' : '1ms', limit: 100_000, seed: 1 })
    await a.impair(null)
  },
  watches: async ({ a }) => {
    await a.waitFor({ udp: {} })
    await a.frames().return()
  },
  'a capture': async (pair, n) => {
    await using _capture = await pair.capture(join(folder, `${n % 4}.pcapng`))
  },
  'a hook': async ({ a }) => {
    await using _hook = await a.use(PASS)
  },
}

/** Numbered frames of two flows, at most so many under way. */
class Flow {
  readonly ledger = new Ledger()
  sent = 0
  readonly #from: PacketSocket
  readonly #to: PacketSocket

  constructor(from: PacketSocket, to: PacketSocket) {
    this.#from = from
    this.#to = to
  }

  get underWay(): number {
    return this.sent - this.ledger.arrived
  }

  /** Takes what has come, and sends on. */
  pump(window: number): void {
    for (let frame = this.#to.receiveNow(); frame; frame = this.#to.receiveNow()) this.ledger.enter(frame)
    for (; this.underWay < window; this.sent++)
      this.#from.send(numbered(this.sent % 2, Math.floor(this.sent / 2), 100))
  }
}

/** Frames go both ways for as long as `change` is made and undone so many times; all of them arrive, in order. */
async function underTraffic(cable: Cable, change: Change, times = TIMES): Promise<void> {
  const flows = [new Flow(cable.a, cable.b), new Flow(cable.b, cable.a)]
  let busy = true
  const changes = (async () => {
    for (let n = 0; n < times; n++) await change(cable.pair, n)
  })().finally(() => {
    busy = false
  })
  while (busy) {
    for (const flow of flows) flow.pump(100)
    await setImmediate() // the pair's own messages come in between
  }
  await changes
  await until('all have arrived', () => {
    for (const flow of flows) flow.pump(0)
    return flows.every(({ underWay }) => underWay === 0)
  })
  for (const { ledger, sent } of flows) {
    expect(ledger.summary).toEqual({ ...unhurt, received: sent })
    expect(sent).toBeGreaterThanOrEqual(100)
  }
  await cable.pair.a.settled()
}

describe.each([1, 2])('a pair of %i queues', (queues) => {
  it.each(Object.entries(CHANGES))('%s, on and off fifty times', async (_, change) => {
    await using cable = await Cable.lay({ queues })
    await underTraffic(cable, change)
    const { a, b } = await expectBalanced(cable)
    for (const end of [a, b]) expect([end.tx_dropped, end.rx_dropped, end.inspected.held]).toEqual([0, 0, 0])
  })
})

it('all of them at the same time', async () => {
  await using cable = await Cable.lay()
  const { 'a rate': _, ...others } = CHANGES
  await underTraffic(
    cable,
    async (pair, n) => {
      await Promise.all(Object.values(others).map((change) => change(pair, n)))
    },
    20,
  )
  const { a } = await expectBalanced(cable)
  expect(a.tx_dropped).toBe(0)
})

itTcp('a TCP stream goes on', async () => {
  await using cable = await Cable.lay(addressed())
  const { pair } = cable
  const server = cable.right.spawn('iperf3', ['--server', '--one-off'])
  await until('the server listens', () => cable.right.exec('ss', '-tln').includes(':5201'))
  const client = cable.left.spawn('iperf3', ['--client', '10.77.0.2', '--time', '4', '--json'])
  let printed = ''
  client.stdout?.on('data', (text) => {
    printed += text
  })
  const ended = once(client, 'close')
  const { watches: _, ...others } = CHANGES // which wait for UDP
  for (let n = 0; n < 20; n++) for (const change of Object.values(others)) await change(pair, n)
  await ended
  server.kill()
  const { end } = JSON.parse(printed) as { end: { sum_received: { bytes: number } } }
  expect(end.sum_received.bytes).toBeGreaterThan(1e6)
  const { a } = await expectBalanced(cable, { cut: true })
  expect(a.drops).toMatchObject({ loss: 0, rule: 0, hook: 0, error: 0 })
})

describe('what is changed while it counts', () => {
  it('a patch that keeps the seed keeps the number of the frame: the same ones are lost', async () => {
    const lostOf = async (patch: boolean) => {
      await using cable = await Cable.lay({ a: { impair: { loss: 30, seed: 7 } } })
      for (let mark = 0; mark < 200; mark++) {
        if (patch && mark % 20 === 10) {
          await until('judged', () => {
            const { tx_packets, tx_dropped } = cable.pair.counters().a
            return tx_packets + tx_dropped === mark
          })
          await cable.pair.a.patchImpairment({ delay: mark % 40 === 10 ? '1ms' : null })
        }
        sendMarks(cable, mark)
      }
      const { b } = await expectBalanced(cable)
      const came = await marksAtB(cable, b.rx_packets)
      return Array.from({ length: 200 }, (_, mark) => mark).filter((mark) => !came.includes(mark))
    }
    const lost = await lostOf(false)
    expect(lost.length).toBeGreaterThan(30)
    expect(await lostOf(true)).toEqual(lost)
  })

  it('a rule keeps its count when a hook takes the pair to another thread', async () => {
    await using cable = await Cable.lay()
    const rule = cable.pair.a.drop({ ethertype: ETH_P.EXPERIMENT, every: 3 })
    sendMarks(cable, 1, 2)
    expect(await marksAtB(cable, 2)).toEqual([1, 2])
    await using _hook = await cable.pair.a.use(PASS)
    sendMarks(cable, 3, 4, 5, 6, 7)
    expect(await marksAtB(cable, 3)).toEqual([4, 5, 7])
    expect([rule.matched, rule.hits]).toEqual([7, 2])
  })

  it('held frames go with the pair to another thread, and keep their time and their order', async () => {
    const delay = patient(1_500)
    await using cable = await Cable.lay({ a: { impair: { delay, seed: 1 } } })
    const before = performance.now()
    sendMarks(cable, 1, 2, 3)
    await until('held', () => cable.pair.counters().a.inspected.held === 3)
    await using _hook = await cable.pair.a.use(PASS)
    expect(cable.pair.counters().a.inspected.held).toBe(3)
    expect(await marksAtB(cable, 3)).toEqual([1, 2, 3])
    expect(performance.now() - before).toBeGreaterThanOrEqual(delay)
    const { a } = await expectBalanced(cable)
    expect(a.inspected.held).toBe(0)
  })

  it('held frames of two queues are sent when the queues are shared out again', async () => {
    await using cable = await Cable.lay({ queues: 2, a: { impair: { delay: 300, seed: 1 } } })
    const flows = Array.from({ length: 16 }, (_, flow) => flow)
    const sent = stream(cable.a, cable.b, { count: 10, flows })
    await until('held', () => cable.pair.counters().a.inspected.held === 160)
    await cable.pair.a.impair(null)
    expect((await sent).summary).toEqual({ ...unhurt, received: 160 })
    await stream(cable.a, cable.b, { count: 100, flows })
    const { a } = await expectBalanced(cable)
    expect(a.inspected.held).toBe(0)
  })

  it('carrier off and on drops what is held, and nothing of it comes later', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: patient(1_500), seed: 1 } } })
    const seen = cable.pair.sightings()
    sendMarks(cable, 1, 2, 3)
    await until('held', () => cable.pair.counters().a.inspected.held === 3)
    await cable.pair.flap(20)
    await cable.pair.a.settled()
    const fates = Array.from({ length: 6 }, () => seen.now())
    expect(fates.map((fate) => [fate?.end, fate?.cause, fate?.frame[14]])).toEqual([
      ...[1, 2, 3].map((mark) => ['a', undefined, mark]),
      ...[1, 2, 3].map((mark) => ['b', 'carrier', mark]),
    ])
    await seen.return()
    sendMarks(cable, 4)
    expect(await marksAtB(cable, 1)).toEqual([4])
    const { a } = await expectBalanced(cable)
    expect(a.drops.carrier).toBe(3)
    expect(a.inspected.held).toBe(0)
  })

  it('a pair that is closed with frames held counts them as dropped', async () => {
    await using cable = await Cable.lay({ a: { impair: { delay: 60_000, seed: 1 } } })
    sendMarks(cable, 1, 2, 3)
    await until('held', () => cable.pair.counters().a.inspected.held === 3)
    await cable.pair.close()
    const { a } = cable.pair.counters()
    expect(a.inspected.held).toBe(0)
    expect(a.drops.carrier).toBe(3)
  })
})

describe('two queues', () => {
  it('rules that are added and removed at once are in force in that order', async () => {
    await using cable = await Cable.lay({ queues: 2 })
    for (let n = 0; n < 20; n++) {
      const one = cable.pair.a.drop({ ethertype: ETH_P.EXPERIMENT })
      const other = cable.pair.a.duplicate({ ethertype: ETH_P.EXPERIMENT })
      one.remove()
      await cable.pair.a.settled()
      cable.a.send(marked(n))
      expect(await marksAtB(cable, 2)).toEqual([n, n])
      other.remove()
      await cable.pair.a.settled()
      cable.a.send(marked(n))
      expect(await marksAtB(cable, 1)).toEqual([n])
    }
    await expectBalanced(cable)
  })

  it('are one order while they are inspected, and are shared out again afterwards', async () => {
    await using cable = await Cable.lay({ queues: 2 })
    const flows = Array.from({ length: 16 }, (_, flow) => flow)
    const busy = async () => {
      const before = cable.pair.counters().a.workers.map(({ tx_packets }) => tx_packets)
      await stream(cable.a, cable.b, { count: 20, flows })
      await expectBalanced(cable)
      const { workers } = cable.pair.counters().a
      return workers.filter(({ tx_packets }, worker) => tx_packets > (before[worker] ?? 0)).length
    }
    expect(await busy()).toBe(2)
    const rule = cable.pair.a.drop({ udp: { dport: 1 } })
    await cable.pair.a.settled()
    expect(await busy()).toBe(1)
    rule.remove()
    await cable.pair.a.settled()
    expect(await busy()).toBe(2)
  })
})

it('a thousand changes that nobody waits for are in force in the end', async () => {
  await using pair = await createPair({ quiet: true })
  const rules = Array.from({ length: 1_000 }, () => pair.a.drop({}))
  for (const rule of rules.slice(0, -1)) rule.remove()
  void pair.a.impair({ loss: 1 })
  void pair.a.impair(null)
  await pair.a.settled()
  expect(pair.a.rules()).toHaveLength(1)
  await pair.a.inject(marked(1))
  expect(rules.map(({ matched }) => matched)).toEqual(Array(1_000).fill(0)) // no carrier: not judged
})
