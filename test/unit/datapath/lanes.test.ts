// Rules that impair: each judges the frames that it takes with draws, rate, limit and held frames of its own, and the rest
// is the end's own. src/datapath/lanes.ts, lane.ts and hooks/ with fake ports. Invariants 4 and 10.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MTU } from '../../../src/datapath/counters.js'
import { planRule, type RuleOptions } from '../../../src/faults/rule-plan.js'
import type { Place } from '../../../src/frame/words.js'
import { allocateRuleCounts, RULE_COUNTS } from '../../../src/hooks/rule.js'
import { balance } from '../../support/counts.js'
import { benchOf, type InspectedBench, impair, marked, marksOf } from '../../support/inspected.js'
import { cut, expectAlike, payload, send, whole } from '../../support/super-frames.js'

type Options = Omit<Extract<RuleOptions['action'], { kind: 'impair' }>, 'kind'>

const MINUTE = 60_000
/** Frames whose mark is in these bits. */
const marks = (mask: number, value = mask) => ({ bytes: [[59, mask, value]] as [[number, number, number]] })

/** Adds it, or puts it in the place of the one with that number. Its counts by name. */
function rule(bench: InspectedBench, id: number, options: Options, match: RuleOptions['match'] = {}) {
  const counts = new Float64Array(allocateRuleCounts())
  const planned = planRule({ action: { kind: 'impair', seed: 1, ...options }, match }, 'rule')
  bench.inspector.rules.add({ id, ...planned }, counts)
  bench.inspector.compose()
  return () => {
    const named = RULE_COUNTS.map((name, at) => [name, counts[at] ?? 0] as const)
    return Object.fromEntries(named.filter(([, count]) => count > 0))
  }
}

const frames = (...all: number[]) => all.map((mark) => marked(mark))

describe('which impairment a frame meets', () => {
  test('that of the first rule that matches, in place of the end’s own', () => {
    const bench = benchOf()
    impair(bench, { loss: 100 })
    const first = rule(bench, 1, { delay: MINUTE }, marks(1))
    const second = rule(bench, 2, { delay: 1_000 }, marks(2))
    bench.send(...frames(0, 1, 2, 3, 4))
    expect([first(), second()]).toEqual([
      { matched: 2, hits: 2, held: 2, delayed: 2 },
      { matched: 1, hits: 1, held: 1, delayed: 1 },
    ])
    expect(bench.counts).toMatchObject({ drops: { loss: 2 }, inspected: { held: 3, delayed: 3 } })
    expect(bench.releaseAll()).toBe(3)
    expect(marksOf(bench.delivered)).toEqual([1, 3, 2])
    expect([first().held, second().held, bench.counts.inspected.held]).toEqual([undefined, undefined, 0])
  })

  test('none at all: nothing is done to them', () => {
    const bench = benchOf()
    impair(bench, { loss: 100 })
    const free = rule(bench, 1, {}, marks(1))
    bench.send(...frames(1, 2, 3))
    expect(marksOf(bench.delivered)).toEqual([1, 3])
    expect(free()).toEqual({ matched: 2, hits: 2 })
  })

  test('chosen by nth, every and first; other rules act on the frame as well', () => {
    const bench = benchOf()
    const every = rule(bench, 1, { loss: 100 }, { every: 2 })
    bench.inspector.rules.add(
      { id: 2, ...planRule({ action: { kind: 'duplicate' }, match: marks(1) }, 'rule') },
      new Float64Array(allocateRuleCounts()),
    )
    bench.inspector.compose()
    bench.send(...frames(1, 2, 3, 4))
    expect(marksOf(bench.delivered)).toEqual([1, 1, 3, 3])
    expect(every()).toEqual({ matched: 4, hits: 2, loss: 2 })
  })
})

test('the same seed gives the same fates, whatever other frames and rules there are', () => {
  const options: Options = {
    loss: { random: 30, correlation: 20 },
    duplicate: 10,
    corrupt: 10,
    delay: { time: 1_000, jitter: 500 },
    seed: 7,
  }
  const alone = benchOf()
  impair(alone, options)
  const mine = Array.from({ length: 200 }, (_, at) => marked(1, 60 + at))
  send(alone, mine)
  alone.releaseAll()
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 2, 4), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 64 }),
      (others, burst) => {
        const bench = benchOf()
        impair(bench, { loss: 40, delay: 10 })
        rule(bench, 1, { corrupt: 50 }, marks(2))
        rule(bench, 2, options, { length: { min: 60 }, bytes: [[58, 0xff, 0]] })
        const mixed = mine.flatMap((frame, at) => [
          { ...frame, bytes: frame.bytes },
          ...others.slice(0, 1 + (at % others.length)).map((mark) => marked(mark, 50)),
        ])
        for (let at = 0; at < mixed.length; at += burst) bench.send(...mixed.slice(at, at + burst))
        bench.releaseAll()
        const long = (all: Buffer[]) =>
          all.filter(({ length }) => length >= 60).map((bytes) => bytes.toString('hex'))
        expect(long(bench.delivered).sort()).toEqual(long(alone.delivered).sort())
        expect(balance(bench.counts)[0]).toBe(balance(bench.counts)[1])
      },
    ),
    { numRuns: 40 },
  )
})

describe('limit and rate', () => {
  test('are each rule’s own', () => {
    const bench = benchOf()
    const one = rule(bench, 1, { delay: MINUTE, limit: 2 }, marks(1))
    const other = rule(bench, 2, { rate: 8, limit: 1 }, marks(2))
    bench.send(...frames(1, 1, 1, 2, 2, 0))
    expect(marksOf(bench.delivered)).toEqual([0])
    expect([one(), other()]).toEqual([
      { matched: 3, hits: 3, limit: 1, held: 2, delayed: 2 },
      { matched: 2, hits: 2, limit: 1, held: 1, delayed: 1 },
    ])
    expect(bench.counts).toMatchObject({ drops: { limit: 2 }, inspected: { held: 3 } })
    // 60 bytes at 8 bit/s are a minute.
    expect(bench.inspector.due - performance.now()).toBeGreaterThan(MINUTE / 2)
  })

  test('slots of one do not keep the frames of another', () => {
    const bench = benchOf()
    rule(bench, 1, { slot: { min: MINUTE, max: MINUTE, packets: 1 } }, marks(1))
    rule(bench, 2, { delay: 1 }, marks(2))
    bench.send(...frames(1, 1, 2, 2))
    const soon = performance.now() + 1_000
    expect([bench.inspector.release(soon), bench.inspector.release(soon)]).toEqual([2, 0])
    expect(marksOf(bench.delivered)).toEqual([2, 2])
    expect(bench.inspector.release(soon + MINUTE)).toBe(1)
  })
})

describe('while it holds frames, a rule', () => {
  const holding = () => {
    const bench = benchOf()
    const counts = rule(bench, 1, { delay: MINUTE }, marks(1))
    bench.send(...frames(1, 3))
    expect(counts().held).toBe(2)
    return bench
  }

  test('is taken away: they keep their time', () => {
    const bench = holding()
    const { due } = bench.inspector
    bench.inspector.rules.remove(1)
    bench.inspector.compose()
    expect(Math.abs(bench.inspector.due - due)).toBeLessThan(MINUTE / 2)
    expect([bench.inspector.idle, bench.counts.inspected.held]).toEqual([false, 2])
    bench.send(...frames(1))
    expect(bench.releaseAll()).toBe(2)
    expect(marksOf(bench.delivered)).toEqual([1, 1, 3])
    expect([bench.inspector.idle, bench.counts.inspected.held]).toEqual([true, 0])
  })

  test('is replaced in its place: they are not overtaken by those that it takes', () => {
    const bench = holding()
    const counts = rule(bench, 1, { delay: 1 }, marks(1))
    expect(counts()).toEqual({ held: 2 })
    bench.send(...frames(5))
    expect(bench.inspector.release(performance.now() + 1_000)).toBe(3)
    expect(marksOf(bench.delivered)).toEqual([1, 3, 5])
    expect(counts()).toEqual({ matched: 1, hits: 1, delayed: 1 })
  })

  test('becomes the first one, as the one before it goes', () => {
    const bench = benchOf()
    rule(bench, 1, { loss: 100 }, marks(2))
    const counts = rule(bench, 2, { delay: MINUTE }, marks(1))
    bench.send(...frames(1))
    bench.inspector.rules.remove(1)
    bench.inspector.compose()
    bench.send(...frames(1, 2))
    expect(counts()).toEqual({ matched: 2, hits: 2, held: 2, delayed: 2 })
    expect(marksOf(bench.delivered)).toEqual([2])
  })

  test('loses them when carrier comes on', () => {
    const bench = holding()
    bench.inspector.discard()
    expect(bench.counts).toMatchObject({ drops: { carrier: 2 }, inspected: { held: 0 } })
  })
})

test('goes on in another thread: counts, draws, the clock of the rate, and what is held', () => {
  const set = (bench: InspectedBench) => {
    impair(bench, { loss: 30, delay: 2_000 })
    rule(bench, 1, { loss: 50, delay: 1_000, seed: 5 }, marks(1))
    return rule(bench, 2, { duplicate: 50, rate: '1mbit', seed: 6 }, marks(2))
  }
  const [one, reference] = [benchOf(), benchOf()]
  set(one)
  const counted = set(reference)
  const all = Array.from({ length: 64 }, (_, mark) => marked(mark))
  one.send(...all.slice(0, 30))
  const state = structuredClone(one.inspector.state())
  expect(one.counts.inspected.held).toBe(0)
  const other = benchOf()
  other.inspector.resume(state)
  other.inspector.compose()
  other.send(...all.slice(30))
  other.releaseAll()
  reference.send(...all)
  reference.releaseAll()
  expect(marksOf(other.delivered).sort()).toEqual(marksOf(reference.delivered).sort())
  expect(other.delivered.length).toBeGreaterThan(30)
  const last = RULE_COUNTS.map(
    (name, at) => [name, state.rules[1]?.counts[at as Place<'rule'>] ?? 0] as const,
  )
  expect(Object.fromEntries(last.filter(([, count]) => count > 0))).toEqual(counted())
})

test('cutting super-frames first, and judging them where they stand, give the same', () => {
  const options = fc.constantFrom<Options>(
    {},
    { loss: 30 },
    { delay: MINUTE },
    { delay: MINUTE, duplicate: 20, corrupt: 20, loss: 10 },
    { delay: MINUTE, reorder: 30, limit: 20 },
    { limit: 5, delay: 1_000 },
  )
  const matches = fc.constantFrom<RuleOptions['match']>(
    {},
    { every: 3 },
    { first: 7 },
    { tcp: {} },
    { udp: {} },
    { length: { max: 1_000 } },
    { bytes: [[70, 1, 1]] },
  )
  const wishes = fc.record({
    proto: fc.constantFrom('tcp' as const, 'udp' as const),
    version: fc.constantFrom(4 as const, 6 as const),
    payload: fc.integer({ min: 1, max: 40_000 }).map(payload),
    size: fc.integer({ min: 200, max: 1_400 }),
    seq: fc.nat(2 ** 32 - 1),
  })
  fc.assert(
    fc.property(
      fc.array(wishes, { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(options, matches), { minLength: 1, maxLength: 3 }),
      fc.option(options),
      (supers, rules, own) => {
        const benches = [benchOf(), benchOf()] as const
        const counts = benches.map((bench) => {
          bench.state[MTU[1]] = 2_000
          if (own !== null) impair(bench, own)
          return rules.map(([options, match], at) => rule(bench, at + 1, { ...options, seed: at }, match))
        })
        const [one, other] = benches
        for (const wish of supers) {
          send(one, [whole(wish)])
          send(other, cut(wish))
        }
        expect(one.releaseAll()).toBe(other.releaseAll())
        expectAlike(one.delivered, other.delivered)
        expect(one.counts).toEqual(other.counts)
        const [ours, theirs] = counts.map((all) => all.map((count) => count()))
        expect(ours).toEqual(theirs)
      },
    ),
    { numRuns: 150 },
  )
}, 120_000)
