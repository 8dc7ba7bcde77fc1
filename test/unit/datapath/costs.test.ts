// What a wire frame costs, counted and not timed: calls into the addon and system calls, for each way to look into
// frames, over real descriptors (pairs of sockets in place of TAPs). A burst is one call to receive and one to transmit,
// however it is judged; a super-frame is one read and one write. What costs more than is said here makes every cable
// slower, and no other test tells. Heap is the business of forward-heap and inspector-heap, real TAPs of 112. Invariant 2.

import { readFileSync } from 'node:fs'
import { afterAll, expect, test, vi } from 'vitest'
import { allocateCounters, blockOf, CARRIER, MTU, stateOf } from '../../../src/datapath/counters.js'
import { Met } from '../../../src/datapath/direction.js'
import { forward } from '../../../src/datapath/forward.js'
import { openPorts } from '../../../src/datapath/open-ports.js'
import type { Port, PortSpec } from '../../../src/datapath/port.js'
import { Probe } from '../../../src/datapath/probe.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { LONGEST_FRAME, Slab, VNET_HDR_LEN } from '../../../src/frame/slab.js'
import { GuardedHook } from '../../../src/hooks/guard.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { NullPort, SuperPort, UNINSPECTED } from '../../support/fake-port.js'
import { InspectedBench, impair } from '../../support/inspected.js'
import { closeFd, socketPair } from '../../support/native.js'
import { superFrame } from '../frame/super-frame.js'

/** Calls of the addon so far, by name. */
const { called } = vi.hoisted(() => ({ called: {} as Record<string, number> }))

vi.mock('../../../src/native.js', async (load) => {
  const native = await load<Record<string, unknown>>()
  const counted = (name: string, call: (...given: unknown[]) => unknown) => {
    called[name] = 0
    // Not rest parameters, which are allocated. No call of the data path has more.
    return (first: unknown, second: unknown, third: unknown, fourth: unknown) => {
      called[name] = (called[name] as number) + 1
      return call(first, second, third, fourth)
    }
  }
  const entries = Object.entries(native).map(([name, value]) => [
    name,
    typeof value === 'function' ? counted(name, value as () => unknown) : value,
  ])
  return Object.fromEntries(entries)
})

/** Wire frames in each burst. */
const FRAMES = 64
const DELAY_ENDS = Number.MAX_VALUE

const open: number[] = []
afterAll(() => open.map(closeFd))

/** What was spent: reads and writes of this thread, and calls of the addon by name. */
interface Spent {
  reads: number
  writes: number
  calls: Record<string, number>
}

function spent(): Spent {
  const counts = readFileSync('/proc/thread-self/io', 'utf8')
  const number = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(counts)?.[1])
  return { reads: number('syscr'), writes: number('syscw'), calls: { ...called } }
}

/** Between two looks; the looks' own reads are not in it. */
function between(before: Spent, after: Spent): Spent {
  const calls = Object.entries(after.calls).map(([name, count]) => [name, count - (before.calls[name] ?? 0)])
  return {
    reads: after.reads - before.reads - ownReads,
    writes: after.writes - before.writes,
    calls: Object.fromEntries(calls.filter(([, count]) => count !== 0)),
  }
}

let ownReads = 0
const first = spent()
ownReads = spent().reads - first.reads

/** A wire of two sockets: what is sent to one port can be received from the other. */
function wire(): [Port, Port] {
  const fds = new Int32Array(2)
  expect(socketPair(fds)).toBe(0)
  open.push(...fds)
  const [one = -1, other = -1] = fds
  const capabilities = { header: VNET_HDR_LEN, longestFrame: LONGEST_FRAME }
  const spec = (fd: number): PortSpec => ({ kind: 'descriptor', fd, capabilities })
  const [ports] = openPorts([[spec(one), spec(other)]])
  return [...(ports as readonly [Port, Port])]
}

/** Sends what `source` gives, has a burst of it carried, and takes what arrives. */
class Cable {
  readonly #source: Port
  readonly #sender: Port
  readonly #receiver: Port
  readonly #carry: () => void
  readonly #slab = new Slab()

  constructor(source: Port, look: Look) {
    const [sender, rx] = wire()
    const [tx, receiver] = wire()
    this.#source = source
    this.#sender = sender
    this.#receiver = receiver
    this.#carry = look(rx, tx)
  }

  feed(): void {
    this.#sender.transmit(this.#slab, this.#source.receive(this.#slab, FRAMES))
  }

  carry(): void {
    this.#carry()
  }

  take(): number {
    let frames = 0
    for (let got = 1; got > 0; frames += got) got = this.#receiver.receive(this.#slab, FRAMES)
    return frames
  }
}

/** Makes what carries one burst between two ports. */
type Look = (rx: Port, tx: Port) => () => void

const plain: Look = (rx, tx) => {
  const memory = allocateCounters(1)
  const state = stateOf(memory)
  state[CARRIER] = 1
  state[MTU[1]] = 1500
  const counters = blockOf(memory, 0, 0)
  const direction = { ...UNINSPECTED, rx, tx, state, mtu: MTU[1], counters }
  const slab = new Slab()
  const met = new Met()
  return () => void forward(direction, slab, met)
}

/** `arrange` may answer what is to be done behind each burst. */
function inspected(arrange: (bench: InspectedBench) => (() => void) | undefined): Look {
  return (rx, tx) => {
    const bench = new InspectedBench({ rx, tx })
    const behind = arrange(bench)
    bench.inspector.compose()
    return () => {
      // Not fewer because this machine was busy: a burst that takes long makes the next one smaller.
      bench.inspector.most = FRAMES
      bench.forward()
      behind?.()
    }
  }
}

const looks: Record<string, Look> = {
  plain,
  'a loss': inspected((bench) => void impair(bench, { loss: 1e-7 })),
  'a rule': inspected(({ inspector }) => {
    const plan = { id: 1, ...planRule({ action: { kind: 'drop' }, match: { tcp: { dport: 9 } } }, 'rule') }
    inspector.rules.add(plan, new Float64Array(allocateRuleCounts()))
  }),
  'a rule that impairs': inspected(({ inspector }) => {
    const action = { kind: 'impair' as const, loss: 100 }
    const plan = { id: 1, ...planRule({ action, match: { tcp: { dport: 9 } } }, 'rule') }
    inspector.rules.add(plan, new Float64Array(allocateRuleCounts()))
  }),
  'a hook on lengths': inspected(({ inspector }) => {
    let bytes = 0
    const judge = (burst: { count: number; lengths: Int32Array }) => {
      for (let i = 0; i < burst.count; i++) bytes = (bytes + (burst.lengths[i] as number)) | 0
    }
    inspector.hooks = [new GuardedHook(1, judge, () => undefined)]
  }),
  'a delay': inspected((bench) => {
    impair(bench, { delay: 1000 })
    return () => void bench.inspector.release(DELAY_ENDS)
  }),
  'a capture': inspected(({ inspector }) => {
    const ends = { a: true, b: true }
    const plan = { id: 1, ring: createRing(1 << 20), ends, delivered: false, match: null, snaplen: 65_535 }
    inspector.probes.list = [new Probe(plan)]
    const reader = new RingReader(plan.ring)
    return () => {
      while (reader.next() >= 0);
      reader.release()
    }
  }),
}

const small = () => new NullPort(60)
/** Four super-frames of 16 wire frames. */
const supers = () =>
  new SuperPort(
    superFrame({ proto: 'tcp', version: 4, payload: new Uint8Array(16 * 1400).fill(7), size: 1400 }),
    4,
  )

/** The one in the middle: V8 may write a word of its own to another thread meanwhile. */
const median = (numbers: number[]) => numbers.sort((one, other) => one - other)[numbers.length >> 1]

/** What each of many bursts costs; every one of them is delivered whole. */
function costs(source: Port, look: Look, writes: number) {
  const cable = new Cable(source, look)
  const bursts: Spent[] = []
  for (let burst = 0; burst < 51; burst++) {
    cable.feed()
    const before = spent()
    cable.carry()
    bursts.push(between(before, spent()))
    expect(cable.take()).toBe(writes)
  }
  const [{ calls } = { calls: {} }, ...others] = bursts
  for (const other of others) expect(other.calls).toEqual(calls)
  return {
    reads: median(bursts.map(({ reads }) => reads)),
    writes: median(bursts.map(({ writes }) => writes)),
    calls,
  }
}

/** What a look costs more than this in calls of the addon, for small frames and for four super-frames. */
const more: Record<string, { small?: object; supers: object }> = {
  plain: { supers: { transmit: 1 } },
  // Held together, released together: each is copied by one call.
  'a delay': { small: { copyRanges: 1 }, supers: { transmit: 1, copyRanges: 4 } },
}
const ONE_EACH = { receive: 1, transmit: 1 }

test.each(Object.entries(looks))('64 frames cost 64 reads, 64 writes and two calls: %s', (name, look) => {
  const calls = { ...ONE_EACH, ...more[name]?.small }
  expect(costs(small(), look, 64)).toEqual({ reads: 64, writes: 64, calls })
})

test.each(Object.entries(looks))(
  '64 wire frames in 4 super-frames cost 4 reads and 4 writes: %s',
  (name, look) => {
    const calls = { ...ONE_EACH, ...(more[name]?.supers ?? { transmit: 4 }) }
    // The last read finds nothing.
    expect(costs(supers(), look, 4)).toEqual({ reads: 4 + 1, writes: 4, calls })
  },
)
