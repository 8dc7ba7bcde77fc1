// The setting of most tests with traffic: two namespaces, a quiet pair between them, a packet socket on each
// end; and a stream of numbered frames over it. `await using cable = await Cable.lay()`. Built from the
// public library, the `ip` program and packet sockets only.

import { createPair, type EndOptions, type EndStats, type Pair, type PairOptions } from 'uveth'
import { Ledger, numbered } from './frames.js'
import { type IpLink, Netns } from './netns.js'
import { PacketSocket } from './packet.js'

type CableOptions = Omit<PairOptions, 'a' | 'b'> & { a?: EndOptions; b?: EndOptions }

export class Cable implements AsyncDisposable {
  readonly left: Netns
  readonly right: Netns
  readonly pair: Pair
  /** On end a, which stands in `left`. */
  readonly a: PacketSocket
  /** On end b, in `right`. */
  readonly b: PacketSocket

  private constructor(left: Netns, right: Netns, pair: Pair) {
    this.left = left
    this.right = right
    this.pair = pair
    this.a = PacketSocket.open(left, pair.a.name)
    this.b = PacketSocket.open(right, pair.b.name)
  }

  /** Both ends up unless said otherwise: `x0` in `left`, `x1` in `right`. */
  static async lay({ a, b, ...options }: CableOptions = {}): Promise<Cable> {
    const left = Netns.create('left')
    const right = Netns.create('right')
    try {
      const pair = await createPair({
        quiet: true,
        ...options,
        a: { name: 'x0', netns: left.name, up: true, ...a },
        b: { name: 'x1', netns: right.name, up: true, ...b },
      })
      return new Cable(left, right, pair)
    } catch (error) {
      left[Symbol.dispose]()
      right[Symbol.dispose]()
      throw error
    }
  }

  /** What `ip` says of each end. */
  links(): { a: IpLink; b: IpLink } {
    return { a: this.left.link(this.pair.a.name), b: this.right.link(this.pair.b.name) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.a.close()
    this.b.close()
    await this.pair.close()
    this.left[Symbol.dispose]()
    this.right[Symbol.dispose]()
  }
}

/** 10.77.`net`.1 and .2, and the same in IPv6, for the ends of a cable. */
export function addressed(net = 0): { a: EndOptions; b: EndOptions } {
  const of = (host: number) => ({ addresses: [`10.77.${net}.${host}/24`, `fd77:${net}::${host}/64`] })
  return { a: of(1), b: of(2) }
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
