// What answers each operation of the table (contract/ops.ts) over HTTP: calls orders/ for those about pairs and the
// daemon for those about itself. Used by http.ts, which knows routes, schemas and connections.

import type { FastifyReply } from 'fastify'
import type { BODIES } from '../contract/bodies.js'
import type { CaptureQuery, OpName } from '../contract/ops.js'
import { UvethError } from '../errors.js'
import type { Caller } from '../orders/caller.js'
import * as faults from '../orders/faults.js'
import type { PairRegistry } from '../orders/handlers.js'
import * as handlers from '../orders/handlers.js'
import type { Given } from '../wishes/shape.js'
import type { CaptureStreams } from './capture-stream.js'
import type { Events } from './events.js'
import { answerLine } from './shim/line.js'

/** What the daemon does for orders that are about itself. */
export interface DaemonFace {
  version(): object
  health(): object
  /** True once the daemon is ending: new orders are refused. */
  readonly ending: boolean
  shutdown(): void
  /** Why what was ordered will not outlive the daemon, though it was to. */
  readonly unkept?: string | undefined
  /** Of its log. */
  readonly lostLines?: number
  /** Gives up a kept wish that could not be restored; false if `ref` means none. */
  forget(ref: string): Promise<boolean>
  /** Something that nobody expected. */
  failed(error: unknown, request: string): void
}

interface Order<K> {
  caller: Caller
  ref: string
  /** Of a rule. */
  id: string
  /** Both as their shapes have checked them. */
  query: K extends 'pair.capture' ? CaptureQuery : unknown
  body: K extends keyof typeof BODIES ? Given<(typeof BODIES)[K]> : unknown
  reply: FastifyReply
  warn: handlers.Warn
}

export type Answer<K> = (order: Order<K>) => unknown
type Answers = { [K in OpName]: Answer<K> }

export function answersOf(
  registry: PairRegistry,
  daemon: DaemonFace,
  events: Events,
  captures: CaptureStreams,
): Answers {
  const created = (reply: FastifyReply, { id }: { id: string }) =>
    reply.header('location', `/v1/pairs/${encodeURIComponent(`id:${id}`)}`)
  return {
    'pair.list': () => handlers.listPairs(registry),
    'pair.add': async ({ caller, body, reply }) => {
      const view = await handlers.addPair(registry, caller, body)
      created(reply, view)
      return view
    },
    'pair.put': async ({ caller, ref, body, reply }) => {
      const id = ref.startsWith('id:') ? ref.slice(3) : ref
      const { made, view } = await handlers.putPair(registry, caller, id, body)
      if (made) created(reply, view)
      else reply.code(200)
      return view
    },
    'pair.get': ({ caller, ref }) => handlers.getPair(registry, caller, ref),
    'pair.set': ({ caller, ref, body, warn }) => handlers.setPair(registry, caller, ref, body, warn),
    'pair.del': async ({ caller, ref }) => {
      try {
        await handlers.deletePair(registry, caller, ref)
      } catch (error) {
        const unknown = error instanceof UvethError && error.code === 'ENODEV'
        if (!unknown || !(await daemon.forget(ref))) throw error
      }
    },
    'pair.stats': ({ caller, ref }) => handlers.pairStats(registry, caller, ref),
    'end.get': ({ caller, ref }) => handlers.getEnd(registry, caller, ref),
    'end.set': ({ caller, ref, body, warn }) => handlers.setEnd(registry, caller, ref, body, warn),
    'pair.flap': async ({ caller, ref, body, reply }) => {
      const left = new AbortController()
      const { socket } = reply.request.raw
      const leave = () => left.abort()
      socket.once('end', leave).once('close', leave)
      try {
        await faults.flapPair(registry, caller, ref, body, left.signal)
      } finally {
        socket.off('end', leave).off('close', leave)
      }
    },
    'pair.capture': async ({ caller, ref, query, reply }) => {
      const { pair } = registry.find(ref, caller.inode).entry
      await captures.begin(pair, query, reply)
    },
    'impair.get': ({ caller, ref }) => faults.getImpair(registry, caller, ref),
    'impair.set': ({ caller, ref, body }) => faults.setImpair(registry, caller, ref, body),
    'impair.patch': ({ caller, ref, body }) => faults.patchImpair(registry, caller, ref, body),
    'impair.del': async ({ caller, ref }) => void (await faults.setImpair(registry, caller, ref, null)),
    'rule.list': ({ caller, ref }) => faults.listRules(registry, caller, ref),
    'rule.add': ({ caller, ref, body }) => faults.addRule(registry, caller, ref, body),
    'rule.del': ({ caller, ref, id }) => faults.deleteRule(registry, caller, ref, id),
    'rule.clear': ({ caller, ref }) => faults.clearRules(registry, caller, ref),
    shim: ({ caller, body }) => answerLine({ registry, caller }, body),
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
