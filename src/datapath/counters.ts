// Where the data path counts. Shared memory, one buffer per pair, made by pair.ts:
//
//   Int32    carrier, mtu of a, mtu of b                 written by the link thread
//   Int32    adjusted                                    written by the pair's own thread (adjust.ts)
//   Int32    held, rings: its share of memory            added to by whoever takes and gives (frame/memory.ts)
//   Float64  one block per (worker, direction)           written by that worker only
//
//   block of worker w, direction d (0: a to b, 1: b to a) = w * 2 + d
//   +----------+-------+------+-------+------------------+------------------------------------+
//   | received | bytes | sent | bytes | drops, by cause  | held copied injected errors effects |
//   +----------+-------+------+-------+------------------+------------------------------------+
//
// At rest: received + copied + injected = sent + drops + held. A super-frame counts as one frame, but as
// the wire frames that it stands for, and with their bytes, while its direction is inspected.
// Float64 holds whole numbers up to 2^53 and is written in one piece; BigInt would allocate.

import { errno } from '../errors.js'
import { CAUSES, type Cause, DROPPED } from '../frame/cause.js'
import { SHARE_WORDS, type ShareWords } from '../frame/memory.js'
import type { Place, Words } from '../frame/words.js'
import { type Effects, IMPAIR_COUNTS } from '../hooks/impairment.js'

export type StateWords = Words<'state'>
export type Counters = Words<'counter'>

const word = (at: number) => at as Place<'state'>
const counter = (at: number) => at as Place<'counter'>

/** Words of the shared state. */
export const CARRIER = word(0)
export const MTU = [word(1), word(2)] as const
/** How many adjustments were posted to the pair (adjust.ts). */
export const ADJUSTED = word(3)
const STATE_WORDS = 4
/** Where the blocks begin, in bytes. */
const BLOCKS = 4 * (STATE_WORDS + SHARE_WORDS)

/** Words of a block. */
export const RECEIVED = counter(0)
export const RECEIVED_BYTES = counter(1)
export const SENT = counter(2)
export const SENT_BYTES = counter(3)
/** The first of the drops. */
const DROPS = 4
/** The verdict on a frame that a port has refused with the negative errno `error`: EIO says that the peer is down. */
export function refusal(error: number): number {
  return error === errno.EIO ? DROPPED.down : DROPPED.error
}

/** Drops by the verdict of frame/burst.ts. */
export function dropsOf(verdict: number): Place<'counter'> {
  return counter(DROPS + verdict - 1)
}
export const DROPPED_CARRIER = dropsOf(DROPPED.carrier)
export const DROPPED_MTU = dropsOf(DROPPED.mtu)
export const DROPPED_LIMIT = dropsOf(DROPPED.limit)
/** Frames held now. */
export const HELD = counter(DROPS + CAUSES.length)
export const COPIED = counter(HELD + 1)
export const INJECTED = counter(HELD + 2)
/** Hooks that threw, and were taken out. */
export const HOOK_ERRORS = counter(HELD + 3)
/** What an impairment did to frames: IMPAIR_COUNTS, in that order. */
const EFFECTS = HELD + 4
const BLOCK_WORDS = EFFECTS + IMPAIR_COUNTS.length

/** `workers`: of the pool. One more block is for the thread that a pair has of its own, or is looped in. */
export function allocateCounters(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(BLOCKS + 8 * BLOCK_WORDS * 2 * (workers + 1))
}

/** Threads that have blocks. */
export function blocksOf(memory: SharedArrayBuffer): number {
  return (memory.byteLength - BLOCKS) / (8 * BLOCK_WORDS * 2)
}

export function stateOf(memory: SharedArrayBuffer): StateWords {
  return new Int32Array(memory, 0, STATE_WORDS)
}

/** The pair's share of memory for frames that wait. */
export function shareOf(memory: SharedArrayBuffer): ShareWords {
  return new Int32Array(memory, 4 * STATE_WORDS, SHARE_WORDS)
}

/** The block of one worker and direction. */
export function blockOf(memory: SharedArrayBuffer, worker: number, direction: number): Counters {
  return new Float64Array(memory, offsetOf(worker, direction), BLOCK_WORDS)
}

/** The part of it that an impairment counts in. */
export function effectsOf(memory: SharedArrayBuffer, worker: number, direction: number): Effects {
  return new Float64Array(memory, offsetOf(worker, direction) + 8 * EFFECTS, IMPAIR_COUNTS.length)
}

function offsetOf(worker: number, direction: number): number {
  return BLOCKS + 8 * BLOCK_WORDS * (worker * 2 + direction)
}

/** Frames of both directions, by all workers. */
export function receivedSoFar(memory: SharedArrayBuffer): number {
  const blocks = new Float64Array(memory, BLOCKS)
  let sum = 0
  for (let at = RECEIVED as number; at < blocks.length; at += BLOCK_WORDS) sum += blocks[at] ?? 0
  return sum
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
  return named(blockOf(memory, worker, direction))
}

/** The counts of a direction by all workers. */
export function readDirection(memory: SharedArrayBuffer, direction: number): DirectionCounts {
  const blocks = new Float64Array(memory, BLOCKS)
  const total = new Float64Array(BLOCK_WORDS)
  for (let block = direction * BLOCK_WORDS; block < blocks.length; block += 2 * BLOCK_WORDS)
    for (let at = 0; at < BLOCK_WORDS; at++)
      total[at] = (total[at] as number) + (blocks[block + at] as number)
  return named(total)
}

function named(block: Counters): DirectionCounts {
  const read = (at: number) => block[counter(at)]
  const record = <K extends string>(keys: readonly K[], first: number) => {
    const counts = {} as Record<K, number>
    keys.forEach((key, index) => {
      counts[key] = read(first + index)
    })
    return counts
  }
  return {
    received: block[RECEIVED],
    received_bytes: block[RECEIVED_BYTES],
    sent: block[SENT],
    sent_bytes: block[SENT_BYTES],
    drops: record(CAUSES, DROPS),
    inspected: record(INSPECTED_COUNTS, HELD),
  }
}

/**
 * The thread that a pair had of its own has ended, and no other one serves the pair: what it held, or was
 * about to judge, is lost. Frames may have been received by one thread and held by another, so all count.
 */
export function abandonHeld(memory: SharedArrayBuffer): void {
  for (const direction of [0, 1]) {
    const { received, sent, drops, inspected } = readDirection(memory, direction)
    const dropped = CAUSES.reduce((sum, cause) => sum + drops[cause], 0)
    const lost = received + inspected.copied + inspected.injected - sent - dropped
    const block = blockOf(memory, blocksOf(memory) - 1, direction)
    block[dropsOf(DROPPED.hook)] += lost
    block[HELD] = 0
  }
}
