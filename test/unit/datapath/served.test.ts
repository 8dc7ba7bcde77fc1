// A pair as the thread that forwards for it keeps it: what is posted is in force for the next frame, a direction with
// nothing to inspect goes without its inspector, and another thread goes on where one stops.
// src/datapath/served.ts and the posting side of src/datapath/adjust.ts; ports are fakes, message ports are not.

import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Adjustment, type AdjustNotice, post } from '../../../src/datapath/adjust.js'
import { allocateCounters, CARRIER, MTU, readBlock, stateOf } from '../../../src/datapath/counters.js'
import { type LoopedPair, Met } from '../../../src/datapath/direction.js'
import { forward } from '../../../src/datapath/forward.js'
import { ServedPair } from '../../../src/datapath/served.js'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { FrameMemory } from '../../../src/frame/memory.js'
import { Slab } from '../../../src/frame/slab.js'
import type { HookOf } from '../../../src/hooks/guard.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { FrameRecord } from '../../../src/ring/record.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { QuietPort } from '../../support/fake-engine.js'
import { frame } from '../../support/fake-port.js'

const slab = new Slab()
const open: Bench[] = []

/** One thread's part of a pair. */
class Bench {
  readonly a = new QuietPort()
  readonly b = new QuietPort()
  readonly inspected = new Set<LoopedPair>()
  readonly #channel = new MessageChannel()
  readonly pair: ServedPair
  readonly memory: SharedArrayBuffer

  constructor({
    memory = allocateCounters(1),
    hookOf,
  }: { memory?: SharedArrayBuffer; hookOf?: HookOf } = {}) {
    this.memory = memory
    const state = stateOf(memory)
    state[CARRIER] = 1
    for (const end of MTU) state[end] = 1500
    const { inspected, a, b } = this
    const around = { inspected, scratch: new Slab(), memory: new FrameMemory(), hookOf }
    const setup = { handle: 7, counters: memory, index: 0, ...around }
    this.pair = new ServedPair({ ...setup, ports: [[a, b]], port: this.#channel.port2 })
    open.push(this)
  }

  post(...adjustments: Adjustment[]): void {
    for (const adjustment of adjustments) post(this.#channel.port1, stateOf(this.memory), adjustment)
  }

  /** The notices that have come. */
  heard(): AdjustNotice[] {
    const notices = []
    for (let next = receiveMessageOnPort(this.#channel.port1); next; ) {
      notices.push(next.message as AdjustNotice)
      next = receiveMessageOnPort(this.#channel.port1)
    }
    return notices
  }

  /** End a sends a frame of `length` bytes. */
  send(length = 60): void {
    this.a.incoming.push([frame(length)])
    const [direction] = this.pair.directions
    if (direction !== undefined) forward(direction, slab, new Met())
  }

  get delivered(): number[] {
    return this.b.delivered.map(({ bytes }) => bytes.length)
  }

  get counts() {
    return readBlock(this.memory, 0, 0)
  }

  /** Do its directions have an inspector, and does its thread know of it? */
  get watched(): boolean[] {
    return [
      ...this.pair.directions.map(({ inspector }) => inspector !== undefined),
      this.inspected.has(this.pair),
    ]
  }

  close(): void {
    this.#channel.port1.close()
  }
}

let bench: Bench

beforeEach(() => {
  bench = new Bench()
})

afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

function dropAll(id: number, counts = allocateRuleCounts()): Adjustment {
  return {
    op: 'rule',
    end: 0,
    plan: { id, ...planRule({ match: {}, action: { kind: 'drop' } }, 'rule') },
    counts,
  }
}

function delay(ms: number): Adjustment {
  return { op: 'impair', end: 0, plan: planImpair({ seed: 1, delay: { time: ms } }, 'impair'), restart: true }
}

const NOBODY = [false, false, false]

describe('adjustments', () => {
  test('a pair begins with nothing to inspect and nothing to wait for', () => {
    expect(bench.watched).toEqual(NOBODY)
    expect(bench.pair.due).toBe(Number.POSITIVE_INFINITY)
    expect(bench.pair.waiting).toBe(false)
    bench.send()
    expect(bench.delivered).toEqual([60])
  })

  test('a rule acts on the first frame that is received after it was posted, and on the other direction never', () => {
    bench.send(60)
    bench.post(dropAll(1))
    expect(bench.pair.waiting).toBe(true)
    bench.send(61)
    expect(bench.delivered).toEqual([60])
    expect(bench.counts.drops.rule).toBe(1)
    expect(bench.watched).toEqual([true, false, true])
    bench.post({ op: 'unrule', end: 0, id: 1 })
    bench.send(62)
    expect(bench.delivered).toEqual([60, 62])
    expect(bench.watched).toEqual(NOBODY)
  })

  test('sync is answered when what was posted before it is in force', () => {
    bench.post(dropAll(1), { op: 'sync', id: 4 })
    expect(bench.heard()).toEqual([])
    bench.pair.adjust()
    expect(bench.heard()).toEqual([{ event: 'done', id: 4 }])
    expect(bench.watched).toEqual([true, false, true])
  })

  test('an impairment is replaced, keeps its place, and goes', () => {
    const plan = planImpair({ seed: 1, loss: { random: 100 } }, 'impair')
    bench.post({ op: 'impair', end: 0, plan, restart: true })
    bench.send()
    expect(bench.counts.drops.loss).toBe(1)
    const number = bench.pair.inspector(0).impairment?.state().number
    bench.post({ op: 'impair', end: 0, plan, restart: false })
    bench.pair.adjust()
    expect(bench.pair.inspector(0).impairment?.state().number).toBe(number)
    bench.post({ op: 'impair', end: 0, plan, restart: true })
    bench.pair.adjust()
    expect(bench.pair.inspector(0).impairment?.state().number).toBe(0)
    bench.post({ op: 'impair', end: 0, plan: null, restart: true })
    bench.send(61)
    expect(bench.delivered).toEqual([61])
  })

  test('a capture looks at both ends, until it is taken away', () => {
    const ring = createRing(4096)
    bench.post({
      op: 'capture',
      plan: { id: 3, ring, ends: { a: true, b: true }, delivered: true, match: null, snaplen: 99 },
    })
    bench.send(60)
    expect(bench.watched).toEqual([true, true, true])
    const reader = new RingReader(ring)
    const record = new FrameRecord()
    const seen = []
    for (let at = reader.next(); at >= 0; at = reader.next()) {
      for (record.read(reader, at); record.next(); ) seen.push([record.end, record.outbound, record.length])
    }
    expect(seen).toEqual([
      [0, true, 60],
      [1, false, 60],
    ])
    bench.post({ op: 'uncapture', id: 3 })
    bench.send(61)
    expect(bench.watched).toEqual(NOBODY)
    reader.release()
    expect(reader.next()).toBe(-1)
  })

  test('a frame that is put in meets what was posted before it', () => {
    bench.post(dropAll(1), { op: 'inject', end: 0, frame: new Uint8Array(60) })
    bench.pair.adjust()
    expect(bench.delivered).toEqual([])
    expect(bench.counts).toMatchObject({ received: 0, inspected: { injected: 1 }, drops: { rule: 1 } })
  })

  test('a watch tells of the first frame, and is gone', () => {
    bench.post({ op: 'watch', end: 0, id: 9, match: planMatch({ length: { min: 61 } }, 'match') })
    bench.send(60)
    expect(bench.heard()).toEqual([])
    bench.send(61)
    expect(bench.heard()).toMatchObject([{ event: 'frame', id: 9 }])
    bench.send(62)
    expect(bench.heard()).toEqual([])
    expect(bench.delivered).toEqual([60, 61, 62])
  })

  test('a thread that serves other queues of the pair takes none, and does not ask again', () => {
    const { memory, inspected } = bench
    const setup = { handle: 7, counters: memory, index: 1, ports: [], port: undefined }
    const other = new ServedPair({
      ...setup,
      inspected,
      scratch: new Slab(),
      memory: new FrameMemory(),
      hookOf: undefined,
    })
    bench.post(dropAll(1))
    expect(other.waiting).toBe(true)
    other.adjust()
    expect(other.waiting).toBe(false)
    expect(bench.pair.waiting).toBe(true)
  })
})

describe('held frames', () => {
  test('keep the inspector until the last of them has gone', () => {
    bench.post(delay(5))
    bench.send()
    const { due } = bench.pair
    expect(due).toBeGreaterThan(performance.now() - 1_000)
    bench.post({ op: 'impair', end: 0, plan: null, restart: true })
    bench.pair.adjust()
    expect(bench.watched).toEqual([true, false, true])
    expect(bench.pair.release(due - 1)).toBe(0)
    expect(bench.pair.release(due)).toBe(1)
    expect(bench.delivered).toEqual([60])
    expect(bench.watched).toEqual(NOBODY)
    expect(bench.pair.due).toBe(Number.POSITIVE_INFINITY)
  })

  test('are dropped when carrier comes on, and when the pair is closed', () => {
    bench.post(delay(5))
    bench.send()
    bench.pair.discard()
    expect(bench.counts).toMatchObject({ inspected: { held: 0 }, drops: { carrier: 1 } })
    bench.send()
    bench.pair.close()
    expect(bench.counts).toMatchObject({ inspected: { held: 0 }, drops: { carrier: 2 }, sent: 0 })
  })

  test('go on in another thread, with rules and their counts', () => {
    const counts = allocateRuleCounts()
    const action = { kind: 'delay' as const, ms: 60_000 }
    const plan = { id: 1, ...planRule({ match: { nth: 2 }, action }, 'rule') }
    bench.post({ op: 'rule', end: 0, plan, counts })
    bench.send(60)
    bench.send(61)
    expect(bench.delivered).toEqual([60])
    const state = bench.pair.surrender()
    expect(bench.counts.inspected.held).toBe(0)
    const other = new Bench({ memory: bench.memory })
    other.pair.resume(state)
    expect(other.watched).toEqual([true, false, true])
    expect(other.counts.inspected.held).toBe(1)
    expect(other.pair.release(other.pair.due)).toBe(1)
    other.send(62)
    expect(other.delivered).toEqual([61, 62]) // the third frame is not the second
  })

  test('a pair that was never inspected has nothing to leave', () => {
    expect(bench.pair.surrender()).toEqual([])
  })
})

describe('hooks of users', () => {
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  test('where other pairs are served: refused, and told', async () => {
    bench.post({ op: 'hook', end: 0, id: 2, url: 'file:///none.js', options: {} })
    bench.pair.adjust()
    await settled()
    expect(bench.heard()).toMatchObject([{ event: 'hook-failed', id: 2 }])
    expect(bench.counts.inspected.hook_errors).toBe(1)
  })

  test('in a thread of its own: ready, then it judges; taken away, it does not', async () => {
    bench = new Bench({ hookOf: async () => (burst) => burst.drop(0) })
    bench.post({ op: 'hook', end: 0, id: 2, url: 'file:///one.js', options: {} })
    bench.pair.adjust()
    expect(bench.heard()).toEqual([])
    await settled()
    expect(bench.heard()).toEqual([{ event: 'hook-ready', id: 2 }])
    bench.send(60)
    bench.post({ op: 'unhook', end: 0, id: 2 })
    bench.send(61)
    expect(bench.delivered).toEqual([61])
    expect(bench.counts.drops.hook).toBe(1)
  })

  test('one that throws is counted, told, and out of the chain; the frame goes on', async () => {
    const failures: unknown[] = []
    bench.pair.use(
      0,
      5,
      () => {
        throw new Error('oh')
      },
      (error) => failures.push(error),
    )
    bench.send(60)
    bench.send(61)
    expect(failures).toEqual([new Error('oh')])
    expect(bench.counts.inspected.hook_errors).toBe(1)
    expect(bench.delivered).toEqual([60, 61])
    expect(bench.watched).toEqual(NOBODY)
  })
})
