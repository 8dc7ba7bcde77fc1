// The setting of most tests: two namespaces and a quiet pair between them. `await using cable = await Cable.lay()`
// has a packet socket on each end; `Cable.addressed()` has addresses for programs instead, and nothing that keeps
// its namespaces. And what a pair says, and a stream of numbered frames over it. Built from the public library,
// the `ip` program and packet sockets only.

import {
  createPair,
  type EndOptions,
  type EndStats,
  type Pair,
  type PairEvents,
  type PairOptions,
} from 'uveth'
import { Ledger, numbered } from './frames.js'
import { type IpLink, Netns } from './netns.js'
import { PacketSocket } from './packet.js'

interface Ends {
  a?: EndOptions
  b?: EndOptions
}
type CableOptions = Omit<PairOptions, 'a' | 'b'> & Ends

/** IPv4 addresses of the ends of an addressed cable. */
export const A = '10.77.0.1'
export const B = '10.77.0.2'

/** Options of a quiet pair, both ends up unless said otherwise: `x0` in `left`, `x1` in `right`. */
export function between(
  left: Netns,
  right: Netns,
  { a, b, ...options }: CableOptions = {},
): PairOptions & { a: EndOptions; b: EndOptions } {
  return {
    quiet: true,
    ...options,
    a: { name: 'x0', netns: left.name, up: true, ...a },
    b: { name: 'x1', netns: right.name, up: true, ...b },
  }
}

/** 10.77.`net`.1 and .2, and the same in IPv6, for the ends of a cable; `ends` changes that. */
export function addressed({ a, b }: Ends = {}, net = 0): { a: EndOptions; b: EndOptions } {
  const of = (host: number) => ({ addresses: [`10.77.${net}.${host}/24`, `fd77:${net}::${host}/64`] })
  return { a: { ...of(1), ...a }, b: { ...of(2), ...b } }
}

export class Cable implements AsyncDisposable {
  readonly left: Netns
  readonly right: Netns
  readonly pair: Pair
  #sockets: { a: PacketSocket; b: PacketSocket } | undefined

  private constructor(left: Netns, right: Netns, pair: Pair) {
    this.left = left
    this.right = right
    this.pair = pair
  }

  /** With a packet socket on each end. */
  static async lay(options: CableOptions = {}): Promise<Cable> {
    const cable = await Cable.#between(options)
    const { left, right, pair } = cable
    cable.#sockets = { a: PacketSocket.open(left, pair.a.name), b: PacketSocket.open(right, pair.b.name) }
    return cable
  }

  /** With addresses, for programs: no descriptor of this process keeps a namespace alive. */
  static async addressed(ends: Ends = {}): Promise<Cable> {
    return await Cable.#between(addressed(ends))
  }

  static async #between(options: CableOptions): Promise<Cable> {
    const left = Netns.create('left')
    const right = Netns.create('right')
    try {
      return new Cable(left, right, await createPair(between(left, right, options)))
    } catch (error) {
      left[Symbol.dispose]()
      right[Symbol.dispose]()
      throw error
    }
  }

  /** On end a, which stands in `left`. */
  get a(): PacketSocket {
    return this.#socket('a')
  }

  /** On end b, in `right`. */
  get b(): PacketSocket {
    return this.#socket('b')
  }

  #socket(end: 'a' | 'b'): PacketSocket {
    if (this.#sockets === undefined) throw new Error('this cable was laid without packet sockets')
    return this.#sockets[end]
  }

  /** What `ip` says of each end. */
  links(): { a: IpLink; b: IpLink } {
    return { a: this.left.link(this.pair.a.name), b: this.right.link(this.pair.b.name) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sockets?.a.close()
    this.#sockets?.b.close()
    await this.pair.close()
    this.left[Symbol.dispose]()
    this.right[Symbol.dispose]()
  }
}

/** Everything that the pair says from now on, with an end by its letter. */
export function listen(pair: Pair): Record<string, unknown>[] {
  const seen: Record<string, unknown>[] = []
  const note = (event: keyof PairEvents) =>
    pair.on(event, (detail: { end?: unknown }) => {
      const end = detail.end ? { end: detail.end === pair.a ? 'a' : 'b' } : {}
      seen.push({ event, ...detail, ...end })
    })
  for (const event of ['carrier', 'renamed', 'moved', 'closed'] as const) note(event)
  return seen
}

export interface Stream {
  /** Frames of each flow. */
  count: number
  /** Numbers of the flows; the frames of each follow one another in turn. */
  flows?: number[]
  /** Bytes of a frame: of its nth one, where it is a function. */
  length?: number | ((n: number) => number)
  /**
   * Frames under way at most. Half of a TAP's ring: so nothing overflows, however long the forwarder
   * has to wait for a processor.
   */
  window?: number
}

/** ms without a frame, after which the rest counts as lost. */
const PATIENCE = 5_000

/** Sends numbered frames into one socket, takes them out of the other; answers what came. */
export async function stream(from: PacketSocket, to: PacketSocket, wish: Stream): Promise<Ledger> {
  const { count, flows = [0], length = 100, window = 500 } = wish
  const lengthOf = typeof length === 'number' ? () => length : length
  const total = count * flows.length
  const ledger = new Ledger()
  for (let sent = 0; ledger.arrived < total; ) {
    for (; sent < total && sent - ledger.arrived < window; sent++) {
      const number = Math.floor(sent / flows.length)
      from.send(numbered(flows[sent % flows.length] as number, number, lengthOf(number)))
    }
    const frame = await to.receive(PATIENCE)
    if (frame === undefined) break
    ledger.enter(frame)
  }
  return ledger
}

/** The statistics of both ends once nothing has moved for a while: traffic is at rest. */
export async function atRest(pair: Pair): Promise<{ a: EndStats; b: EndStats }> {
  for (let before = ''; ; ) {
    const stats = await pair.stats()
    const now = JSON.stringify(stats)
    if (now === before) return stats
    before = now
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
