// What becomes of a pair once it is asked for: what the link thread says of it is kept, acted on and told to its user,
// up to its end. Made by pair.ts, one for each pair; the link thread's side of it is link/linked-pair.ts.

import type { InlineLoop } from '../datapath/inline.js'
import type { Give, Link, PairEvent } from '../link/link.js'
import type {
  Beginning,
  CarrierMode,
  ClosedReason,
  Descriptors,
  EndState,
  Inspected,
  KernelStats,
  PairPlan,
} from '../link/protocol.js'
import type { Logger } from '../wishes/end.js'
import type { Dossier } from './dossier.js'
import { End } from './end.js'
import { type PairEvents, type Teller, tell } from './events.js'

/** What of the pair is told. */
interface Living {
  /** Its worker is gone: what the next one begins with. */
  lost(why: string): Beginning
  /** So is its link thread, or it was suspended with `progress`. */
  again(
    why: string,
    progress?: Dossier['progress'],
  ): { begin: Beginning; inspected: Inspected; mode: CarrierMode }
  /** Nothing is forwarded any more. Resolves when all that it leaves, its captures, is complete. */
  ended(): Promise<void>
}

/** What anybody may set of an interface, and is told as such. */
const SETTINGS = ['up', 'mtu', 'address', 'txQueueLength', 'flags', 'altnames'] as const
/** IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST: the flags that are set; the others follow from up and carrier. */
const FLAGS = 0x80 | 0x100 | 0x200 | 0x1000

/** ms */
const LATELY = 1000

export class Life {
  /** Number by which the link thread knows the pair. */
  readonly handle: number
  carrier = false
  /** Why it has ended. */
  closed: ClosedReason | undefined
  /** Something of an end is not as it was: told before the events that say what. */
  changed: () => void = () => {}
  /** The loop of a pair that is forwarded in this thread. */
  inline: InlineLoop | undefined
  /** What another link thread needs to have it, once it is made. */
  made: { plan: PairPlan; counters: SharedArrayBuffer; adopt: Descriptors; shared?: boolean } | undefined
  /** Nobody forwards for it here, for the time of a hand-over: neither does another link thread. */
  resting = false
  readonly #pair: Teller
  readonly #link: Link
  readonly #logger: Logger | undefined
  readonly #living: Living
  #ended: Promise<void> | undefined
  #closing = false
  #lastStats: KernelStats = [null, null]
  /** ms: when the kernel was asked for them. */
  #asked = Number.NEGATIVE_INFINITY

  constructor(pair: Teller, link: Link, logger: Logger | undefined, living: Living) {
    this.#pair = pair
    this.#link = link
    this.#logger = logger
    this.#living = living
    const again = (give: Give, why: string) => this.#again(give, why)
    this.handle = link.register({ hear: (event) => this.#hear(event), again })
  }

  tell<K extends keyof PairEvents>(event: K, detail: PairEvents[K][0], level?: 'warn'): void {
    tell(this.#pair, this.#logger, event, detail, level)
  }

  /** Of both interfaces; after the end, as they were then. */
  async stats(): Promise<KernelStats> {
    if (this.closed !== undefined) return this.#lastStats
    const stats = await this.#link.request<KernelStats>({ op: 'stats', handle: this.handle })
    if (this.closed === undefined) this.#lastStats = stats
    this.#asked = performance.now()
    return stats
  }

  /** The same, where somebody has asked in the last second as it was then: many may ask again and again. */
  async lately(): Promise<KernelStats> {
    return performance.now() < this.#asked + LATELY ? this.#lastStats : await this.stats()
  }

  async close(): Promise<void> {
    this.#closing = true
    try {
      if (this.closed === undefined) await this.#link.request({ op: 'close', handle: this.handle })
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_LINK') throw error
      await this.#link.ready.catch(() => {}) // what the link thread has left is closed by then, either way
    }
    await this.#ended
  }

  /** Has the pool serve it again. */
  async readopt(begin: Beginning): Promise<void> {
    await this.#link.request({ op: 'readopt', handle: this.handle, begin }, [begin.port])
  }

  /** It is forwarded again, from where it was suspended. */
  async resume(progress: Dossier['progress'], standing: Dossier['link']): Promise<void> {
    await this.#link.ready // a link thread that was lost meanwhile has left it at rest to the next
    this.resting = false
    const { begin, ...rest } = this.#living.again('the pair was suspended', progress)
    await this.#link.request({ op: 'goOn', handle: this.handle, begin, ...rest, standing }, [begin.port])
  }

  #hear(event: PairEvent): void {
    switch (event.event) {
      case 'lent':
        this.inline?.begin(event.queues)
        break
      case 'recall':
        this.inline?.end()
        void this.#link.request({ op: 'returned', handle: this.handle }).catch(() => {})
        break
      case 'lost':
        this.readopt(this.#living.lost(event.why)).catch(() => {}) // it may be ending just now
        break
      case 'state':
        return this.#report(event)
      case 'carrier':
        if (event.on === this.carrier) break // another link thread says so
        this.carrier = event.on
        if (!event.on) this.inline?.discard()
        this.tell('carrier', { on: event.on })
        break
      case 'closed':
        return this.#end(event)
    }
  }

  /** Another link thread has it from now on, by the descriptors of the one that was lost; what was held is lost, too. */
  async #again(give: Give, why: string): Promise<void> {
    const { made, handle } = this
    if (made === undefined) return // whoever makes it is told
    const over = (reason: ClosedReason, message?: string) =>
      this.#hear({ event: 'closed', handle, reason, end: null, stats: [null, null], why: message })
    if (this.#closing) return over('close')
    // The thread that forwards an inline pair cannot be asked back any more.
    if (made.plan.inline) return over('failed', why)
    try {
      await give({ op: 'create', handle, inspected: [false, false], ...made })
      if (this.resting) return
      const { begin, ...rest } = this.#living.again(why)
      await give({ op: 'goOn', handle, begin, ...rest, standing: undefined }, [begin.port])
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      if (this.closed === undefined) over(code === 'ENODEV' ? 'deleted' : 'failed', message)
    }
  }

  #end({ reason, stats, end: which, why }: Extract<PairEvent, { event: 'closed' }>): void {
    this.#link.forget(this.handle)
    this.inline?.end() // where nobody was left to ask it back
    this.closed = reason
    this.carrier = false
    this.#lastStats = stats
    this.#ended = this.#living.ended()
    const end = which === null ? null : which === 0 ? this.#pair.a : this.#pair.b
    const message = why === undefined ? {} : { message: why }
    this.tell('closed', { reason, end, ...message }, reason === 'failed' ? 'warn' : undefined)
  }

  #report({ end: which, state, lasting }: Extract<PairEvent, { event: 'state' }>): void {
    const end = which === 0 ? this.#pair.a : this.#pair.b
    const before = End.update(end, state, lasting)
    if (before === undefined) return // being created
    this.changed()
    if (before.ifindex !== state.ifindex || before.netns !== state.netns) {
      this.tell('moved', { end, netns: state.netns, ifindex: state.ifindex, name: state.name })
    } else if (before.name !== state.name) {
      this.tell('renamed', { end, name: state.name, previous: before.name })
    }
    const changed = SETTINGS.filter((key) => settingOf(before, key) !== settingOf(state, key))
    if (changed.length > 0)
      this.tell('state', { end, before: partOf(before, changed), after: partOf(state, changed) })
    const count = state.foreignQueues
    if (before.foreignQueues !== count) this.tell('foreignQueues', { end, count }, 'warn')
  }
}

function settingOf(state: EndState, key: (typeof SETTINGS)[number]): unknown {
  if (key === 'altnames') return state.altnames.join('\n')
  return key === 'flags' ? state.flags & FLAGS : state[key]
}

function partOf(state: EndState, keys: readonly (keyof EndState)[]): Partial<EndState> {
  return Object.fromEntries(keys.map((key) => [key, state[key]]))
}
