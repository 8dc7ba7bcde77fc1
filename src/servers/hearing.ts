// Who is heard in one turn of the netlink port: all of who may order, a few messages of who may not, and then no more of
// them. Made by netlink.ts for each turn, so that nothing is remembered of a process that may be another one by then.

import type { Datagram, Past } from '../netlink/user-socket.js'
import { lookingOnce, type Standing } from './authority.js'

/**
 * Messages of one user's, who may not order, that are answered in a turn. The rest of a flood is thrown away unread, as at a full
 * socket: so what stands behind it is soon reached.
 */
const REFUSED_PER_TURN = 16

export class Hearing {
  readonly #standingOf: (sender: Datagram) => Standing
  /** Messages that were answered, by user. */
  readonly #answered = new Map<number, number>()
  #refused = 0
  /** For NetlinkPort.receive(): who is heard no more. */
  readonly past: Past = { processes: new Int32Array(0), thrown: 0 }

  constructor(standingOf: (sender: Datagram) => Standing = lookingOnce()) {
    this.#standingOf = standingOf
  }

  /** Datagrams of who may not order, answered or thrown away. */
  get refused(): number {
    return this.#refused + this.past.thrown
  }

  /** How many messages of a datagram are heard (0: none is to be read), and whether they are carried out, or refused. */
  hear(datagram: Datagram): { may: boolean; most: number } {
    const standing = this.#standingOf(datagram)
    if (standing === 'admin') return { may: true, most: Number.POSITIVE_INFINITY }
    this.#refused++
    const { uid, pid } = datagram
    const most = REFUSED_PER_TURN - (this.#answered.get(uid) ?? 0)
    if (most <= 0 && standing === 'unable')
      this.past.processes = Int32Array.from([...this.past.processes, uid, pid])
    return { may: false, most: Math.max(0, most) }
  }

  /** That so many of them were read. One that holds none counts as well. */
  answered({ uid }: Datagram, messages: number): void {
    this.#answered.set(uid, (this.#answered.get(uid) ?? 0) + Math.max(1, messages))
  }
}
