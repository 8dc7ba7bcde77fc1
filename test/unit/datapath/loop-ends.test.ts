// What becomes of a direction whose device is gone or whose peer is down, and what a drain does.
// src/datapath/loop.ts, over an engine and ports without a kernel; scheduling is in loop.test.ts.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { errno } from '../../../src/errors.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { BusyPort, LoopBench, QuietPort } from '../../support/fake-engine.js'
import { frame } from '../../support/fake-port.js'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('a direction that goes away', () => {
  test('EBADFD: it is told once and never touched again; the others go on', () => {
    const bench = new LoopBench()
    const gone = bench.pair(new QuietPort())
    const busy = new BusyPort(60)
    bench.pair(busy)
    gone.a.incoming.push(errno.EBADFD, [frame(60)])
    bench.engine.during = (wait) => wait === 4
    bench.loop.serve()
    expect(bench.told).toEqual([{ event: 'gone', handle: 0, end: 0 }])
    expect(bench.engine.has(gone.a)).toBe(false)
    expect(gone.a.incoming).toHaveLength(1)
    expect(busy.bursts).toBe(3 * 16)
    bench.loop.remove(gone.served) // the engine is not asked to forget it twice
    expect(bench.engine.has(gone.b)).toBe(false)
  })

  test('another error: it is tried again', () => {
    const bench = new LoopBench()
    const { a, b } = bench.pair(new QuietPort())
    a.incoming.push(errno.EBADF, [frame(60)])
    bench.loop.serve()
    expect(b.delivered).toHaveLength(1)
    expect(bench.told).toEqual([])
  })

  test('tokens are used again, and mean the new direction', () => {
    const bench = new LoopBench()
    const [first, second] = [bench.pair(new QuietPort()), bench.pair(new QuietPort())]
    expect(bench.engine.tokens).toEqual([0, 1, 2, 3])
    bench.loop.remove(first.served)
    const third = bench.pair(new QuietPort())
    expect(bench.engine.tokens).toEqual([0, 1, 2, 3])
    for (const { a } of [first, second, third]) a.incoming.push([frame(60)])
    bench.loop.serve()
    expect([first, second, third].map(({ b }) => b.delivered.length)).toEqual([0, 1, 1])
  })
})

describe('the peer is down', () => {
  test('is told once, for the end that is down, until the next drain', () => {
    const bench = new LoopBench()
    const { a, b, served } = bench.pair(new QuietPort())
    b.refuse = () => errno.EIO
    a.incoming.push([frame(60)], [frame(60)])
    bench.loop.serve()
    a.incoming.push([frame(60)])
    bench.loop.serve()
    const down = { event: 'down', handle: 0, end: 1 }
    expect(bench.told).toEqual([down])
    bench.loop.drain(served)
    a.incoming.push([frame(60)])
    bench.loop.serve()
    expect(bench.told).toEqual([down, down])
  })

  test('another error is not that', () => {
    const bench = new LoopBench()
    const { a, b } = bench.pair(new QuietPort())
    b.refuse = () => errno.EINVAL
    a.incoming.push([frame(60)])
    bench.loop.serve()
    expect(bench.told).toEqual([])
  })

  test('is told of a direction that is inspected, too', () => {
    const bench = new LoopBench()
    const { a, b, served } = bench.pair(new QuietPort())
    served.apply({ op: 'watch', end: 0, id: 1, match: planMatch({ length: { min: 1_000 } }, 'match') })
    served.compose()
    b.refuse = () => errno.EIO
    a.incoming.push([frame(60)])
    bench.loop.serve()
    expect(bench.told).toEqual([{ event: 'down', handle: 0, end: 1 }])
  })

  test('a drain reads all that is there, and says how much it was', () => {
    const bench = new LoopBench()
    const { a, served } = bench.pair(new QuietPort())
    a.incoming.push([frame(60), frame(60)], [frame(60)])
    expect([bench.loop.drain(served), bench.loop.drain(served)]).toEqual([3, 0])
  })

  test('a drain that would not end is a piece of it', () => {
    const bench = new LoopBench()
    const busy = new BusyPort(60)
    const { served } = bench.pair(busy)
    busy.seen = () => {
      bench.engine.now += 0.5 // ms
    }
    expect([bench.loop.drain(served), busy.bursts]).toEqual([5, 5])
    expect([bench.loop.drain(served), busy.bursts]).toEqual([5, 10])
  })
})

describe('something that nobody foresaw', () => {
  test.each(['receive', 'release', 'adjust'] as const)(
    'in %s is about one pair: the other is served',
    (call) => {
      const bench = new LoopBench()
      const [bad, good] = [bench.pair(new QuietPort()), bench.pair(new QuietPort())]
      const throws = () => {
        throw new Error('out of luck')
      }
      for (const { a } of [bad, good]) a.incoming.push([frame(60)])
      if (call === 'receive') bad.a.receive = throws
      if (call === 'release') {
        Object.defineProperties(bad.served, { due: { value: 0 }, release: { value: throws } })
        bench.loop.inspected.add(bad.served)
      }
      if (call === 'adjust') {
        Object.defineProperties(bad.served, { waiting: { value: true }, adjust: { value: throws } })
      }
      bench.loop.serve()
      expect(bench.told).toEqual([{ event: 'failed', handle: bad.served.handle, why: 'Error: out of luck' }])
      expect(good.b.delivered.length).toBe(1)
      bad.a.incoming.push([frame(60)])
      bench.loop.serve()
      expect(bench.told.length).toBe(1)
    },
  )
})
