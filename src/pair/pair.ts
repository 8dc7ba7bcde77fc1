// A pair: two ends wired together, made and destroyed as one. This is the library's public face; the
// work is done by the link thread (devices) and the forwarding workers (frames).

import { EventEmitter } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import type { CaptureSink } from '../capture/session.js'
import { allocateCounters } from '../datapath/counters.js'
import type { InlineLoop } from '../datapath/inline.js'
import { type Link, linkThread, type PairEvent, workerCount } from '../link/link.js'
import { frameMemory } from '../link/memory.js'
import type { CarrierMode, ClosedReason, EndState, KernelStats, PairPlan } from '../link/protocol.js'
import type { RingStream, Sighting } from '../ring/stream.js'
import type { Logger } from '../wishes/end.js'
import { Capture, Captures, planTarget } from './captures.js'
import { type ChainPlan, ENDS, hasFaults, planChains } from './chain.js'
import type { Dossier, Wishes } from './dossier.js'
import { End } from './end.js'
import { type PairEvents, tell } from './events.js'
import { releaseId, reserveId, takeId } from './id.js'
import { Inspection } from './inspection.js'
import type { CaptureStreamWish, CaptureTarget, CaptureWish, SightingsWish } from './options.js'
import { type PairOptions, planPair } from './options.js'
import { type FlapOptions, Plug } from './plug.js'
import {
  type BaseCounts,
  baseOf,
  countersOf,
  joinKernel,
  NO_BASE,
  type PairCounters,
  type PairStats,
} from './stats.js'

export class Pair extends EventEmitter<PairEvents> implements AsyncDisposable {
  readonly a: End
  readonly b: End
  readonly #link: Link
  readonly #handle: number
  readonly #memory = allocateCounters(workerCount())
  /** What was counted before there was this memory. */
  readonly #base: BaseCounts
  readonly #inspection: Inspection
  readonly #captures: Captures
  #inline: InlineLoop | undefined
  #ended: Promise<void> | undefined
  readonly #logger: Logger | undefined
  #id = ''
  /** The id that nobody else may have, until release(). */
  #reserved: string | undefined
  readonly #plug: Plug
  #carrier = false
  #closed: ClosedReason | undefined
  #lastKernelStats: KernelStats = [null, null]

  private constructor(link: Link, logger: Logger | undefined, queues: number, base = NO_BASE) {
    super()
    this.#base = base
    this.#logger = logger
    this.#link = link
    this.#handle = this.#link.register((event) => this.#hear(event))
    const hookFailed = (end: 0 | 1, message: string) =>
      this.#tell('hookFailed', { end: end === 0 ? this.a : this.b, message }, 'warn')
    this.#inspection = new Inspection(this.#link, this.#handle, this.#memory, queues, hookFailed)
    this.#captures = new Captures(this.#inspection, {
      failed: (path, { message }) => this.#tell('captureFailed', { path, message }, 'warn'),
      lost: (path, lost) => this.#tell('captureLost', { path, lost }, 'warn'),
    })
    this.#plug = new Plug((mode, patient) =>
      this.#link.request({ op: 'carrier', handle: this.#handle, mode, patient }),
    )
    this.a = new End(this, 0, this.#link, this.#handle, this.#inspection)
    this.b = new End(this, 1, this.#link, this.#handle, this.#inspection)
  }

  /** Users have createPair(). `from`: what an earlier pair was; its impairments and rules instead of the options'. */
  static async create(options: PairOptions, link?: Link, from?: Dossier): Promise<Pair> {
    const plan = planPair(options, from && [from.a, from.b].some(hasFaults))
    const chains = from === undefined ? planChains(options) : ([from.a, from.b] as const)
    const { signal, logger } = options
    signal?.throwIfAborted()
    const base = from && ([from.a.counts, from.b.counts] as const)
    const pair = new Pair(link ?? linkThread(), logger, plan.queues, base)
    try {
      if (options.id !== undefined) pair.#reserve(options.id)
      await pair.#make(plan, chains, options.capture)
      pair.#name(options.id)
      if (from !== undefined && from.carrier !== 'auto') await pair.setCarrier(from.carrier)
      if (signal !== undefined) pair.#obey(signal)
      return pair
    } catch (error) {
      await pair.#undo()
      throw error
    }
  }

  #reserve(id: string): void {
    reserveId(id)
    this.#reserved = id
  }

  /** It stands, and is called something from now on. What the logger throws here is the caller's to hear. */
  #name(id: string | undefined): void {
    this.#reserved ??= takeId(this.a.name)
    this.#id = id ?? this.#reserved
    if (this.#closed !== undefined) this.#release() // while it was made
    this.#logger?.info({ pair: this.#id, a: this.a.name, b: this.b.name }, 'pair created')
  }

  #release(): void {
    releaseId(this.#reserved)
    this.#reserved = undefined
  }

  /** It could not be made: nothing is left of it, however far that went. */
  async #undo(): Promise<void> {
    this.#id = '' // what happens now is not told
    // Where no device was made there is nothing to close.
    if (this.a.name !== '') await this.close().catch(() => {})
    this.#inspection.close()
    this.#captures.abandon()
    this.#link.forget(this.#handle)
    this.#release()
  }

  /** What the first frame is to meet is armed before there is one. */
  async #make(
    plan: PairPlan,
    chains: readonly [ChainPlan, ChainPlan],
    capture: PairOptions['capture'],
  ): Promise<void> {
    const inspection = this.#inspection
    const port = inspection.connect(chains)
    const target = capture === undefined ? undefined : planTarget(capture, 'capture')
    const armed = target && this.#captures.arm(target.wish, 'capture')
    if (plan.inline) this.#inline = await this.#openLoop(port)
    const inspected = inspection.begin(this.#inline)
    const request = { op: 'create', handle: this.#handle, plan, counters: this.#memory, inspected } as const
    if (plan.inline) await this.#link.request(request)
    else await this.#link.request({ ...request, port }, [port])
    if (target !== undefined && armed !== undefined)
      await this.#captures.start(armed, target.sink, this.a, this.b)
  }

  /** The one part that needs the addon in this thread: loaded when it is asked for. */
  async #openLoop(port: MessagePort): Promise<InlineLoop> {
    const { InlineLoop } = await import('../datapath/inline.js')
    return new InlineLoop(this.#handle, this.#memory, port, frameMemory())
  }

  /** What a pair that is to go on as this one, with other devices, is made of. */
  static dossier<W>(pair: Pair, wishes: Wishes<W>): Dossier<W> {
    const [countsA, countsB] = baseOf(pair.#memory, pair.#base)
    const [a, b] = ENDS.map((end) => pair.#inspection.chain(end)) as [ChainPlan, ChainPlan]
    return {
      version: 1,
      id: pair.#id,
      wishes,
      carrier: pair.#plug.mode,
      a: { ...a, counts: countsA },
      b: { ...b, counts: countsB },
      captures: pair.#inspection.captures.map(({ ring: _, ...plan }) => plan),
      progress: [],
    }
  }

  /** The name that end `a` was made with, with a suffix if another pair of this process has it. */
  get id(): string {
    return this.#id
  }

  /** The link signal on both ends: both are up, unless setCarrier has forced it. */
  get carrier(): boolean {
    return this.#carrier
  }

  /** Why the pair has ended; undefined while it lives. */
  get closed(): ClosedReason | undefined {
    return this.#closed
  }

  /**
   * `off` takes carrier from both ends, as a pulled plug does; `auto` returns to the rule (both ends
   * up); `on` holds it whatever the ends are. Resolved means that the kernel shows it.
   */
  async setCarrier(mode: CarrierMode): Promise<void> {
    await this.#plug.set(mode)
  }

  /**
   * Pulls the plug for `ms` milliseconds and puts it back, `times` times (default 1), with as long a pause in
   * between. Afterwards carrier is what it was set to before. setCarrier() and `signal` end it early.
   */
  async flap(ms: number, times = 1, options: FlapOptions = {}): Promise<void> {
    await this.#plug.flap(ms, times, options)
  }

  /**
   * Captures into a file (pcapng) or a named pipe: what the ends send, with what became of it; with `both`, or at one
   * `end`, what is delivered, too. Records from the moment of the call; resolves when the file is open.
   */
  async capture(target: string | CaptureTarget): Promise<Capture> {
    const { wish, sink } = planTarget(target)
    return await this.#capture(wish, sink)
  }

  /** Captures into an open descriptor, which stays the caller's; a pipe whose reader leaves ends it. */
  async captureTo(fd: number, wish: CaptureWish = {}): Promise<Capture> {
    return await this.#capture(wish, { fd })
  }

  /** Captures as a stream of pcapng bytes. Leaving the loop ends it. */
  async *captureStream({ signal, ...wish }: CaptureStreamWish = {}): AsyncGenerator<Uint8Array, void> {
    const capture = await this.#capture(wish, 'stream')
    const stop = () => void capture.stop().catch(() => {}) // whoever reads hears of it
    signal?.addEventListener('abort', stop, { once: true })
    try {
      if (signal?.aborted) stop()
      yield* Capture.session(capture).chunks()
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /**
   * What becomes of each frame, as it happens: a stream of records, from the moment of the call; one where it was sent,
   * one where it was delivered.
   */
  sightings(wish: SightingsWish = {}): RingStream<Sighting> {
    return this.#captures.sightings(wish)
  }

  #capture(wish: CaptureWish, sink: CaptureSink): Promise<Capture> {
    return this.#captures.start(this.#captures.arm(wish), sink, this.a, this.b)
  }

  /** The data path's counters at this moment, of each end from its own point of view. */
  counters(): PairCounters {
    return countersOf(this.#memory, this.#base)
  }

  /** The counters joined with the kernel's own of each interface. After the end: as they were then. */
  async stats(): Promise<PairStats> {
    const kernel =
      this.#closed === undefined
        ? await this.#link.request<KernelStats>({ op: 'stats', handle: this.#handle })
        : this.#lastKernelStats
    const { a, b } = this.counters()
    return {
      a: { ...joinKernel(a, kernel[0]), rules: this.a.rules() },
      b: { ...joinKernel(b, kernel[1]), rules: this.b.rules() },
    }
  }

  /** Removes both interfaces. Resolves when they are gone and their names free; any number of times. */
  async close(): Promise<void> {
    if (this.#closed === undefined) await this.#link.request({ op: 'close', handle: this.#handle })
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #obey(signal: AbortSignal): void {
    signal.throwIfAborted()
    const abort = () => void this.close().catch(() => {})
    signal.addEventListener('abort', abort, { once: true })
    this.once('closed', () => signal.removeEventListener('abort', abort))
  }

  #hear(event: PairEvent): void {
    switch (event.event) {
      case 'lent':
        this.#inline?.begin(event.queues)
        break
      case 'recall':
        this.#inline?.end()
        void this.#link.request({ op: 'returned', handle: this.#handle }).catch(() => {})
        break
      case 'lost': {
        const port = this.#inspection.rebuild(event.why)
        // It may be ending just now.
        void this.#link.request({ op: 'readopt', handle: this.#handle, port }, [port]).catch(() => {})
        break
      }
      case 'state':
        return this.#report(event.end === 0 ? this.a : this.b, event.state)
      case 'carrier':
        this.#carrier = event.on
        if (!event.on) this.#inline?.discard()
        this.#tell('carrier', { on: event.on })
        break
      case 'closed': {
        this.#link.forget(this.#handle)
        this.#inline?.end() // where nobody was left to ask it back
        this.#release()
        this.#closed = event.reason
        this.#carrier = false
        this.#lastKernelStats = event.stats
        this.#inspection.close()
        this.#ended = this.#captures.close()
        const end = event.end === null ? null : event.end === 0 ? this.a : this.b
        const message = event.why === undefined ? {} : { message: event.why }
        const level = event.reason === 'failed' ? 'warn' : undefined
        this.#tell('closed', { reason: event.reason, end, ...message }, level)
        break
      }
    }
  }

  #report(end: End, state: EndState): void {
    const before = End.update(end, state)
    if (before === undefined) return // being created
    if (before.ifindex !== state.ifindex || before.netns !== state.netns) {
      this.#tell('moved', { end, netns: state.netns, ifindex: state.ifindex, name: state.name })
    } else if (before.name !== state.name) {
      this.#tell('renamed', { end, name: state.name, previous: before.name })
    }
    const count = state.foreignQueues
    if (before.foreignQueues !== count) this.#tell('foreignQueues', { end, count }, 'warn')
  }

  #tell<K extends keyof PairEvents>(event: K, detail: PairEvents[K][0], level?: 'warn'): void {
    tell(this, this.#logger, event, detail, level)
  }
}

/**
 * Makes a pair of interfaces. Resolved means usable: ends that are up, and whose peer is, show
 * operstate UP, and every address can be bound. On failure nothing is left behind.
 *
 * Errors: EINVAL (a bad option, before anything is made), EEXIST (a name is taken), EPERM (no
 * CAP_NET_ADMIN), ENOENT (no /dev/net/tun, or no such namespace), and whatever else the kernel says.
 */
export function createPair(options: PairOptions = {}): Promise<Pair> {
  return Pair.create(options)
}
