// What answers each operation of the table (contract/ops.ts) over HTTP: calls orders/ for those about pairs and the
// daemon for those about itself. Used by http.ts, which knows routes, schemas and connections.

import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'
import type { BODIES } from '../contract/bodies.js'
import type { CaptureQuery, OpName, ReplayQuery } from '../contract/ops.js'
import { UvethError } from '../errors.js'
import { countPairs } from '../orders/counted.js'
import type { Orders } from '../orders/handlers.js'
import type { Given } from '../wishes/shape.js'
import type { CaptureStreams } from './capture-stream.js'
import type { Events } from './events.js'
import { answerLine } from './shim/line.js'

/** What the daemon does for orders that are about itself. */
export interface DaemonFace {
  version(): object
  health(): object
  /** Another process has taken its place. */
  readonly replaced?: boolean
  /** True once the daemon is ending: new orders are refused. */
  readonly ending: boolean
  shutdown(): void
  /** Why what was ordered will not outlive the daemon, though it was to. */
  readonly unkept?: string | undefined
  /** Of its log. */
  readonly lostLines?: number
  /** Datagrams over netlink of those who may not order. */
  readonly refusedOverNetlink?: number
  /** Resolves when orders are carried out: they wait while the pairs are on their way to another process. */
  admitted?(): Promise<void>
  /** Another process, which is at the other end of `from`, asks to take over: its answer. */
  handOver?(wish: unknown, from: Socket): Promise<object>
  /** Gives up a kept wish that could not be restored; false if `ref` means none. */
  forget(ref: string): Promise<boolean>
  /** Something that nobody expected. */
  failed(error: unknown, request: string): void
}

interface Order<K> {
  /** Of who has sent it. */
  orders: Orders
  ref: string
  /** Of a rule. */
  id: string
  /** Both as their shapes have checked them. */
  query: K extends 'pair.capture' ? CaptureQuery : K extends 'end.replay' ? ReplayQuery : unknown
  body: K extends keyof typeof BODIES ? Given<(typeof BODIES)[K]> : unknown
  reply: FastifyReply
}

export type Answer<K> = (order: Order<K>) => unknown
export type Answers = { [K in OpName]: Answer<K> }

export function answersOf(daemon: DaemonFace, events: Events, captures: CaptureStreams): Answers {
  const created = (reply: FastifyReply, { id }: { id: string }) =>
    reply.header('location', `/v1/pairs/${encodeURIComponent(`id:${id}`)}`)
  return {
    'pair.list': ({ orders }) => orders.listPairs(),
    'pair.add': async ({ orders, body, reply }) => {
      const view = await orders.addPair(body)
      created(reply, view)
      return view
    },
    'pair.put': async ({ orders, ref, body, reply }) => {
      const id = ref.startsWith('id:') ? ref.slice(3) : ref
      const { made, view } = await orders.putPair(id, body)
      if (made) created(reply, view)
      else reply.code(200)
      return view
    },
    'pair.get': ({ orders, ref }) => orders.getPair(ref),
    'pair.set': ({ orders, ref, body }) => orders.setPair(ref, body),
    'pair.del': async ({ orders, ref }) => {
      try {
        await orders.deletePair(ref)
      } catch (error) {
        const unknown = error instanceof UvethError && error.code === 'ENODEV'
        if (!unknown || !(await daemon.forget(ref))) throw error
      }
    },
    'pair.stats': ({ orders, ref }) => orders.stats(ref),
    'stats.list': ({ orders }) => countPairs(orders.registry),
    'end.get': ({ orders, ref }) => orders.getEnd(ref),
    'end.set': ({ orders, ref, body }) => orders.setEnd(ref, body),
    'end.replay': ({ orders, ref, query, reply }) => {
      const { raw } = reply.request
      // The rest of one that is refused is read away.
      const recording = raw.iterator({ destroyOnReturn: false })
      const speed = query.speed === undefined ? 1 : Number(query.speed)
      return whileHeard(raw.socket, (signal) => orders.replay(ref, recording, { ...query, speed, signal }))
    },
    'pair.flap': ({ orders, ref, body, reply }) =>
      whileHeard(reply.request.raw.socket, (signal) => orders.flapPair(ref, body, signal)),
    'pair.capture': async ({ orders, ref, query, reply }) => {
      await captures.begin(orders.pair(ref), query, reply)
    },
    'impair.get': ({ orders, ref }) => orders.getImpair(ref),
    'impair.set': ({ orders, ref, body }) => orders.setImpair(ref, body),
    'impair.patch': ({ orders, ref, body }) => orders.patchImpair(ref, body),
    'impair.del': async ({ orders, ref }) => void (await orders.setImpair(ref, null)),
    'schedule.get': ({ orders, ref }) => orders.getSchedule(ref),
    'schedule.set': ({ orders, ref, body }) => orders.setSchedule(ref, body),
    'schedule.del': async ({ orders, ref }) => void (await orders.setSchedule(ref, null)),
    'rule.list': ({ orders, ref }) => orders.listRules(ref),
    'rule.add': ({ orders, ref, body }) => orders.addRule(ref, body),
    'rule.set': ({ orders, ref, id, body }) => orders.setRule(ref, id, body),
    'rule.del': ({ orders, ref, id }) => orders.deleteRule(ref, id),
    'rule.clear': ({ orders, ref }) => orders.clearRules(ref),
    shim: ({ orders, body }) => answerLine(orders, body),
    events: ({ reply }) => {
      events.add(reply.raw, reply.request.headers.accept, () => reply.hijack())
    },
    version: () => daemon.version(),
    health: () => daemon.health(),
    shutdown: ({ reply }) => {
      // The answer is on its way before the end begins.
      reply.raw.once('finish', () => daemon.shutdown())
      return { status: 'ending' }
    },
  }
}

/** The order ends when whoever has given it is gone. */
async function whileHeard<T>(socket: Socket, order: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const left = new AbortController()
  const leave = () => left.abort()
  socket.once('end', leave).once('close', leave)
  try {
    return await order(left.signal)
  } finally {
    socket.off('end', leave).off('close', leave)
  }
}
