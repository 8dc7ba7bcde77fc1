// A pair as the link thread keeps it: two TAPs, the carrier rule, which workers serve it. Every order
// and every hint about an end comes through here; what changed is told to the main thread. All of it
// is synchronous: the kernel answers inside the call, and this is the thread that may wait for RTNL.

import type { MessagePort } from 'node:worker_threads'
import { abandonHeld, MTU, stateOf } from '../datapath/counters.js'
import { drain } from '../datapath/loop.js'
import { openPorts, type PortCouple, type PortSpec } from '../datapath/port.js'
import { ServedPair } from '../datapath/served.js'
import { pairClosed, UvethError } from '../errors.js'
import { Slab } from '../frame/slab.js'
import { closeFds, EPOLLOUT, unwatch, watch } from '../native.js'
import { getLink, setLink } from '../netlink/route.js'
import type { LinkStats } from '../netlink/rtnl.js'
import type { NetlinkSocket } from '../netlink/socket.js'
import { nameOf } from '../netns/open.js'
import { setCarrier, wantedCarrier } from './carrier.js'
import { addAddresses, bringUp, createTaps, moveTap, setQuiet } from './create.js'
import { type Features, startInspecting, stopInspecting } from './offloads.js'
import type { Pool } from './pool.js'
import type {
  CarrierMode,
  ClosedReason,
  EndChange,
  EndState,
  Inspected,
  KernelStats,
  LinkMessage,
  LinkRequest,
  PairPlan,
} from './protocol.js'
import { HOME_NSID, type Tap } from './tap.js'

/** What a pair needs of the thread that it lives in. */
export interface Context {
  home: NetlinkSocket
  pool: Pool
  tell(message: LinkMessage): void
  /** Resolves when the thread that forwards an inline pair has let go of its descriptors. */
  recall(handle: number): Promise<void>
}

type EndIndex = 0 | 1
const ENDS = [0, 1] as const

export class LinkedPair {
  readonly handle: number
  readonly taps: [Tap, Tap]
  readonly #context: Context
  readonly #plan: PairPlan
  readonly #counters: SharedArrayBuffer
  readonly #state: Int32Array
  /** Of each end whose frames are looked into: the features that it had before. */
  readonly #before: [Features | undefined, Features | undefined] = [undefined, undefined]
  #mode: CarrierMode = 'auto'
  /** What each end's ifalias says. */
  readonly #aliases: [string, string]
  #carrier = false
  #closing: Promise<void> | undefined

  private constructor(
    context: Context,
    handle: number,
    plan: PairPlan,
    taps: [Tap, Tap],
    counters: SharedArrayBuffer,
  ) {
    this.handle = handle
    this.taps = taps
    this.#context = context
    this.#plan = plan
    this.#counters = counters
    this.#state = stateOf(counters)
    this.#aliases = [aliasFor(taps[1].state), aliasFor(taps[0].state)]
  }

  /** All or nothing: on failure both TAPs are gone before the error is passed on. */
  static async create(
    context: Context,
    { handle, plan, counters, port, inspected }: Extract<LinkRequest, { op: 'create' }>,
  ): Promise<LinkedPair> {
    const made: Tap[] = []
    let adopted = false
    try {
      const taps = createTaps(context.home, plan, made)
      const pair = new LinkedPair(context, handle, plan, taps, counters)
      if (port === undefined) pair.lend()
      else pair.adopt(port)
      adopted = true
      pair.inspect(inspected)
      for (const end of ENDS) {
        bringUp(context.home, taps[end], plan.ends[end], plan.quiet, pair.#aliases[end])
        pair.#publish(end)
      }
      pair.#followCarrier()
      return pair
    } catch (error) {
      if (adopted && plan.inline) await context.recall(handle)
      else if (adopted) context.pool.release(handle)
      await closeTaps(made)
      throw error
    }
  }

  /** It is being taken down: its descriptors are not to be used any more. */
  get ending(): boolean {
    return this.#closing !== undefined
  }

  /** Looks at one end, or at both, and follows what has changed. False when the pair has ended. */
  refresh(ends: readonly EndIndex[] = ENDS): boolean {
    if (this.ending) return false
    for (const end of ends) {
      const nsid = this.taps[end].nsid
      const found = this.taps[end].refresh(this.#context.home)
      if (found === 'gone') return this.#died(end, nsid)
      if (found === 'changed') this.#publish(end)
    }
    this.#label()
    this.#followCarrier(this.#noticeForeignCarrier())
    return true
  }

  /** Is one of the ends the link with this index in the namespace that home knows as `nsid`? */
  endAt(nsid: number, ifindex: number): EndIndex | undefined {
    return ENDS.find((end) => this.taps[end].nsid === nsid && this.taps[end].state.ifindex === ifindex)
  }

  change(end: EndIndex, change: EndChange): void {
    const tap = this.taps[end]
    const { home } = this.#context
    try {
      if (change.netns !== undefined) moveTap(home, tap, change.netns, change.name)
      tap.refresh(home)
      const { ifindex } = tap.state
      tap.withRoute(home, (socket) => {
        if (change.netns !== undefined && this.#plan.quiet) setQuiet(socket, ifindex)
        const name = change.netns === undefined ? change.name : undefined
        const { address, mtu, txQueueLength: txqlen } = change
        if (name !== undefined) setLink(socket, { ifindex, name })
        setLink(socket, { ifindex, address, mtu, txqlen })
        if (change.up !== undefined) setLink(socket, { ifindex, up: change.up })
        addAddresses(socket, ifindex, change)
      })
    } catch (error) {
      throw tap.alive() ? error : pairClosed()
    } finally {
      // Also after a refusal: the kernel may have done a part of it.
      this.#publish(end)
      this.refresh()
    }
  }

  setMode(mode: CarrierMode): void {
    this.#mode = mode
    this.#followCarrier()
  }

  /** Has the pool serve it; adjustments will come through `port`. */
  adopt(port: MessagePort): void {
    const { handle } = this
    const together = this.#before.some((before) => before !== undefined)
    this.#context.pool.adopt({ handle, counters: this.#counters, together }, this.#queues(), port)
  }

  /** Has the thread that made it forward for it. */
  lend(): void {
    this.#context.tell({ event: 'lent', handle: this.handle, queues: this.#queues() })
  }

  /** Queue q of a goes with queue q of b (test/kernel/18). */
  #queues(): PortCouple[] {
    const [a, b] = this.taps.map(({ ports }) => ports) as [PortSpec[], PortSpec[]]
    return a.map((port, queue) => [port, b[queue] as PortSpec])
  }

  /** From now on the frames that these ends send are looked into, and those of no other. */
  inspect(inspected: Inspected): void {
    this.#context.pool.gather(this.handle, inspected.includes(true))
    for (const end of ENDS) {
      const before = this.#before[end]
      if (inspected[end] === (before !== undefined)) continue
      this.#before[end] = undefined
      if (before === undefined) this.#before[end] = startInspecting(this.taps[end])
      else stopInspecting(this.taps[end], before)
    }
  }

  /** Has a worker of its own serve it, with a module of hooks loaded; why not, or undefined. */
  async own(url: string): Promise<string | undefined> {
    const lost = (why: string) => {
      abandonHeld(this.#counters)
      this.#context.tell({ event: 'lost', handle: this.handle, why })
    }
    return await this.#context.pool.own(this.handle, url, lost)
  }

  /** The kernel's counters of both ends. */
  stats(): KernelStats {
    return this.taps.map((tap) => this.#statsOf(tap)) as KernelStats
  }

  /** Takes the pair down; resolves when both devices are gone and their names free. */
  close(reason: ClosedReason, end: EndIndex | null): Promise<void> {
    this.#closing ??= this.#takeDown(reason, end)
    return this.#closing
  }

  async #takeDown(reason: ClosedReason, end: EndIndex | null): Promise<void> {
    const stats = this.stats()
    try {
      if (this.#plan.inline) await this.#context.recall(this.handle)
      else this.#context.pool.release(this.handle)
    } finally {
      await closeTaps(this.taps)
      this.#context.tell({ event: 'closed', handle: this.handle, reason, end, stats })
    }
  }

  /** Nothing that was sent before carrier comes on is left to be delivered. */
  #drain(): void {
    if (!this.#plan.inline) return this.#context.pool.drain(this.handle)
    // Its thread may be waiting for us: what it has not read is read here, as one of its workers would.
    const { handle } = this
    const ports = openPorts(this.#queues())
    const setup = { handle, counters: this.#counters, index: 0, ports, port: undefined, hookOf: undefined }
    const scratch = new Slab()
    drain(new ServedPair({ ...setup, scratch, inspected: new Set() }).directions, scratch)
  }

  #died(end: EndIndex, nsid: number): false {
    const reason = this.#namespaceLives(nsid, this.taps[end].state) ? 'deleted' : 'netns-deleted'
    void this.close(reason, end)
    return false
  }

  #namespaceLives(nsid: number, { netns, netnsInode }: EndState): boolean {
    if (nsid === HOME_NSID) return true
    if (this.taps.some((tap) => tap.nsid === nsid && tap.netnsGone)) return false
    try {
      getLink(this.#context.home, { ifindex: 1, nsid }) // every namespace has its loopback as link 1
    } catch {
      return false
    }
    // The number of a dead namespace is given to the next one that asks: a name tells more.
    return netns === null || nameOf(netnsInode) === netns
  }

  #statsOf(tap: Tap): LinkStats | null {
    return tap.look(this.#context.home)?.stats64 ?? null
  }

  #publish(end: EndIndex): void {
    const { state } = this.taps[end]
    Atomics.store(this.#state, MTU[end], state.mtu)
    this.#context.tell({ event: 'state', handle: this.handle, end, state })
    if (!state.up) this.#watchForUp(end)
  }

  /** A TAP that goes up becomes writable (test/kernel/06): noticed also where the kernel tells nothing. */
  #watchForUp(end: EndIndex): void {
    watch(this.taps[end].fd, EPOLLOUT, () => this.refresh([end]))
  }

  /** Each end's ifalias names its peer, for tools that list interfaces. */
  #label(): void {
    for (const end of ENDS) {
      const tap = this.taps[end]
      const alias = aliasFor(this.taps[end === 0 ? 1 : 0].state)
      if (alias === this.#aliases[end]) continue
      this.#aliases[end] = alias
      try {
        tap.withRoute(this.#context.home, (socket) => setLink(socket, { ifindex: tap.state.ifindex, alias }))
      } catch (error) {
        if (!(error instanceof UvethError)) throw error // it is being deleted
      }
    }
  }

  /**
   * `ip link set X carrier off|on` by others: off forces the pair off, on gives it back to the rule.
   * True when somebody else has changed carrier (test/kernel/09).
   */
  #noticeForeignCarrier(): boolean {
    const foreign = this.taps.some((tap) => tap.carrier !== this.#carrier)
    if (foreign && this.#carrier) this.#mode = 'off'
    else if (foreign && this.#mode === 'off') this.#mode = 'auto'
    return foreign
  }

  #followCarrier(again = false): void {
    const [a, b] = this.taps
    const on = wantedCarrier(this.#mode, a.state.up, b.state.up)
    const changed = on !== this.#carrier
    if (!changed && !again) return
    this.#carrier = on
    const { home, tell } = this.#context
    setCarrier(home, this.taps, this.#state, on, () => this.#drain())
    if (changed) tell({ event: 'carrier', handle: this.handle, on })
  }
}

function aliasFor({ name, netns }: EndState): string {
  return `uveth peer ${name}${netns === null ? '' : ` netns ${netns}`}`
}

function closeTaps(taps: Tap[]): Promise<void> {
  const fds = taps.flatMap((tap) => tap.fds)
  for (const fd of fds) unwatch(fd)
  return new Promise((done) => closeFds(fds, done))
}
