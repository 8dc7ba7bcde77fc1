// What the link thread says to a forwarding worker, and what it hears. An order is posted to the
// worker, then a shared generation word is raised; the worker reads that word between bursts and
// takes the orders with receiveMessageOnPort, without going back to its event loop. It counts the
// orders that it has carried out in a second word, which the link thread waits for.

/** Words of a worker's control memory: orders posted, and orders carried out. */
export const GENERATION = 0
export const DONE = 1
export const CONTROL_WORDS = 2

export type Order =
  /** Serve these queues of a pair. Descriptors are lent: they stay open until the release is done. */
  | { op: 'adopt'; handle: number; counters: SharedArrayBuffer; queues: [a: number, b: number][] }
  /** Serve them no more; afterwards the worker holds nothing of the pair. */
  | { op: 'release'; handle: number }
  /** Carrier is about to come on: read and drop everything that was sent before. */
  | { op: 'drain'; handle: number }

export type Notice =
  /** The worker runs; sent once. */
  | { event: 'ready' }
  /** A TAP answered EBADFD: its device is gone. `end` is 0 for a, 1 for b. */
  | { event: 'gone'; handle: number; end: 0 | 1 }
  /** A write answered EIO: that end is not up. Sent once until the next drain. */
  | { event: 'down'; handle: number; end: 0 | 1 }

/** What a worker is started with. */
export interface WorkerSetup {
  /** Its number in the pool: which blocks of counters are its own. */
  index: number
  control: SharedArrayBuffer
}
