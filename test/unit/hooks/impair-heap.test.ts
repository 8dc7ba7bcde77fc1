// Judging allocates nothing per frame, whatever the impairment: a million frames each. As
// test/unit/datapath/forward-heap.test.ts does for the loop.

import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { planImpair } from '../../../src/faults/impair-plan.js'
import { Burst } from '../../../src/frame/burst.js'
import { BURST, HEADROOM, SLOTS_OFFSET, Slab } from '../../../src/frame/slab.js'
import { Impairment } from '../../../src/hooks/impairment.js'
import { DUE, NOW } from '../../../src/hooks/slot.js'

const ROUNDS = 20
const BURSTS_PER_ROUND = 800
/**
 * Bytes. An object of 16 bytes for each frame would be 819,200. Some V8 boxes a number here and there (Node 24:
 * 1.2 bytes a frame, Node 20: none), as it decides what to inline; that is no object of ours.
 */
const LESS_THAN_OBJECTS = 204_800

const times = new Float64Array(2)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function judge(impairment: Impairment, burst: Burst, slab: Slab, bursts: number): void {
  for (let i = 0; i < bursts; i++) {
    burst.begin(slab, i * 0.01)
    for (let frame = 0; frame < BURST; frame++) burst.push(SLOTS_OFFSET + frame * 128 + HEADROOM, 60, frame)
    impairment.held = i & 63
    impairment.judge(burst)
    times[NOW] = burst.now
    times[DUE] = burst.now - 0.5
    for (let frame = 0; frame < BURST; frame++) impairment.slot?.allows(times, 60)
  }
}

test.each<[string, object]>([
  ['independent loss', { loss: 1 }],
  ['correlated loss', { loss: { random: 10, correlation: 25 } }],
  ['Gilbert-Elliott', { loss: { gemodel: { p: 1, r: 10, h: 30, k: 99 } } }],
  ['four states', { loss: { state: { p13: 5, p31: 20, p32: 30, p23: 50, p14: 2 } } }],
  ['a delay', { delay: 10 }],
  ['uniform jitter', { delay: { time: 10, jitter: 5 } }],
  [
    'normal jitter with correlation',
    { delay: { time: 10, jitter: 5, correlation: 25, distribution: 'normal' } },
  ],
  ['paretonormal jitter', { delay: { time: 10, jitter: 5, distribution: 'paretonormal' } }],
  ['jitter by a table', { delay: { time: 10, jitter: 5, distribution: { table: [-8192, 1, 8192] } } }],
  ['a rate', { rate: { rate: '10mbit', burst: 5000, overhead: 14, cellSize: 48, cellOverhead: 5 } }],
  ['a trace', { rate: { trace: { times: [1, 1, 2] } }, limit: 1e9 }],
  ['duplicates', { duplicate: { probability: 10, correlation: 10 } }],
  ['corruption', { corrupt: { probability: 50, correlation: 10 } }],
  ['reordering', { delay: 10, reorder: { probability: 25, correlation: 50, gap: 5 } }],
  ['a full limit', { delay: 10, limit: 10 }],
  ['slots', { slot: { min: 0.1, max: 0.2, packets: 1 } }],
  ['slots of a distribution', { slot: { distribution: 'normal', delay: 0.1, jitter: 0.1, bytes: 100 } }],
  [
    'everything',
    {
      delay: { time: 10, jitter: 5, correlation: 25, distribution: 'pareto' },
      loss: 1,
      duplicate: 20,
      corrupt: 1,
      reorder: { probability: 25, gap: 5 },
      rate: '100mbit',
      slot: { min: 1, packets: 10 },
    },
  ],
])('a million frames: %s', (_, options) => {
  const plan = planImpair({ seed: 1, ...options }, 'impair')
  const impairment = new Impairment(plan, 0, new Float64Array(5))
  const burst = new Burst()
  const slab = new Slab()
  judge(impairment, burst, slab, 4 * BURSTS_PER_ROUND)
  const growths: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage()
    const before = memoryUsage().heapUsed
    judge(impairment, burst, slab, BURSTS_PER_ROUND)
    growths.push(memoryUsage().heapUsed - before)
  }
  growths.sort((one, other) => one - other)
  // The median: the compiler may still be at work in some of the rounds.
  expect(growths[ROUNDS / 2]).toBeLessThan(LESS_THAN_OBJECTS)
})
