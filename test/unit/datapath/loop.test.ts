// Scheduling: which direction is served next, when what is held goes, when a loop asks, sleeps, and gives way.
// src/datapath/loop.ts, over an engine and ports without a kernel, in time that the engine makes. That the real
// engine wakes for the event loop is test/kernel/22's business; how fast it is, the benchmark's.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { BusyPort, LoopBench, QuietPort } from '../../support/fake-engine.js'
import { frame } from '../../support/fake-port.js'

/** Bursts of a direction between two looks at the engine. */
const ROUNDS = 16

afterEach(() => {
  vi.restoreAllMocks()
})

/** Serves until the `looks`-th look at the engine. */
function serve(bench: LoopBench, looks: number): void {
  const before = bench.engine.waits.length
  bench.engine.during = (wait) => wait >= before + looks
  bench.loop.serve()
}

describe('many directions', () => {
  test('50 that never stop get the same number of bursts, in turn', () => {
    const bench = new LoopBench()
    const order: number[] = []
    const ports = Array.from({ length: 50 }, (_, index) => {
      const port = new BusyPort(60)
      port.seen = () => order.push(index)
      bench.pair(port)
      return port
    })
    serve(bench, 5)
    expect(new Set(ports.map(({ bursts }) => bursts))).toEqual(new Set([4 * ROUNDS]))
    // Nobody has a second burst before everybody has had one.
    for (let round = 0; round < ROUNDS; round++)
      expect(new Set(order.slice(50 * round, 50 * (round + 1))).size).toBe(50)
  })

  test('more than are looked at together: all come by turns', () => {
    const bench = new LoopBench()
    const ports = Array.from({ length: 150 }, () => new BusyPort(60))
    for (const port of ports) bench.pair(port)
    serve(bench, 76)
    const bursts = ports.map(({ bursts }) => bursts)
    expect(Math.min(...bursts)).toBeGreaterThanOrEqual(31 * ROUNDS)
    expect(Math.max(...bursts)).toBeLessThanOrEqual(33 * ROUNDS)
  })

  test('beside one that never stops, another is found within 16 bursts', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    const { a, b } = bench.pair(new QuietPort())
    let found = 0
    busy.seen = (burst) => {
      if (burst === 20) a.incoming.push([frame(60)])
      if (b.delivered.length > 0 && found === 0) found = burst
    }
    bench.pair(busy)
    serve(bench, 5)
    expect(found).toBeGreaterThan(20)
    expect(found).toBeLessThanOrEqual(20 + ROUNDS)
  })

  test('beside one whose chain takes long, another is found within some ms', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    const { served } = bench.pair(busy)
    const { a, b } = bench.pair(new QuietPort())
    served.inspector(0).impair(planImpair({ delay: 0 }, 'impair'))
    served.compose()
    let found = 0
    busy.seen = (burst) => {
      bench.engine.now += 1
      if (burst === 20) a.incoming.push([frame(60)])
      if (b.delivered.length > 0 && found === 0) found = burst
    }
    serve(bench, 12)
    expect(found).toBeGreaterThan(20)
    expect(found).toBeLessThanOrEqual(24)
  })

  test('one that has nothing is not asked while others are busy', () => {
    const bench = new LoopBench()
    const { a } = bench.pair(new QuietPort())
    const receive = vi.spyOn(a, 'receive')
    bench.pair(new BusyPort(60))
    serve(bench, 3)
    expect(receive).not.toHaveBeenCalled()
  })
})

describe('held frames', () => {
  function delayed(ms: number) {
    const bench = new LoopBench()
    const pair = bench.pair(new QuietPort())
    const plan = planImpair({ seed: 1, delay: { time: ms } }, 'impair')
    pair.served.apply({ op: 'impair', end: 0, plan, restart: true })
    pair.served.compose()
    pair.a.incoming.push([frame(60)])
    return { bench, pair }
  }

  test('go when they are due, beside traffic that never stops', () => {
    const { bench, pair } = delayed(5)
    const busy = new BusyPort(60)
    let sent = 0
    busy.seen = () => {
      bench.engine.now += 0.25
      if (pair.b.delivered.length > 0 && sent === 0) sent = bench.engine.now
    }
    bench.pair(busy)
    serve(bench, 5)
    expect(sent).toBeGreaterThanOrEqual(1_005)
    expect(sent).toBeLessThanOrEqual(1_005.75)
  })

  test('end a sleep: it is as long as the first of them has', () => {
    const { bench, pair } = delayed(5)
    bench.loop.serve()
    expect(pair.b.delivered).toHaveLength(1)
    const sleeps = bench.engine.waits.map(({ timeout }) => timeout)
    // Then once more, to give back their memory.
    expect(sleeps.filter((timeout) => timeout > 0)).toEqual([5e6, 1e9])
    expect(bench.engine.now).toBe(2_005)
    expect(sleeps.at(-1)).toBe(-1)
    expect(bench.loop.inspected.size).toBe(1) // the impairment stays
  })

  test('of a pair that is taken away go no more', () => {
    const { bench, pair } = delayed(5)
    serve(bench, 2)
    expect(pair.counts.inspected.held).toBe(1)
    bench.loop.remove(pair.served)
    bench.engine.now += 10
    bench.loop.serve()
    expect(pair.b.delivered).toEqual([])
    expect(bench.engine.waits.at(-1)?.timeout).toBe(-1)
  })
})

describe('orders and the event loop', () => {
  test('an order that is posted while it is busy is carried out before the next burst', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    const obeyed: number[] = []
    const { obey } = bench.thread
    bench.thread.obey = () => {
      obey()
      obeyed.push(busy.bursts)
    }
    busy.seen = (burst) => {
      if (burst === 5) bench.thread.called = true
    }
    bench.pair(busy)
    serve(bench, 3)
    expect(obeyed).toEqual([0, 5])
  })

  test('an order that takes a pair away while it is hot: its ports are not touched any more', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    const pair = bench.pair(busy)
    busy.seen = (burst) => {
      if (burst === 5) bench.thread.called = true
    }
    bench.thread.obey = () => {
      if (!bench.thread.called) return
      bench.thread.called = false
      bench.loop.remove(pair.served)
    }
    serve(bench, 5)
    expect(busy.bursts).toBe(5)
    expect(bench.engine.tokens).toEqual([])
  })

  test('the event loop has its turn while it is busy: within 16 rounds', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    let events = false
    busy.seen = (burst) => {
      if (burst === 40) events = true
    }
    bench.engine.during = () => events
    bench.pair(busy)
    bench.loop.serve()
    expect(busy.bursts).toBe(3 * ROUNDS)
    // What was hot is served at once when it comes back.
    bench.loop.serve()
    expect(busy.bursts).toBe(4 * ROUNDS)
  })

  test('a promise that was made: back after the round', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    busy.seen = (burst) => {
      if (burst === 3) bench.loop.leave()
    }
    bench.pair(busy)
    bench.loop.serve()
    expect(busy.bursts).toBe(3)
    serve(bench, 1)
    expect(busy.bursts).toBe(3 + ROUNDS)
  })

  test('with a nap: it sleeps so long at most, and gives way after each look', () => {
    const bench = new LoopBench(10)
    const busy = new BusyPort(60)
    busy.left = 3
    bench.pair(busy)
    for (let n = 0; n < 4; n++) bench.loop.serve()
    expect(bench.engine.waits.map(({ timeout }) => timeout)).toEqual([10e6, 10e6, 10e6, 10e6])
    expect(busy.bursts).toBe(3)
  })
})

describe('asking and sleeping', () => {
  /** Frames of `length` bytes come, one while it sleeps, `gap` ns after it has begun to. What it was asked. */
  function trickle(bench: LoopBench, lengths: number[], gap: number) {
    const { a } = bench.pair(new QuietPort())
    const before = bench.engine.waits.length
    bench.engine.during = () => {
      const length = lengths.shift()
      if (length === undefined) return true
      bench.engine.now += gap / 1e6
      a.incoming.push([frame(length)])
      return false
    }
    bench.loop.serve()
    return bench.engine.waits.slice(before)
  }

  test('frames that come soon are asked for, longer and longer; a long pause ends it', () => {
    const bench = new LoopBench()
    const waits = trickle(bench, [60, 60, 60, 60, 60, 60], 90_000)
    expect(waits.map(({ spin }) => spin)).toEqual([0, 20_000, 40_000, 80_000, 100_000, 100_000, 100_000])
    expect(new Set(waits.map(({ timeout }) => timeout))).toEqual(new Set([-1]))
    expect(trickle(bench, [60, 60], 1e9).map(({ spin }) => spin)).toEqual([100_000, 0, 0])
  })

  test('after more than 16 KiB in a burst, 16 sleeps are taken at once', () => {
    const bench = new LoopBench()
    trickle(bench, [60, 60, 60], 90_000)
    const waits = trickle(bench, [16_384, 17_000, ...new Array<number>(17).fill(60)], 90_000)
    const spins = waits.map(({ spin }) => spin)
    expect(spins.slice(0, 2).every((spin) => spin > 0)).toBe(true)
    expect(spins.slice(2, 18)).toEqual(new Array(16).fill(0))
    expect(spins.slice(18).every((spin) => spin > 0)).toBe(true)
  })

  test('while frames come it does not sleep', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    busy.left = 3 * ROUNDS
    bench.pair(busy)
    bench.loop.serve()
    // At first it has no work; then it looks twice while it is busy, and at last finds nothing more.
    expect(bench.engine.waits.map(({ timeout }) => timeout)).toEqual([-1, 0, 0, 0, -1])
  })
})

test('what was posted to a pair that sleeps is taken when the loop comes back', () => {
  const bench = new LoopBench()
  const { served } = bench.pair(new QuietPort())
  const adjust = vi.spyOn(served, 'adjust')
  bench.loop.serve()
  expect(adjust).not.toHaveBeenCalled()
  vi.spyOn(served, 'waiting', 'get').mockReturnValue(true)
  bench.loop.serve()
  expect(adjust).toHaveBeenCalledTimes(1)
})
