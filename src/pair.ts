// A pair: two ends wired together, made and destroyed as one. This is the library's public face; the
// work is done by the link thread (devices) and the forwarding workers (frames).

import { EventEmitter } from 'node:events'
import { allocateCounters } from './datapath/counters.js'
import { End } from './end.js'
import { invalid } from './errors.js'
import { type Link, linkThread, type PairEvent, workerCount } from './link/client.js'
import type { CarrierMode, ClosedReason, EndState, KernelStats } from './link/protocol.js'
import { type Logger, type PairOptions, planPair } from './options.js'
import { countersOf, joinKernel, type PairCounters, type PairStats } from './stats.js'

export interface PairEvents {
  /** Carrier came or went, on both ends. */
  carrier: [{ on: boolean }]
  renamed: [{ end: End; name: string; previous: string }]
  moved: [{ end: End; netns: string | null; ifindex: number; name: string }]
  /** The last event. `end` is the one that was deleted, null when the pair was closed by us. */
  closed: [{ reason: ClosedReason; end: End | null }]
}

const UNKNOWN: EndState = {
  name: '',
  ifindex: 0,
  netns: null,
  netnsInode: 0,
  mac: '',
  mtu: 0,
  up: false,
  flags: 0,
  txQueueLength: 0,
}
const CARRIER_MODES: readonly CarrierMode[] = ['on', 'off', 'auto']
const idsInUse = new Set<string>()

export class Pair extends EventEmitter<PairEvents> implements AsyncDisposable {
  readonly a: End
  readonly b: End
  readonly #link: Link
  readonly #handle: number
  readonly #workers = workerCount()
  readonly #memory = allocateCounters(this.#workers)
  readonly #logger: Logger | undefined
  #id = ''
  #carrier = false
  #closed: ClosedReason | undefined
  #lastKernelStats: KernelStats = [null, null]

  private constructor(logger: Logger | undefined) {
    super()
    this.#logger = logger
    this.#link = linkThread()
    this.#handle = this.#link.register((event) => this.#hear(event))
    this.a = new End(this, 0, this.#link, this.#handle, UNKNOWN)
    this.b = new End(this, 1, this.#link, this.#handle, UNKNOWN)
  }

  /** @internal Use createPair(). */
  static async create(options: PairOptions): Promise<Pair> {
    const plan = planPair(options)
    const { signal, logger } = options
    signal?.throwIfAborted()
    if (options.id !== undefined) reserveId(options.id)
    const pair = new Pair(logger)
    try {
      const counters = pair.#memory
      await pair.#link.request({ op: 'create', handle: pair.#handle, plan, counters })
    } catch (error) {
      pair.#link.forget(pair.#handle)
      if (options.id !== undefined) idsInUse.delete(options.id)
      throw error
    }
    pair.#id = options.id ?? takeId(pair.a.name)
    pair.#logger?.info({ pair: pair.#id, a: pair.a.name, b: pair.b.name }, 'pair created')
    if (signal !== undefined) await pair.#obey(signal)
    return pair
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
    if (!CARRIER_MODES.includes(mode))
      throw invalid(`carrier is one of ${CARRIER_MODES.join(', ')}, not '${mode}'`, 'carrier')
    await this.#link.request({ op: 'carrier', handle: this.#handle, mode })
  }

  /** The data path's counters at this moment, of each end from its own point of view. */
  counters(): PairCounters {
    return countersOf(this.#memory, this.#workers)
  }

  /** The counters joined with the kernel's own of each interface. After the end: as they were then. */
  async stats(): Promise<PairStats> {
    const kernel =
      this.#closed === undefined
        ? await this.#link.request<KernelStats>({ op: 'stats', handle: this.#handle })
        : this.#lastKernelStats
    const { a, b } = this.counters()
    return { a: joinKernel(a, kernel[0]), b: joinKernel(b, kernel[1]) }
  }

  /** Removes both interfaces. Resolves when they are gone and their names free; any number of times. */
  async close(): Promise<void> {
    if (this.#closed === undefined) await this.#link.request({ op: 'close', handle: this.#handle })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #obey(signal: AbortSignal): Promise<void> {
    const abort = () => void this.close()
    if (signal.aborted) {
      await this.close()
      throw signal.reason
    }
    signal.addEventListener('abort', abort, { once: true })
    this.once('closed', () => signal.removeEventListener('abort', abort))
  }

  #hear(event: PairEvent): void {
    switch (event.event) {
      case 'state':
        return this.#follow(event.end === 0 ? this.a : this.b, event.state)
      case 'carrier':
        this.#carrier = event.on
        this.#tell('carrier', { on: event.on })
        break
      case 'closed': {
        this.#link.forget(this.#handle)
        idsInUse.delete(this.#id)
        this.#closed = event.reason
        this.#carrier = false
        this.#lastKernelStats = event.stats
        const end = event.end === null ? null : event.end === 0 ? this.a : this.b
        this.#tell('closed', { reason: event.reason, end })
        break
      }
    }
  }

  #follow(end: End, state: EndState): void {
    const before = end.update(state)
    if (before === UNKNOWN) return // being created
    if (before.ifindex !== state.ifindex || before.netns !== state.netns) {
      this.#tell('moved', { end, netns: state.netns, ifindex: state.ifindex, name: state.name })
    } else if (before.name !== state.name) {
      this.#tell('renamed', { end, name: state.name, previous: before.name })
    }
  }

  #tell<K extends keyof PairEvents>(event: K, detail: PairEvents[K][0]): void {
    const { end, ...fields } = { end: null, ...detail } as { end: End | null }
    const which = end === null ? {} : { end: end === this.a ? 'a' : 'b' }
    // What happens during its creation is part of that.
    if (this.#id !== '') this.#logger?.info({ pair: this.#id, ...which, ...fields }, `pair ${event}`)
    const untyped = this as EventEmitter // generic over the event, which the typed emit() cannot be
    untyped.emit(event, detail)
  }
}

function reserveId(id: string): void {
  if (idsInUse.has(id)) throw invalid(`a pair with id '${id}' exists`, 'id', 'EEXIST')
  idsInUse.add(id)
}

function takeId(name: string): string {
  let id = name
  for (let suffix = 2; idsInUse.has(id); suffix++) id = `${name}-${suffix}`
  idsInUse.add(id)
  return id
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
