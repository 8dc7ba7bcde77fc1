// An engine without a kernel, for unit tests of datapath/loop.ts, and what stands around a loop there. It reports
// the ports that have something to read as epoll does: those that it has reported come last the next time. Time is
// its own: it passes while the loop sleeps, and when a test lets it.

import { vi } from 'vitest'
import { allocateCounters, CARRIER, MTU, readBlock, stateOf } from '../../src/datapath/counters.js'
import type { Engine } from '../../src/datapath/engine.js'
import { Loop, type LoopThread } from '../../src/datapath/loop.js'
import type { Notice } from '../../src/datapath/orders.js'
import type { WatchedPort } from '../../src/datapath/port.js'
import { ServedPair } from '../../src/datapath/served.js'
import { FrameMemory } from '../../src/frame/memory.js'
import { LONGEST_FRAME, Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'
import { FakePort, NullPort, place } from './fake-port.js'

/** A port that the engine can be asked about. */
interface ReadyPort extends WatchedPort {
  readonly ready: boolean
}

const CAPABILITIES = { header: VNET_HDR_LEN, longestFrame: LONGEST_FRAME }

/** One frame after the other until it is told otherwise; `seen` is called before each. */
export class BusyPort extends NullPort implements ReadyPort {
  readonly fd = -1
  readonly capabilities = CAPABILITIES
  readonly #length: number
  /** Bursts that were read. */
  bursts = 0
  /** Bursts that are left. The default is never reached by a loop that gives way. */
  left = 5_000
  seen: (burst: number) => void = () => undefined

  constructor(length: number) {
    super(length)
    this.#length = length
  }

  override receive(slab: Slab): number {
    if (this.left-- <= 0) return 0
    this.seen(++this.bursts)
    place(slab, 0, this.#length)
    return 1
  }

  get ready(): boolean {
    return this.left > 0
  }
}

export class QuietPort extends FakePort implements ReadyPort {
  readonly fd = -1
  readonly capabilities = CAPABILITIES
  get ready(): boolean {
    return this.incoming.length > 0
  }
}

class FakeEngine implements Engine {
  readonly #ports = new Map<ReadyPort, number>()
  /** What it was asked, in ns. */
  readonly waits: { spin: number; timeout: number }[] = []
  /** Called in each wait, with its number from 1; true: the event loop has something to do. */
  during: (wait: number) => boolean = () => false
  /** ms */
  now = 1_000

  constructor() {
    vi.spyOn(performance, 'now').mockImplementation(() => this.now)
  }

  add(port: WatchedPort, token: number): void {
    this.#ports.set(port as ReadyPort, token)
  }

  remove(port: WatchedPort): void {
    if (!this.#ports.delete(port as ReadyPort)) throw new Error('the engine does not know this port')
  }

  has(port: WatchedPort): boolean {
    return this.#ports.has(port as ReadyPort)
  }

  get tokens(): number[] {
    return [...this.#ports.values()].sort((one, other) => one - other)
  }

  wait(ready: Int32Array, spin: number, timeout: number): number {
    this.waits.push({ spin, timeout })
    if (this.waits.length > 500) throw new Error('the loop does not give way')
    const events = this.during(this.waits.length)
    const found = [...this.#ports].filter(([port]) => port.ready)
    if (timeout > 0 && found.length === 0) this.now += timeout / 1e6
    // A sleep without end: back to the test.
    const tokens = events || (timeout < 0 && found.length === 0) ? [-1] : []
    for (const [port, token] of found.slice(0, ready.length - tokens.length)) {
      tokens.push(token)
      this.#ports.delete(port)
      this.#ports.set(port, token)
    }
    ready.set(tokens)
    return tokens.length
  }
}

/** A loop over a fake engine; its thread keeps what it is told. */
export class LoopBench {
  readonly engine = new FakeEngine()
  readonly told: Notice[] = []
  readonly thread: LoopThread & { called: boolean } = {
    called: false,
    obey: () => {
      this.thread.called = false
    },
    tell: (notice) => void this.told.push(notice),
    failed: (handle, error) => void this.told.push({ event: 'failed', handle, why: `${error}` }),
  }
  readonly loop: Loop
  #pairs = 0

  constructor(nap?: number) {
    this.loop = new Loop(this.engine, this.thread, nap === undefined ? {} : { nap })
  }

  /** A pair with carrier between these ports; what `a` sends is delivered to `b`. */
  pair<A extends ReadyPort>(a: A) {
    return new BenchPair(this.loop, this.#pairs++, a, new QuietPort())
  }
}

class BenchPair<A extends WatchedPort, B extends WatchedPort> {
  readonly memory = allocateCounters(1)
  readonly state = stateOf(this.memory)
  readonly served: ServedPair

  readonly a: A
  readonly b: B

  constructor(loop: Loop, handle: number, a: A, b: B) {
    this.a = a
    this.b = b
    this.state[CARRIER] = 1
    for (const end of MTU) this.state[end] = 1500
    this.served = new ServedPair({
      handle,
      counters: this.memory,
      index: 0,
      ports: [[a, b]],
      port: undefined,
      memory: new FrameMemory(),
      scratch: new Slab(),
      hookOf: undefined,
      inspected: loop.inspected,
    })
    loop.add(this.served)
  }

  /** Counters of what `a` sends. */
  get counts() {
    return readBlock(this.memory, 0, 0)
  }
}
