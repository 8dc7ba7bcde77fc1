// The counters' shared memory: which words are where, and that no two blocks share one.
// src/datapath/counters.ts; written by workers and the link thread, read by stats.ts. Numbers of words are
// written out here, so that a new cause has to be entered on purpose.

import { expect, test } from 'vitest'
import {
  allocateCounters,
  blockOf,
  CARRIER,
  CAUSES,
  DROPPED_CARRIER,
  DROPPED_DOWN,
  DROPPED_ERROR,
  DROPPED_MTU,
  MTU,
  RECEIVED_BYTES,
  readBlock,
  stateOf,
} from '../../../src/datapath/counters.js'

/** Of a direction: received, its bytes, sent, its bytes, and one for each cause. */
const WORDS = 4 + CAUSES.length

test('the words of a block are where their names say', () => {
  const memory = allocateCounters(1)
  blockOf(memory, 0, 0).set([1, 2, 3, 4, 5, 6, 7, 8])
  expect(readBlock(memory, 0, 0)).toEqual({
    received: 1,
    received_bytes: 2,
    sent: 3,
    sent_bytes: 4,
    drops: { carrier: 5, down: 6, mtu: 7, error: 8 },
  })
  expect(Object.keys(readBlock(memory, 0, 0).drops)).toEqual([...CAUSES])
})

test('the word of each cause comes in the order of the causes', () => {
  const words = [DROPPED_CARRIER, DROPPED_DOWN, DROPPED_MTU, DROPPED_ERROR]
  expect(words).toEqual(CAUSES.map((_, index) => DROPPED_CARRIER + index))
  const memory = allocateCounters(1)
  CAUSES.forEach((cause, index) => {
    blockOf(memory, 0, 1)[words[index] as number] = 9 + index
    expect(readBlock(memory, 0, 1).drops[cause]).toBe(9 + index)
  })
})

test('blocks of workers and directions are apart from each other and from the state', () => {
  const workers = 3
  const memory = allocateCounters(workers)
  const blocks = Array.from({ length: workers * 2 }, (_, n) => blockOf(memory, n >> 1, n & 1))
  blocks.forEach((block, n) => {
    block.fill(n + 1)
  })
  blocks.forEach((block, n) => {
    expect([...block]).toEqual(Array(WORDS).fill(n + 1))
  })
  expect([...stateOf(memory)]).toEqual([0, 0, 0, 0])
})

test('the memory is as long as its parts', () => {
  for (const workers of [1, 2, 64]) {
    expect(allocateCounters(workers).byteLength).toBe(4 * 4 + workers * 2 * WORDS * 8)
  }
})

test('the state has a word for carrier and one for each end’s MTU', () => {
  expect(new Set([CARRIER, ...MTU]).size).toBe(3)
  const memory = allocateCounters(1)
  stateOf(memory).set([1, 1500, 9000])
  expect(stateOf(memory)[CARRIER]).toBe(1)
  expect(MTU.map((word) => stateOf(memory)[word])).toEqual([1500, 9000])
})

test('counts are exact far above 2^32', () => {
  const memory = allocateCounters(1)
  blockOf(memory, 0, 0)[RECEIVED_BYTES] = Number.MAX_SAFE_INTEGER
  expect(readBlock(memory, 0, 0).received_bytes).toBe(Number.MAX_SAFE_INTEGER)
})
