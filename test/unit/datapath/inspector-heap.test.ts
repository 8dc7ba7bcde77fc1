// An inspected direction allocates no object per frame: half a million through each part of the chain, over ports
// that allocate nothing themselves. As forward-heap.test.ts does for the loop. The parts are more than the
// compiler makes one function of, so a fraction that is handed from one to the next may be allocated: one number
// for a frame, where it says so; elsewhere not even that. Invariant 2.

import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Port } from '../../../src/datapath/port.js'
import { Probe } from '../../../src/datapath/probe.js'
import { planMatch } from '../../../src/faults/match-plan.js'
import { planRule } from '../../../src/faults/rule-plan.js'
import { BURST } from '../../../src/frame/slab.js'
import { GuardedHook } from '../../../src/hooks/guard.js'
import { allocateRuleCounts } from '../../../src/hooks/rule.js'
import { createRing, RingReader } from '../../../src/ring/ring.js'
import { balance } from '../../support/counts.js'
import { NullPort, SuperPort } from '../../support/fake-port.js'
import { InspectedBench, impair } from '../../support/inspected.js'
import { superFrame } from '../frame/super-frame.js'

const ROUNDS = 20
const BURSTS_PER_ROUND = 400
/** Bytes of a round: one number for each frame is 307,200 to 409,600, two of them or the least object are more. */
const LESS_THAN_TWO_NUMBERS = 600_000
const LESS_THAN_A_NUMBER = 200_000

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

class Inspected extends InspectedBench {
  constructor(port: Port = new NullPort(60)) {
    super({ rx: port, tx: port })
  }

  addRule(action: object, match: object): void {
    const plan = { id: this.inspector.rules.count + 1, ...planRule({ action, match }, 'rule') }
    this.inspector.rules.add(plan, new Float64Array(allocateRuleCounts()))
  }
}

/** 64 wire frames of TCP, in two super-frames. */
const supers = () =>
  new SuperPort(
    superFrame({ proto: 'tcp', version: 4, payload: new Uint8Array(3_200).fill(7), size: 100 }),
    2,
  )

/** Arranges what is inspected; may answer what is to be done behind each burst. */
type Arrange = (bench: Inspected) => unknown

test.each<[string, number, Arrange, (() => Port)?]>([
  [
    'rules',
    LESS_THAN_A_NUMBER,
    (bench) => {
      bench.addRule({ kind: 'drop' }, { every: 3 })
      bench.addRule({ kind: 'corrupt' }, {})
    },
  ],
  [
    'frames that are held, each for another time',
    // Mostly none; where Node 24 compiles beside other programs, now and then one.
    LESS_THAN_TWO_NUMBERS,
    (bench) => impair(bench, { delay: { time: 0.05, jitter: 0.05 }, duplicate: 10 }),
  ],
  ['a full limit', LESS_THAN_TWO_NUMBERS, (bench) => impair(bench, { delay: 1_000, limit: 100 })],
  [
    'a user’s hook',
    LESS_THAN_A_NUMBER,
    (bench) => {
      const judge = (burst: { count: number; drop(frame: number): void }) => {
        for (let i = 0; i < burst.count; i += 7) burst.drop(i)
      }
      bench.inspector.hooks = [new GuardedHook(1, judge, () => undefined)]
    },
  ],
  [
    'a capture that nobody reads',
    LESS_THAN_A_NUMBER,
    (bench) => {
      const ends = { a: true, b: true }
      const plan = { id: 1, ring: createRing(65_536), ends, delivered: true, match: null, snaplen: 65_535 }
      bench.inspector.probes.list = [new Probe(plan)]
    },
  ],
  [
    'a capture that is read, of frames that are changed, dropped, held and sent',
    LESS_THAN_TWO_NUMBERS,
    (bench) => {
      bench.addRule({ kind: 'corrupt' }, { every: 2 })
      bench.addRule({ kind: 'drop' }, { every: 5 })
      bench.addRule({ kind: 'delay', ms: 0.02 }, { every: 3 })
      const ends = { a: true, b: true }
      const plan = { id: 1, ring: createRing(1 << 20), ends, delivered: true, match: null, snaplen: 65_535 }
      bench.inspector.probes.list = [new Probe(plan)]
      const reader = new RingReader(plan.ring)
      return () => {
        while (reader.next() >= 0);
        reader.release()
      }
    },
  ],
  [
    'all of it',
    LESS_THAN_TWO_NUMBERS,
    (bench) => {
      bench.addRule({ kind: 'duplicate', copies: 2 }, { every: 5 })
      bench.addRule({ kind: 'delay', ms: 0.02 }, { length: { min: 10 } })
      impair(bench, { loss: 10, corrupt: 10, delay: { time: 0.05, jitter: 0.02 }, rate: '10gbit' })
      bench.inspector.watches.add(9, planMatch({ ip: { version: 4 } }, 'match'), undefined)
    },
  ],
  [
    'super-frames, in runs',
    LESS_THAN_A_NUMBER,
    (bench) => impair(bench, { loss: 10, duplicate: 2, corrupt: 2 }),
    supers,
  ],
  [
    'super-frames, in runs that are held',
    LESS_THAN_TWO_NUMBERS,
    (bench) => {
      bench.addRule({ kind: 'delay', ms: 0.02 }, { every: 9 })
      bench.addRule({ kind: 'drop' }, { bytes: [[80, 0xff, 1]] })
      impair(bench, { delay: 0.05 })
    },
    supers,
  ],
])('half a million frames: %s', (_, bytes, arrange, port) => {
  const bench = new Inspected(port?.())
  const behind = arrange(bench)
  bench.inspector.compose()
  const bursts = (count: number) => {
    for (let burst = 0; burst < count; burst++) {
      bench.forward()
      if (typeof behind === 'function') behind()
    }
  }
  bursts(10 * BURSTS_PER_ROUND)
  const before = bench.counts.received
  const growths: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage()
    const heap = memoryUsage().heapUsed
    bursts(BURSTS_PER_ROUND)
    growths.push(memoryUsage().heapUsed - heap)
  }
  expect(bench.counts.received - before).toBe(ROUNDS * BURSTS_PER_ROUND * BURST)
  const [came, went] = balance(bench.counts)
  expect(came).toBe(went)
  growths.sort((one, other) => one - other)
  // The median: the compiler may still be at work in some of the rounds.
  expect(growths[ROUNDS / 2]).toBeLessThan(bytes)
})
