// What the link thread says to a forwarding worker, and what it hears. An order is posted to the
// worker, then a shared generation word is raised; the worker reads that word between bursts and
// takes the orders with receiveMessageOnPort, without going back to its event loop. It counts the
// orders that it has carried out in a second word, which the link thread waits for.

import type { MessagePort } from 'node:worker_threads'
import type { Place } from '../frame/words.js'
import type { PortCouple } from './port.js'
import type { PairState } from './served.js'

/** Words of a worker's control memory: orders posted, and orders carried out. */
export const GENERATION = 0 as Place<'control'>
export const DONE = 1 as Place<'control'>
/** Turns that it has taken: one that runs users' hooks takes many a second, unless one does not come back. */
export const TURNS = 2 as Place<'control'>
/** The kernel's number of its thread, 0 until it runs: a thread that is gone cannot say so. */
export const TASK = 3 as Place<'control'>
/** Frames that the last 'drain' has read. */
export const DRAINED = 4 as Place<'control'>
export const CONTROL_WORDS = 5

export type Order =
  /** Serve these queues of a pair. Descriptors are lent: they stay open until the release is done. */
  | {
      op: 'adopt'
      handle: number
      counters: SharedArrayBuffer
      queues: readonly PortCouple[]
      /** Where the pair's adjustments come from (adjust.ts); one of the workers that serve it has it. */
      port: MessagePort | undefined
      /** What another worker was inspecting, and goes on here. */
      state: PairState | undefined
    }
  /** Serve them no more; afterwards the worker holds nothing of the pair. `surrender`: another one goes on. */
  | { op: 'release'; handle: number; surrender: boolean }
  /** Load a module of hooks, so that it is there when it is asked for. */
  | { op: 'load'; url: string }
  /** Carrier is about to come on: read and drop what was sent before, or a piece of it. DRAINED says how much. */
  | { op: 'drain'; handle: number }

export type Notice =
  /** The worker runs; sent once. */
  | { event: 'ready' }
  /** A TAP answered EBADFD: its device is gone. `end` is 0 for a, 1 for b. */
  | { event: 'gone'; handle: number; end: 0 | 1 }
  /** A write answered EIO: that end is not up. Sent once until the next drain. */
  | { event: 'down'; handle: number; end: 0 | 1 }
  /** Something that nobody foresaw: the pair is not served any more. */
  | { event: 'failed'; handle: number; why: string }
  /** A module was loaded, or not: then `error` says why. */
  | { event: 'loaded'; url: string; error?: string }

/** What a release with `surrender` leaves, on the port `left`, before it is carried out. */
export interface Surrendered {
  port: MessagePort | undefined
  state: PairState
}

/** What a worker is started with. */
export interface WorkerSetup {
  /** Its number in the pool: which blocks of counters are its own. */
  index: number
  /** It serves one pair only, and may run users' hooks. */
  own: boolean
  control: SharedArrayBuffer
  /** A FrameMemory's. */
  memory: SharedArrayBuffer
  left: MessagePort
}
