// How many orders of one client are being carried out: so that one that gives thousands at once keeps no other waiting.
// Used by http.ts. A client is a process, whatever connections it has; one that cannot be told (of another pid
// namespace) is its connection.

import type { Socket } from 'node:net'
import { peerOf } from '../orders/caller.js'
import { keepTo } from '../wishes/limits.js'

export class Clients {
  readonly #orders = new Map<number | Socket, number>()

  /** Refuses it when as many as may be are being carried out. */
  async during<T>(socket: Socket, order: () => Promise<T>): Promise<T> {
    const client = peerOf(socket) || socket
    const orders = (this.#orders.get(client) ?? 0) + 1
    keepTo('orders', orders)
    this.#orders.set(client, orders)
    try {
      return await order()
    } finally {
      const left = (this.#orders.get(client) ?? 1) - 1
      if (left === 0) this.#orders.delete(client)
      else this.#orders.set(client, left)
    }
  }
}
