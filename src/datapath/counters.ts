// Where the data path counts. Shared memory, one buffer per pair, made by pair.ts:
//
//   Int32    carrier, mtu of a, mtu of b                 written by the link thread
//   Int32    adjusted                                    written by the pair's own thread (adjust.ts)
//   Float64  one block per (worker, direction)           written by that worker only
//
//   block of worker w, direction d (0: a to b, 1: b to a) = w * 2 + d
//   +----------+-------+------+-------+------------------+------------------------------------+
//   | received | bytes | sent | bytes | drops, by cause  | held copied injected errors effects |
//   +----------+-------+------+-------+------------------+------------------------------------+
//
// At rest: received + copied + injected = sent + drops + held. A super-frame counts as one frame, but as
// the wire frames that it is cut into while its direction is inspected.
// Float64 holds whole numbers up to 2^53 and is written in one piece; BigInt would allocate.

import { CAUSES, type Cause } from '../frame/cause.js'
import { IMPAIR_COUNTS } from '../hooks/impairment.js'

/** Words of the shared state. */
export const CARRIER = 0
export const MTU = [1, 2] as const
/** How many adjustments were posted to the pair (adjust.ts). */
export const ADJUSTED = 3
const STATE_WORDS = 4

/** Words of a block. */
export const RECEIVED = 0
export const RECEIVED_BYTES = 1
export const SENT = 2
export const SENT_BYTES = 3
/** The first of the drops; a verdict of frame/burst.ts is 1 more than the distance from here. */
export const DROPPED = 4
export const DROPPED_CARRIER = DROPPED + CAUSES.indexOf('carrier')
export const DROPPED_DOWN = DROPPED + CAUSES.indexOf('down')
export const DROPPED_MTU = DROPPED + CAUSES.indexOf('mtu')
export const DROPPED_ERROR = DROPPED + CAUSES.indexOf('error')
export const DROPPED_LIMIT = DROPPED + CAUSES.indexOf('limit')
/** Frames held now. */
export const HELD = DROPPED + CAUSES.length
export const COPIED = HELD + 1
export const INJECTED = HELD + 2
/** Hooks that threw, and were taken out. */
export const HOOK_ERRORS = HELD + 3
/** What an impairment did to frames: IMPAIR_COUNTS, in that order. */
export const EFFECTS = HELD + 4
const BLOCK_WORDS = EFFECTS + IMPAIR_COUNTS.length

/** `workers`: of the pool. One more block is for the thread that a pair has of its own, or is looped in. */
export function allocateCounters(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * STATE_WORDS + 8 * BLOCK_WORDS * 2 * (workers + 1))
}

/** Threads that have blocks. */
export function blocksOf(memory: SharedArrayBuffer): number {
  return (memory.byteLength - 4 * STATE_WORDS) / (8 * BLOCK_WORDS * 2)
}

export function stateOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, STATE_WORDS)
}

/** The block of one worker and direction. */
export function blockOf(memory: SharedArrayBuffer, worker: number, direction: number): Float64Array {
  const block = worker * 2 + direction
  return new Float64Array(memory, 4 * STATE_WORDS + 8 * BLOCK_WORDS * block, BLOCK_WORDS)
}

/** What hooks and impairments did to frames of a direction, beside dropping them. */
export const INSPECTED_COUNTS = ['held', 'copied', 'injected', 'hook_errors', ...IMPAIR_COUNTS] as const
export type InspectedCount = (typeof INSPECTED_COUNTS)[number]

/** One direction's counts by one worker, as read at this moment. */
export interface DirectionCounts {
  received: number
  received_bytes: number
  sent: number
  sent_bytes: number
  drops: Record<Cause, number>
  inspected: Record<InspectedCount, number>
}

export function readBlock(memory: SharedArrayBuffer, worker: number, direction: number): DirectionCounts {
  const block = blockOf(memory, worker, direction)
  const word = (index: number) => block[index]
  const named = <K extends string>(keys: readonly K[], first: number) =>
    Object.fromEntries(keys.map((key, index) => [key, word(first + index)])) as Record<K, number>
  return {
    received: word(RECEIVED),
    received_bytes: word(RECEIVED_BYTES),
    sent: word(SENT),
    sent_bytes: word(SENT_BYTES),
    drops: named(CAUSES, DROPPED),
    inspected: named(INSPECTED_COUNTS, HELD),
  }
}

/**
 * The thread that a pair had of its own has ended, and no other one serves the pair: what it held, or was
 * about to judge, is lost. Frames may have been received by one thread and held by another, so all count.
 */
export function abandonHeld(memory: SharedArrayBuffer): void {
  const blocks = blocksOf(memory)
  for (const direction of [0, 1]) {
    let lost = 0
    for (let worker = 0; worker < blocks; worker++) {
      const { received, sent, drops, inspected } = readBlock(memory, worker, direction)
      const dropped = CAUSES.reduce((sum, cause) => sum + drops[cause], 0)
      lost += received + inspected.copied + inspected.injected - sent - dropped
    }
    const block = blockOf(memory, blocks - 1, direction)
    block[DROPPED + CAUSES.indexOf('hook')] += lost
    block[HELD] = 0
  }
}
