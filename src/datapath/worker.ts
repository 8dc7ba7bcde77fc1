// A forwarding worker: the thread that runs forward() for every direction that has frames, and
// sleeps when none has. Started by link/pool.ts; takes orders.ts's orders from the link thread. It
// knows ports and directions, never pairs or ends, and calls nothing that waits for the kernel's RTNL.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { errno } from '../errors.js'
import { Slab } from '../frame/slab.js'
import { type HookOf, hookFrom } from '../hooks/guard.js'
import { pollerAdd, pollerOpen, pollerRemove, pollerWait } from '../native.js'
import { DROPPED_DOWN, RECEIVED_BYTES } from './counters.js'
import { forward } from './forward.js'
import {
  DONE,
  GENERATION,
  type Notice,
  type Order,
  type Surrendered,
  TURNS,
  type WorkerSetup,
} from './orders.js'
import { drain, type ServedDirection, ServedPair } from './served.js'
import { nextSpin } from './spin.js'

/** Busy rounds between two looks at the poller, which finds other directions and the event loop. */
const ROUNDS = 16
/** Ready tokens taken at once; what is ready beyond that comes with the next look. */
const READY = 64

/**
 * Bytes. After such a burst a worker sleeps at once: who sends in bulk has more to send before the next
 * read, and needs the core (one TCP stream: 5 % faster, with 22 % less CPU here, than asking first).
 */
const BULK_BYTES = 16 * 1024
/** For so many sleeps: acknowledgements wake it in between. */
const BULK_SLEEPS = 16

/** ms that a worker with users' hooks sleeps at most. */
const OWN_SLEEP = 10

const port = parentPort as MessagePort
const { index, own, left, control: controlMemory } = workerData as WorkerSetup
const control = new Int32Array(controlMemory)
const slab = new Slab()
const scratch = new Slab()
const ready = new Int32Array(READY)
const pairs = new Map<number, ServedPair>()
/** Pairs that are inspected, or hold frames. */
const inspected = new Set<ServedPair>()
/** The place of a direction is its token in the poller. */
const served: (ServedDirection | undefined)[] = []
/** Tokens that had frames when last looked at. */
const hot = new Int32Array(READY)
let hotCount = 0
let spin = 0
/** Sleeps that are still to be taken at once, since a burst of more than BULK_BYTES came. */
let bulk = 0
/** A promise was made that only a turn of the event loop can settle. */
let leave = false
const poller = pollerOpen()
if (poller < 0) throw new Error(`epoll_create1 failed with errno ${-poller}`)

function notify(notice: Notice): void {
  port.postMessage(notice)
}

/** Serves until this thread's event loop has something to do (test/kernel/22). */
function serve(): void {
  obey() // what woke us may be an order whose generation is not raised yet
  for (const pair of pairs.values()) if (pair.waiting) pair.adjust()
  for (let round = 0; ; ) {
    if (Atomics.load(control, GENERATION) !== control[DONE]) obey()
    let moved = 0
    for (let i = 0; i < hotCount; i++) moved += serveOne(served[hot[i] as number])
    if (inspected.size > 0) moved += release()
    if (leave) break
    if (moved > 0 && ++round < ROUNDS) continue
    round = 0
    if (look(moved > 0 ? 0 : untilDue()) || own) return
  }
  leave = false
}

/** Sends what was held and is due. Frames sent. */
function release(): number {
  const now = performance.now()
  let released = 0
  for (const pair of inspected) if (pair.due <= now) released += pair.release(now)
  return released
}

/** ns until the next held frame is due; -1: not before something else happens. */
function untilDue(): number {
  if (inspected.size === 0 && !own) return -1
  // A user's module may have timers, which the event loop keeps, also while it is being loaded.
  let due = own ? performance.now() + OWN_SLEEP : Number.POSITIVE_INFINITY
  for (const pair of inspected) due = Math.min(due, pair.due)
  return due === Number.POSITIVE_INFINITY ? -1 : Math.max(0, Math.round((due - performance.now()) * 1e6))
}

/** One burst of one direction. Frames received. */
function serveOne(direction: ServedDirection | undefined): number {
  if (direction === undefined || direction.gone) return 0
  const { counters } = direction
  const downBefore = counters[DROPPED_DOWN]
  const bytesBefore = counters[RECEIVED_BYTES] as number
  const received = forward(direction, slab)
  if (received < 0) return lost(direction, received)
  if ((counters[RECEIVED_BYTES] as number) - bytesBefore > BULK_BYTES) bulk = BULK_SLEEPS
  if (counters[DROPPED_DOWN] !== downBefore && !direction.toldDown) {
    direction.toldDown = true
    notify({ event: 'down', handle: direction.pair.handle, end: direction.end === 0 ? 1 : 0 })
  }
  return received
}

function lost(direction: ServedDirection, error: number): number {
  // EBADFD: the device is gone for good (test/kernel/05, 06). Anything else is tried again when the poller reports it.
  if (error !== errno.EBADFD) return 0
  direction.gone = true
  pollerRemove(poller, direction.rx.fd)
  notify({ event: 'gone', handle: direction.pair.handle, end: direction.end })
  return 0
}

/** Asks the poller what is ready; true when the event loop is. `timeout` in ns, -1 to sleep. */
function look(timeout: number): boolean {
  const asleep = timeout !== 0
  const eager = asleep && bulk === 0
  const since = eager ? performance.now() : 0
  const count = pollerWait(poller, ready, eager ? spin : 0, timeout)
  if (count < 0) throw new Error(`epoll_wait failed with errno ${-count}`)
  if (eager) spin = nextSpin(spin, (performance.now() - since) * 1e6)
  else if (asleep) bulk--
  let events = false
  hotCount = 0
  for (let i = 0; i < count; i++) {
    const token = ready[i] as number
    if (token < 0) events = true
    else hot[hotCount++] = token
  }
  return events
}

/** Carries out what the link thread has posted, and says so after each order. */
function obey(): void {
  for (let message = receiveMessageOnPort(port); message; message = receiveMessageOnPort(port)) {
    carryOut(message.message as Order)
    Atomics.add(control, DONE, 1)
    Atomics.notify(control, DONE)
  }
}

function carryOut(order: Order): void {
  switch (order.op) {
    case 'adopt':
      return adopt(order)
    case 'release': {
      const pair = pairs.get(order.handle)
      if (pair === undefined) return
      served.forEach((direction, token) => {
        if (direction?.pair !== pair) return
        if (!direction.gone) pollerRemove(poller, direction.rx.fd)
        served[token] = undefined
      })
      pairs.delete(order.handle)
      inspected.delete(pair)
      if (!order.surrender) return pair.close()
      const surrendered: Surrendered = { port: pair.port, state: pair.surrender() }
      left.postMessage(surrendered, pair.port && [pair.port])
      return
    }
    case 'drain': {
      const pair = pairs.get(order.handle)
      if (pair === undefined) return
      for (const direction of pair.directions) direction.toldDown = false
      drain(pair.directions, slab)
      return pair.discard()
    }
    case 'load': {
      const { url } = order
      leave = true
      import(url).then(
        () => notify({ event: 'loaded', url }),
        (error: unknown) => notify({ event: 'loaded', url, error: String(error) }),
      )
    }
  }
}

function adopt({ handle, counters, queues, port: line, state }: Extract<Order, { op: 'adopt' }>): void {
  const hookOf = own ? loadHook : undefined
  const pair = new ServedPair({ handle, counters, index, queues, port: line, scratch, hookOf, inspected })
  pairs.set(handle, pair)
  if (state !== undefined) pair.resume(state)
  for (const direction of pair.directions) {
    const free = served.indexOf(undefined)
    const token = free < 0 ? served.length : free
    served[token] = direction
    const added = pollerAdd(poller, direction.rx.fd, token)
    if (added < 0) throw new Error(`epoll_ctl failed with errno ${-added}`)
  }
}

const loadHook: HookOf = async (url, options) => {
  leave = true
  return await hookFrom(await import(url), options)
}

/** One turn of the event loop between two services: messages, import(), terminate() and exit. */
function turn(): void {
  Atomics.add(control, TURNS, 1)
  serve()
  setImmediate(turn)
}

notify({ event: 'ready' })
setImmediate(turn)
