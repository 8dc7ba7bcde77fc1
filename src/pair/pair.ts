// A pair: two ends wired together, made and destroyed as one. This is the library's public face; the
// work is done by the link thread (devices) and the forwarding workers (frames).

import { EventEmitter } from 'node:events'
import type { CaptureSink } from '../capture/session.js'
import { allocateCounters } from '../datapath/counters.js'
import { invalid } from '../errors.js'
import { type Link, linkThread, workerCount } from '../link/link.js'
import { frameMemory } from '../link/memory.js'
import type {
  Beginning,
  CarrierMode,
  ClosedReason,
  Descriptors,
  PairPlan,
  Suspended,
} from '../link/protocol.js'
import type { RingStream, Sighting } from '../ring/stream.js'
import type { Logger } from '../wishes/end.js'
import { type Capture, Captures, chunksOf, planTarget } from './captures.js'
import { ENDS, type EndIndex, type Progresses, planChains, type Start } from './chain.js'
import type { Dossier, Wishes } from './dossier.js'
import { dossierOf } from './dossier-of.js'
import { End } from './end.js'
import { closeOn, type PairEvents } from './events.js'
import { planAgain } from './former.js'
import { PairId } from './id.js'
import { Inspection } from './inspection.js'
import { Life } from './life.js'
import type { CaptureStreamWish, CaptureTarget, CaptureWish, SightingsWish } from './options.js'
import { type PairOptions, planPair } from './options.js'
import { type FlapOptions, Plug } from './plug.js'
import {
  type BaseCounts,
  type BriefStats,
  baseOf,
  briefOf,
  countersOf,
  describedOf,
  NO_BASE,
  type PairCounters,
  type PairStats,
  statsOf,
} from './stats.js'

export class Pair extends EventEmitter<PairEvents> implements AsyncDisposable {
  readonly a: End
  readonly b: End
  readonly #link: Link
  readonly #life: Life
  readonly #memory = allocateCounters(workerCount())
  /** What was counted before there was this memory. */
  #base: BaseCounts
  readonly #inspection: Inspection
  readonly #captures: Captures
  readonly #plug: Plug
  readonly #logger: Logger | undefined
  readonly #name = new PairId()

  private constructor(link: Link, logger: Logger | undefined, queues: number, base = NO_BASE) {
    super()
    this.#base = base
    this.#logger = logger
    this.#link = link
    const life = new Life(this, link, logger, {
      lost: (why) => this.#inspection.rebuild(why),
      again: (why, progress) => ({
        begin: this.#inspection.rebuild(why, progress),
        inspected: this.#inspection.begin(undefined),
        mode: this.#plug.mode,
      }),
      ended: () => this.#end(),
    })
    const { handle } = life
    this.#life = life
    this.#inspection = new Inspection(link, handle, this.#memory, queues, {
      hookFailed: (end, message) =>
        life.tell('hookFailed', { end: end === 0 ? this.a : this.b, message }, 'warn'),
      stepped: (end, step) => life.tell('step', { end: end === 0 ? this.a : this.b, ...step }),
      carrier: (mode) => this.#plug.follow(mode),
    })
    this.#captures = new Captures(this.#inspection, {
      failed: (path, { message }) => life.tell('captureFailed', { path, message }, 'warn'),
      lost: (path, lost) => life.tell('captureLost', { path, lost }, 'warn'),
    })
    this.#plug = new Plug(
      (mode, patient) => link.request({ op: 'carrier', handle, mode, patient }),
      () => Pair.needFree(this, 'carrier'),
    )
    this.a = new End(this, 0, link, handle, this.#inspection)
    this.b = new End(this, 1, link, handle, this.#inspection)
  }

  /** Users have createPair(). `from`: what an earlier pair was, as which it goes on; its impairments and rules count. */
  static async create(options: PairOptions, link?: Link, from?: Dossier): Promise<Pair> {
    const plan = planAgain(planPair(options), from)
    const chains = from === undefined ? planChains(options) : ([from.a, from.b] as const)
    const { signal, logger } = options
    signal?.throwIfAborted()
    const pair = new Pair(link ?? linkThread(), logger, plan.queues, from && [from.a.counts, from.b.counts])
    try {
      if (options.id !== undefined) pair.#name.reserve(options.id)
      if (from !== undefined) pair.#plug.keep(from.carrier)
      const kept = from && { ...from, captures: pair.#captures.keep(from.captures) }
      await pair.#make(plan, { chains, ...kept }, options.capture)
      pair.#tellMade()
      await pair.#goOn(from)
      if (signal !== undefined) closeOn(signal, pair)
      return pair
    } catch (error) {
      await pair.#undo()
      throw error
    }
  }

  /** A schedule may have come to a step while it was made. */
  async #goOn(from?: Dossier): Promise<void> {
    const { carrier, flaps = [], link } = from ?? {}
    if (this.#plug.mode !== (link === undefined ? 'auto' : carrier)) await this.#plug.put(this.#plug.mode)
    for (const { ms, times } of flaps) this.#plug.again({ ms, times }).catch(() => {}) // whoever ordered it is not here
  }

  /** It stands, and is called something from now on. What the logger throws here is the caller's to hear. */
  #tellMade(): void {
    const id = this.#name.take(this.a.name)
    if (this.closed !== undefined) this.#name.release() // while it was made
    this.#logger?.info({ pair: id, a: this.a.name, b: this.b.name }, 'pair created')
  }

  /** It could not be made: nothing is left of it, however far that went. */
  async #undo(): Promise<void> {
    this.#name.id = '' // what happens now is not told
    // Where no device was made there is nothing to close.
    if (this.a.name !== '') await this.close().catch(() => {})
    this.#inspection.close()
    this.#captures.abandon()
    this.#link.forget(this.#life.handle)
    this.#name.release()
  }

  #end(): Promise<void> {
    this.#name.release()
    this.#inspection.close()
    return this.#captures.close()
  }

  /** What the first frame is to meet is armed before there is one. */
  async #make(plan: PairPlan, start: Start, capture: PairOptions['capture']): Promise<void> {
    const { handle } = this.#life
    const begin = this.#inspection.connect(start)
    const target = capture === undefined ? undefined : planTarget(capture, 'capture')
    const armed = target && this.#captures.arm(target.wish, 'capture')
    if (plan.inline) await this.#openLoop(begin)
    const inspected = this.#inspection.begin(this.#life.inline)
    const counters = this.#memory
    const request = { op: 'create', handle, plan, counters, inspected } as const
    const transfer = plan.inline ? [] : [begin.port]
    const wish = plan.inline ? request : { ...request, begin }
    const adopt = await this.#link.request<Descriptors>(wish, transfer)
    this.#life.made = { plan, counters, adopt }
    if (target !== undefined && armed !== undefined)
      await this.#captures.start(armed, target.sink, this.a, this.b)
  }

  /** The one part that needs the addon in this thread: loaded when it is asked for. */
  async #openLoop(begin: Beginning): Promise<void> {
    const { InlineLoop } = await import('../datapath/inline.js')
    this.#life.inline = new InlineLoop(this.#life.handle, this.#memory, begin, frameMemory())
  }

  /** For hand-over.ts: one of which nothing is made yet, and what it is made of. */
  static bare(link: Link, logger: Logger | undefined, queues: number, base?: BaseCounts): Pair {
    return new Pair(link, logger, queues, base)
  }

  static inside(pair: Pair) {
    return {
      link: pair.#link,
      life: pair.#life,
      counters: pair.#memory,
      inspection: pair.#inspection,
      captures: pair.#captures,
      id: pair.#name,
      keep: (mode: CarrierMode) => pair.#plug.keep(mode),
      goOn: (from: Dossier) => pair.#goOn(from),
      count: (base: BaseCounts) => {
        pair.#base = base
      },
      tellMade: () => pair.#tellMade(),
    }
  }

  /** What it is made of again; of one that is forwarded, without what is on its way (withoutDevices()). */
  static dossier<W>(pair: Pair, wishes: Wishes<W>, progress: Progresses = []): Dossier<W> {
    const parts = { id: pair.#name.id, plug: pair.#plug, inspection: pair.#inspection }
    const formers = [End.former(pair.a), End.former(pair.b)] as const
    return dossierOf({ ...parts, counts: baseOf(pair.#memory, pair.#base), formers }, wishes, progress)
  }

  /**
   * Has nobody forward for it: frames wait in the devices, and carrier stays. All that another pair needs to go on as
   * this one; or this one itself, by resume(). It may be closed.
   */
  static async suspend<W>(pair: Pair, wishes: Wishes<W>): Promise<Dossier<W>> {
    if (pair.#life.inline) throw invalid('an inline pair is forwarded by the thread that made it', 'inline')
    const { handle } = pair.#life
    const { mode: before, follows } = pair.#plug
    const { state, standing } = await pair.#link.request<Suspended>({ op: 'suspend', handle })
    pair.#life.resting = true
    const progress = state.map(({ progress }) => progress) as unknown as Progresses
    pair.#inspection.listen() // to the last step of a schedule, of which the link thread had not heard
    const { mode } = pair.#plug
    const link = mode === before && !follows ? standing : { ...standing, mode }
    return { ...Pair.dossier(pair, wishes, progress), link }
  }

  /** It is forwarded again, from where it was suspended. */
  static async resume(pair: Pair, { progress, link }: Dossier): Promise<void> {
    await pair.#life.resume(progress, link)
  }

  /** EBUSY while a schedule of these ends sets it. */
  static needFree(pair: Pair, key: 'impair' | 'carrier', ends: readonly EndIndex[] = ENDS): void {
    pair.#inspection.schedules.byHand(key, ends)
  }

  /** `changed` is called when something of its ends, or of their addresses, is not as it was. */
  static follow(pair: Pair, changed: () => void): void {
    pair.#life.changed = changed
  }

  /** The name that end `a` was made with, with a suffix if another pair of this process has it. */
  get id(): string {
    return this.#name.id
  }

  /** The link signal on both ends: both are up, unless setCarrier has forced it. */
  get carrier(): boolean {
    return this.#life.carrier
  }

  /** What carrier was set to last: `auto` unless setCarrier has said otherwise. */
  get carrierMode(): CarrierMode {
    return this.#plug.mode
  }

  /** Why the pair has ended; undefined while it lives. */
  get closed(): ClosedReason | undefined {
    return this.#life.closed
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
    yield* chunksOf(await this.#capture(wish, 'stream'), signal)
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
    return statsOf(this, await this.#life.stats())
  }

  /** The same, with what else the kernel says of each interface. */
  static async described(pair: Pair): Promise<PairStats> {
    return describedOf(pair, await pair.#life.stats())
  }

  /** What a reader wants to know again and again: short, and cheap. Of the kernel's counts those of the last second. */
  static async brief(pair: Pair): Promise<BriefStats> {
    return briefOf(pair.#memory, pair.#base, await pair.#life.lately())
  }

  /** Removes both interfaces. Resolves when they are gone and their names free; any number of times. */
  async close(): Promise<void> {
    await this.#life.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
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
