// One side of a pair: a network interface as its user sees it. Mirrors what the link thread reports
// and passes orders on. Made by pair.ts only.

import type { Link } from './link/client.js'
import type { EndChange, EndState } from './link/protocol.js'
import { type EndSettings, type Netns, netnsPath, planChange } from './options.js'

/** What an end needs to know of the pair that it is a side of. */
interface Sides {
  readonly a: End
  readonly b: End
  readonly carrier: boolean
}

export class End {
  readonly #pair: Sides
  readonly #index: 0 | 1
  readonly #link: Link
  readonly #handle: number
  #state: EndState

  /** @internal */
  constructor(pair: Sides, index: 0 | 1, link: Link, handle: number, state: EndState) {
    this.#pair = pair
    this.#index = index
    this.#link = link
    this.#handle = handle
    this.#state = state
  }

  /** The interface's name now; others may have renamed it. */
  get name(): string {
    return this.#state.name
  }

  /** Its index in the namespace that it is in. */
  get ifindex(): number {
    return this.#state.ifindex
  }

  /** A name under /run/netns, null for the namespace this process started in, otherwise `net:[inode]`. */
  get netns(): string | null {
    return this.#state.netns
  }

  /** Inode of that namespace, as `ls -i /run/netns` shows it. */
  get netnsInode(): number {
    return this.#state.netnsInode
  }

  get mac(): string {
    return this.#state.mac
  }

  /** L3 payload in bytes. */
  get mtu(): number {
    return this.#state.mtu
  }

  /** Admin up (IFF_UP). */
  get isUp(): boolean {
    return this.#state.up
  }

  /** IFF_* of the kernel, as it last told them. */
  get flags(): number {
    return this.#state.flags
  }

  /** Frames that the kernel keeps before it drops. */
  get txQueueLength(): number {
    return this.#state.txQueueLength
  }

  /** The link signal; both ends always have the same. */
  get carrier(): boolean {
    return this.#pair.carrier
  }

  get peer(): End {
    return this.#index === 0 ? this.#pair.b : this.#pair.a
  }

  /** Sets the link up. Resolved means usable: if the peer is up too, both show operstate UP. */
  up(): Promise<void> {
    return this.#change({ up: true })
  }

  /** Sets the link down; both ends have lost carrier when it resolves. */
  down(): Promise<void> {
    return this.#change({ up: false })
  }

  /** EEXIST for a taken name. Does not interrupt forwarding. */
  rename(name: string): Promise<void> {
    return this.set({ name })
  }

  /** Changes what is given, in the order name, mac, mtu, txQueueLength, up, addresses (which are added). */
  async set(settings: EndSettings): Promise<void> {
    await this.#change(planChange(settings, this.#label))
  }

  /**
   * Moves the interface to another namespace, as `ip link set … netns` does: it is down and has no
   * addresses there, unless `settings` say otherwise. The pair, its counters and its id stay.
   */
  async move(netns: Netns, settings: EndSettings = {}): Promise<void> {
    const path = netnsPath(netns, `${this.#label}.netns`)
    await this.#change({ ...planChange(settings, this.#label), netns: path })
  }

  /** @internal Takes over what the link thread reports; the state before. */
  update(state: EndState): EndState {
    const before = this.#state
    this.#state = state
    return before
  }

  get #label(): string {
    return this.#index === 0 ? 'a' : 'b'
  }

  async #change(change: EndChange): Promise<void> {
    await this.#link.request({ op: 'change', handle: this.#handle, end: this.#index, change })
  }
}
