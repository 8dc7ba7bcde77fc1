// The hot loop allocates nothing per frame, nor per burst: a million frames through forward(), over ports
// that allocate nothing themselves. Rounds are short enough that no garbage collection hides what was
// allocated. The whole program over ten million real frames is test/bench/heap.mjs's business.
// Invariant 2.

import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { allocateCounters, blockOf, CARRIER, MTU, RECEIVED, stateOf } from '../../../src/datapath/counters.js'
import { type Direction, Met } from '../../../src/datapath/direction.js'
import { forward } from '../../../src/datapath/forward.js'
import { BURST, Slab } from '../../../src/frame/slab.js'
import { NullPort, UNINSPECTED } from '../../support/fake-port.js'

const ROUNDS = 40
const BURSTS_PER_ROUND = 400
/** Bytes. One number of 12 bytes for each burst would be 4,800, for each frame 307,200. */
const MEASURING_ITSELF = 2_048

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const met = new Met()

function rounds(direction: Direction, slab: Slab): number[] {
  const growths: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage()
    const before = memoryUsage().heapUsed
    for (let burst = 0; burst < BURSTS_PER_ROUND; burst++) forward(direction, slab, met)
    growths.push(memoryUsage().heapUsed - before)
  }
  return growths.sort((one, other) => one - other)
}

test.each([
  ['that pass', 60, 1],
  ['that are too long', 2_000, 1],
  ['without carrier', 60, 0],
])('a million frames %s', (_, length, carrier) => {
  const memory = allocateCounters(1)
  const state = stateOf(memory)
  state[CARRIER] = carrier
  state[MTU[1]] = 1500
  const counters = blockOf(memory, 0, 0)
  const ports = { rx: new NullPort(length), tx: new NullPort(length) }
  const direction: Direction = { ...UNINSPECTED, ...ports, state, mtu: MTU[1], counters }
  const slab = new Slab()
  for (let warm = 0; warm < 10 * BURSTS_PER_ROUND; warm++) forward(direction, slab, met)
  counters[RECEIVED] = 0
  const growths = rounds(direction, slab)
  expect(counters[RECEIVED]).toBe(ROUNDS * BURSTS_PER_ROUND * BURST)
  // The median: the compiler may still be at work in some of the rounds.
  expect(growths[ROUNDS / 2]).toBeLessThan(MEASURING_ITSELF)
})
