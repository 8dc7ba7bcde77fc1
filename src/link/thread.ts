// The link thread: owns every TAP's descriptors, the rtnetlink monitor and all calls that may wait
// for the kernel's RTNL lock. Started by link.ts (main thread); orders arrive as messages and are
// carried out one after the other, the kernel's events in between, all without the main thread.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Notice } from '../datapath/orders.js'
import { pairClosed, toWire } from '../errors.js'
import { NETLINK_ROUTE } from '../netlink/constants.js'
import { NetlinkSocket } from '../netlink/socket.js'
import { createTap } from './create.js'
import type { Hint, OpenDevice } from './device.js'
import { type Context, LinkedPair } from './linked-pair.js'
import { startMonitor } from './monitor.js'
import { Pool } from './pool.js'
import type { LinkMessage, LinkRequest, LinkSetup } from './protocol.js'

const port = parentPort as MessagePort
const pairs = new Map<number, LinkedPair>()

/** Inline pairs that were asked back: what goes on when they are. */
const returned = new Map<number, () => void>()

function recall(handle: number): Promise<void> {
  tell({ event: 'recall', handle })
  return new Promise((back) => returned.set(handle, back))
}

function tell(message: LinkMessage): void {
  if (message.event === 'closed') pairs.delete(message.handle)
  port.postMessage(message)
}

/** ms. The kernel's own events tell why a device is gone; the worker only knows that it is. */
const GONE_DELAY = 20

/** What a worker met is looked into here: the kernel's answer counts, not the worker's. */
function heard(notice: Notice): void {
  if (notice.event === 'ready' || notice.event === 'loaded') return
  const look = () => pairs.get(notice.handle)?.look([notice.end])
  if (notice.event === 'gone') setTimeout(look, GONE_DELAY)
  else look()
}

function failed(error: Error): void {
  // Its pairs carry nothing any more; the main thread must not believe otherwise.
  setImmediate(() => {
    throw error
  })
}

function hear(hint: Hint): void {
  for (const pair of [...pairs.values()]) pair.hear(hint)
}

async function answer(id: number, request: LinkRequest): Promise<void> {
  try {
    tell({ event: 'reply', id, value: await carryOut(request) })
  } catch (error) {
    tell({ event: 'refused', id, error: toWire(error) })
  }
}

async function carryOut(request: LinkRequest): Promise<unknown> {
  const { handle } = request
  if (request.op === 'create') {
    const pair = await LinkedPair.create(context, request)
    catchUp() // what was said of a dead namespace whose number the new pair's has now
    pairs.set(handle, pair)
    pair.look()
    return
  }
  const pair = pairs.get(handle)
  if (request.op === 'returned') return returned.get(handle)?.()
  if (request.op === 'close') return await pair?.close('close', null)
  // The numbers of closed descriptors may be another pair's by now.
  if (pair === undefined || pair.ending) throw pairClosed()
  switch (request.op) {
    case 'change':
      return pair.change(request.end, request.change)
    case 'carrier':
      return pair.setMode(request.mode)
    case 'inspect':
      return pair.inspect(request.inspected)
    case 'own':
      return await pair.own(request.url)
    case 'readopt':
      return pair.adopt(request.port)
    case 'stats':
      return pair.stats()
  }
}

const { workers } = workerData as LinkSetup
const pool = await Pool.start(workers, heard, failed)
const home = NetlinkSocket.open(NETLINK_ROUTE)
const open: OpenDevice = (plan, queues, quiet) => createTap(home, plan, queues, quiet)
const context: Context = { open, pool, tell, recall }
const catchUp = startMonitor(hear)
port.on('message', ({ id, ...request }: LinkRequest & { id: number }) => void answer(id, request))
tell({ event: 'ready' })
