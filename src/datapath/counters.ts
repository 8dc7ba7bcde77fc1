// Where the data path counts. Shared memory, one buffer per pair, made by pair.ts:
//
//   Int32    carrier, mtu of a, mtu of b, unused        written by the link thread
//   Float64  one block per (worker, direction)          written by that worker only
//
//   block of worker w, direction d (0: a to b, 1: b to a) = w * 2 + d
//   +----------+-------+------+------+--------------------------------+
//   | received | bytes | sent | bytes| drops: carrier down mtu error  |
//   +----------+-------+------+------+--------------------------------+
//
// Float64 holds whole numbers up to 2^53 and is written in one piece; BigInt would allocate.

/** Why a frame was dropped, in the order of the words of a block. */
export const CAUSES = [
  /** carrier was off: it was read, and thrown away */
  'carrier',
  /** the peer was not up when it was written (EIO): the moment before carrier follows */
  'down',
  /** longer than the peer's MTU allows */
  'mtu',
  /** the kernel refused it for another reason */
  'error',
] as const
export type Cause = (typeof CAUSES)[number]

/** Words of the shared state. */
export const CARRIER = 0
export const MTU = [1, 2] as const
const STATE_WORDS = 4

/** Words of a block. */
export const RECEIVED = 0
export const RECEIVED_BYTES = 1
export const SENT = 2
export const SENT_BYTES = 3
const DROPPED = 4
export const DROPPED_CARRIER = DROPPED
export const DROPPED_DOWN = DROPPED + 1
export const DROPPED_MTU = DROPPED + 2
export const DROPPED_ERROR = DROPPED + 3
const BLOCK_WORDS = DROPPED + CAUSES.length
if (DROPPED_ERROR !== DROPPED + CAUSES.indexOf('error')) throw new Error('drop words and causes differ')

export function allocateCounters(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * STATE_WORDS + 8 * BLOCK_WORDS * 2 * workers)
}

export function stateOf(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, STATE_WORDS)
}

/** The block of one worker and direction. */
export function blockOf(memory: SharedArrayBuffer, worker: number, direction: number): Float64Array {
  const block = worker * 2 + direction
  return new Float64Array(memory, 4 * STATE_WORDS + 8 * BLOCK_WORDS * block, BLOCK_WORDS)
}

/** One direction's counts by one worker, as read at this moment. */
export interface DirectionCounts {
  received: number
  received_bytes: number
  sent: number
  sent_bytes: number
  drops: Record<Cause, number>
}

export function readBlock(memory: SharedArrayBuffer, worker: number, direction: number): DirectionCounts {
  const block = blockOf(memory, worker, direction)
  const word = (index: number) => block[index] as number
  return {
    received: word(RECEIVED),
    received_bytes: word(RECEIVED_BYTES),
    sent: word(SENT),
    sent_bytes: word(SENT_BYTES),
    drops: {
      carrier: word(DROPPED_CARRIER),
      down: word(DROPPED_DOWN),
      mtu: word(DROPPED_MTU),
      error: word(DROPPED_ERROR),
    },
  }
}
