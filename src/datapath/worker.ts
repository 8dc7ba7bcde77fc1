// A forwarding worker: the thread that runs a loop (loop.ts) over epoll. Started by link/pool.ts; takes orders.ts's
// orders from the link thread, and carries them out between two bursts. It knows ports and directions, never pairs
// or ends, and calls nothing that waits for the kernel's RTNL.

import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { FrameMemory } from '../frame/memory.js'
import { Slab } from '../frame/slab.js'
import { add, load, notify, type Words } from '../frame/words.js'
import { type HookOf, hookFrom } from '../hooks/guard.js'
import { EpollEngine } from './engine.js'
import { Loop } from './loop.js'
import { openPorts } from './open-ports.js'
import {
  DONE,
  DRAINED,
  GENERATION,
  type Notice,
  type Order,
  type Surrendered,
  TASK,
  TURNS,
  type WorkerSetup,
} from './orders.js'
import { ServedPair } from './served.js'

/** ms that a worker with users' hooks sleeps at most: their timers are the event loop's, also while they are loaded. */
const OWN_NAP = 10

const port = parentPort as MessagePort
const { index, own, left, ...shared } = workerData as WorkerSetup
const control: Words<'control'> = new Int32Array(shared.control)
const memory = new FrameMemory(shared.memory)
const scratch = new Slab()
const pairs = new Map<number, ServedPair>()
const thread = {
  get called(): boolean {
    return load(control, GENERATION) !== control[DONE]
  },
  obey,
  tell,
  failed,
}
const loop = new Loop(new EpollEngine(), thread, own ? { nap: OWN_NAP } : {})

function tell(notice: Notice): void {
  port.postMessage(notice)
}

function failed(handle: number, error: unknown): void {
  tell({
    event: 'failed',
    handle,
    why: error instanceof Error ? (error.stack ?? error.message) : String(error),
  })
}

/** Carries out what the link thread has posted, and says so after each order. */
function obey(): void {
  for (let message = receiveMessageOnPort(port); message; message = receiveMessageOnPort(port)) {
    const order = message.message as Order
    try {
      carryOut(order)
    } catch (error) {
      if (order.op === 'load') throw error
      failed(order.handle, error)
    }
    add(control, DONE, 1)
    notify(control, DONE)
  }
}

function carryOut(order: Order): void {
  switch (order.op) {
    case 'adopt':
      return adopt(order)
    case 'release':
      return release(order)
    case 'drain': {
      const pair = pairs.get(order.handle)
      control[DRAINED] = pair === undefined ? 0 : loop.drain(pair)
      return
    }
    case 'load': {
      const { url } = order
      loop.leave()
      import(url).then(
        () => tell({ event: 'loaded', url }),
        (error: unknown) => tell({ event: 'loaded', url, error: String(error) }),
      )
    }
  }
}

function adopt({ handle, counters, queues, port: line, state }: Extract<Order, { op: 'adopt' }>): void {
  const hookOf = own ? loadHook : undefined
  const ports = openPorts(queues)
  const { inspected } = loop
  const around = { index, scratch, memory, hookOf, inspected }
  const pair = new ServedPair({ handle, counters, ports, port: line, ...around })
  pairs.set(handle, pair)
  if (state !== undefined) pair.resume(state)
  loop.add(pair)
}

function release({ handle, surrender }: Extract<Order, { op: 'release' }>): void {
  const pair = pairs.get(handle)
  if (pair === undefined) return
  // An impairment that was taken away holds nothing back for the threads that go on.
  if (surrender) pair.adjust()
  loop.remove(pair)
  pairs.delete(handle)
  if (!surrender) return pair.close()
  const surrendered: Surrendered = { port: pair.port, state: pair.surrender() }
  left.postMessage(surrendered, pair.port && [pair.port])
}

const loadHook: HookOf = async (url, options) => {
  loop.leave()
  return await hookFrom(import(url), options)
}

/** One turn of the event loop between two services: messages, import(), terminate() and exit. */
function turn(): void {
  add(control, TURNS, 1)
  loop.serve()
  setImmediate(turn)
}

control[TASK] = Number(basename(readlinkSync('/proc/thread-self')))
tell({ event: 'ready' })
setImmediate(turn)
