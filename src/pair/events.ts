// What a pair tells its user: its events, in the log too. Called by pair.ts. A listener or a logger that throws keeps
// neither the pair nor another listener from anything.

import type { EventEmitter } from 'node:events'
import { apart, tellAll } from '../apart.js'
import type { ClosedReason, EndState } from '../link/protocol.js'
import type { Logger } from '../wishes/end.js'
import type { End } from './end.js'
import type { StepTold } from './schedules.js'

export interface PairEvents {
  /** Carrier came or went, on both ends. */
  carrier: [{ on: boolean }]
  renamed: [{ end: End; name: string; previous: string }]
  moved: [{ end: End; netns: string | null; ifindex: number; name: string }]
  /** What else somebody has set of an interface, whoever it was: only what differs, and as it was and is. */
  state: [{ end: End; before: Partial<EndState>; after: Partial<EndState> }]
  /**
   * Others have attached so many queues to an end that has several (it takes CAP_NET_ADMIN in its namespace), or have
   * left it again: frames that the kernel gives to those are lost, and nothing counts them.
   */
  foreignQueues: [{ end: End; count: number }]
  /** The schedule of an end has come to a step, or to several at once: what these have set. */
  step: [{ end: End } & StepTold]
  /** A user's hook threw, or did not come back, and is not in the chain any more; frames pass on. */
  hookFailed: [{ end: End; message: string }]
  /** A capture could not be written on (a full disk): what was written before is whole. */
  captureFailed: [{ path: string | undefined; message: string }]
  /** A capture is complete but for so many frames, which came faster than they could be written. */
  captureLost: [{ path: string | undefined; lost: number }]
  /**
   * The last event but those of captures. `end` is the one that was deleted, null when the pair was closed by us. `message`: what has
   * failed, where the reason is that.
   */
  closed: [{ reason: ClosedReason; end: End | null; message?: string }]
}

/** Whose events they are. */
export type Teller = EventEmitter<PairEvents> & { readonly id: string; readonly a: End; readonly b: End }

/** What happens before a pair has its id is a part of its creation, and not logged. */
export function tell<K extends keyof PairEvents>(
  pair: Teller,
  logger: Logger | undefined,
  event: K,
  detail: PairEvents[K][0],
  level: 'info' | 'warn' = 'info',
): void {
  const { end, ...fields } = { end: null, ...detail } as { end: End | null }
  const which = end === null ? {} : { end: end === pair.a ? 'a' : 'b' }
  if (pair.id !== '') apart(() => logger?.[level]({ pair: pair.id, ...which, ...fields }, `pair ${event}`))
  tellAll(pair as EventEmitter, event, detail)
}

/** A pair that is closed when `signal` is raised. */
export function closeOn(signal: AbortSignal, pair: Teller & { close(): Promise<void> }): void {
  signal.throwIfAborted()
  const abort = () => void pair.close().catch(() => {})
  signal.addEventListener('abort', abort, { once: true })
  pair.once('closed', () => signal.removeEventListener('abort', abort))
}
