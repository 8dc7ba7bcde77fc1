// The counters' shared memory: which words are where, and that no two blocks share one.
// src/datapath/counters.ts; written by workers and the link thread, read by stats.ts. Numbers of words are
// written out here, so that a new cause has to be entered on purpose.

import { expect, test } from 'vitest'
import {
  ADJUSTED,
  abandonHeld,
  allocateCounters,
  blockOf,
  blocksOf,
  CARRIER,
  DROPPED_CARRIER,
  DROPPED_LIMIT,
  DROPPED_MTU,
  dropsOf,
  effectsOf,
  HELD,
  INSPECTED_COUNTS,
  MTU,
  RECEIVED,
  RECEIVED_BYTES,
  readBlock,
  SENT,
  stateOf,
} from '../../../src/datapath/counters.js'
import { CAUSES, DROPPED } from '../../../src/frame/cause.js'
import { IMPAIR_COUNTS } from '../../../src/hooks/impairment.js'
import { balance, NO_DROPS, NOT_INSPECTED } from '../../support/counts.js'

const arrayOf = (...block: Parameters<typeof blockOf>) => blockOf(...block) as Float64Array

/** Of a direction: received, its bytes, sent, its bytes, one for each of 11 causes, 9 of what is inspected. */
const WORDS = 4 + 11 + 9

test('the words of a block are where their names say', () => {
  const memory = allocateCounters(1)
  arrayOf(memory, 0, 0).set(Array.from({ length: WORDS }, (_, index) => index + 1))
  expect(readBlock(memory, 0, 0)).toEqual({
    received: 1,
    received_bytes: 2,
    sent: 3,
    sent_bytes: 4,
    drops: {
      ...{ carrier: 5, down: 6, mtu: 7, error: 8, loss: 9, limit: 10, rule: 11, hook: 12 },
      ...{ foreign: 13, malformed: 14, vni: 15 },
    },
    inspected: {
      ...{ held: 16, copied: 17, injected: 18, hook_errors: 19 },
      ...{ delayed: 20, duplicated: 21, corrupted: 22, reordered: 23, marked: 24 },
    },
  })
  expect(Object.keys(readBlock(memory, 0, 0).drops)).toEqual([...CAUSES])
  expect(Object.keys(readBlock(memory, 0, 0).inspected)).toEqual([...INSPECTED_COUNTS])
})

test('the word of each cause comes in the order of the causes', () => {
  expect(CAUSES).toEqual([
    'carrier',
    'down',
    'mtu',
    'error',
    'loss',
    'limit',
    'rule',
    'hook',
    'foreign',
    'malformed',
    'vni',
  ])
  const words = [DROPPED_CARRIER, dropsOf(2), DROPPED_MTU, dropsOf(4), dropsOf(5), DROPPED_LIMIT]
  expect(words).toEqual(CAUSES.slice(0, 6).map((_, index) => 4 + index))
  const memory = allocateCounters(1)
  CAUSES.forEach((cause, index) => {
    blockOf(memory, 0, 1)[dropsOf(DROPPED[cause])] = 9 + index
    expect(readBlock(memory, 0, 1).drops[cause]).toBe(9 + index)
  })
})

test('an impairment counts in its own order, in the last words', () => {
  expect(INSPECTED_COUNTS.slice(-IMPAIR_COUNTS.length)).toEqual([...IMPAIR_COUNTS])
  const memory = allocateCounters(1)
  for (const [index, name] of IMPAIR_COUNTS.entries()) {
    ;(effectsOf(memory, 1, 1) as Float64Array)[index] = 7
    expect(readBlock(memory, 1, 1).inspected[name]).toBe(7)
  }
  expect(arrayOf(memory, 1, 1).subarray(-IMPAIR_COUNTS.length)).toEqual(effectsOf(memory, 1, 1))
})

test('blocks of workers and directions are apart from each other and from the state (invariant 5)', () => {
  const workers = 3
  const memory = allocateCounters(workers)
  expect(blocksOf(memory)).toBe(workers + 1)
  const blocks = Array.from({ length: (workers + 1) * 2 }, (_, n) => arrayOf(memory, n >> 1, n & 1))
  blocks.forEach((block, n) => {
    block.fill(n + 1)
  })
  blocks.forEach((block, n) => {
    expect([...block]).toEqual(Array(WORDS).fill(n + 1))
  })
  expect([...(stateOf(memory) as Int32Array)]).toEqual([0, 0, 0, 0])
})

test('the memory is as long as its parts: a block of each worker, and one of the pair’s own thread', () => {
  for (const workers of [1, 2, 64]) {
    expect(allocateCounters(workers).byteLength).toBe(4 * 6 + (workers + 1) * 2 * WORDS * 8)
  }
})

test('the state has a word for carrier, one for each end’s MTU and one for adjustments', () => {
  expect(new Set([CARRIER, ...MTU, ADJUSTED]).size).toBe(4)
  const memory = allocateCounters(1)
  ;(stateOf(memory) as Int32Array).set([1, 1500, 9000])
  expect(stateOf(memory)[CARRIER]).toBe(1)
  expect(MTU.map((word) => stateOf(memory)[word])).toEqual([1500, 9000])
})

test('counts are exact far above 2^32', () => {
  const memory = allocateCounters(1)
  blockOf(memory, 0, 0)[RECEIVED_BYTES] = Number.MAX_SAFE_INTEGER
  expect(readBlock(memory, 0, 0).received_bytes).toBe(Number.MAX_SAFE_INTEGER)
})

test('frames that a thread has taken with it count as dropped by a hook: held ones, and those of its burst', () => {
  const memory = allocateCounters(2)
  for (const direction of [0, 1]) {
    const block = blockOf(memory, 2, direction)
    block[RECEIVED] = 100
    block[SENT] = 60
    block[DROPPED_MTU] = 10
    block[HELD] = 20
  }
  // Three that came in another thread, and were held in the one that has ended.
  blockOf(memory, 0, 0)[RECEIVED] = 13
  blockOf(memory, 0, 0)[SENT] = 10
  abandonHeld(memory)
  for (const direction of [0, 1]) {
    const counts = readBlock(memory, 2, direction)
    const moved = direction === 0 ? 3 : 0
    expect(counts.drops).toEqual({ ...NO_DROPS, mtu: 10, hook: 30 + moved })
    expect(counts.inspected).toEqual(NOT_INSPECTED)
    expect(balance(counts)).toEqual([100, 100 + moved])
  }
})
