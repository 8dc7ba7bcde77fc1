// The pairs that the soak changes, with one face: of a daemon, by HTTP, or of the library in this process, which
// alone can have hooks of a user's. Ends are 0 and 1. Nothing is remembered that the pair itself knows.

import { createPair } from 'uveth'

const LETTERS = /** @type {const} */ (['a', 'b'])
/** Looks at every frame, and lets it pass. */
const HOOK = new URL('looks.mjs', import.meta.url)

/** @typedef {0 | 1} Which an end */
/** @typedef {{ id: string, places: [string, string], addresses: [string, string], queues: number }} Wish */

/** @param {Wish} wish @param {Which} end */
function endOf({ id, places, addresses }, end) {
  return { name: `${id}${LETTERS[end]}`, netns: places[end], address: addresses[end], up: true }
}

export class DaemonLine {
  inLibrary = false
  #daemon

  /** @param {import('./ground.mjs').Daemon} daemon @param {Wish} wish */
  constructor(daemon, wish) {
    this.#daemon = daemon
    this.wish = wish
    this.path = `/v1/pairs/id:${wish.id}`
  }

  /** @param {import('./ground.mjs').Daemon} daemon @param {Wish} wish */
  static async make(daemon, wish) {
    const { id, queues } = wish
    const order = { id, queues, quiet: true, a: endOf(wish, 0), b: endOf(wish, 1) }
    await daemon.ask('POST', '/v1/pairs', order)
    return new DaemonLine(daemon, wish)
  }

  stats() {
    return this.#daemon.ask('GET', `${this.path}/stats`)
  }

  view() {
    return this.#daemon.ask('GET', this.path)
  }

  /** @param {Which} end */
  async #path(end) {
    const { name, netns } = (await this.view())[LETTERS[end]]
    return `/v1/ends/${encodeURIComponent(`${name}@${netns}`)}`
  }

  /** @param {Which} end @param {object} settings */
  async set(end, settings) {
    await this.#daemon.ask('PATCH', this.path, { [LETTERS[end]]: settings })
  }

  /** @param {'on' | 'off' | 'auto'} carrier */
  async carrier(carrier) {
    await this.#daemon.ask('PATCH', this.path, { carrier })
  }

  /** @param {number} ms @param {number} times */
  async flap(ms, times) {
    await this.#daemon.ask('POST', `${this.path}/flap`, { ms, times })
  }

  /** @param {Which} end @param {object | null} wish */
  async impair(end, wish) {
    const path = `${await this.#path(end)}/impair`
    await (wish === null ? this.#daemon.ask('DELETE', path) : this.#daemon.ask('PUT', path, wish))
  }

  /** @param {Which} end @param {object} rule */
  async addRule(end, rule) {
    await this.#daemon.ask('POST', `${await this.#path(end)}/rules`, rule)
  }

  /** @param {Which} end @param {number} id */
  async removeRule(end, id) {
    await this.#daemon.ask('DELETE', `${await this.#path(end)}/rules/${id}`)
  }

  /** @param {Which} end */
  async clear(end) {
    const path = await this.#path(end)
    await this.#daemon.ask('DELETE', `${path}/impair`)
    await this.#daemon.ask('DELETE', `${path}/rules`)
  }

  /** @param {number} ms */
  async capture(ms) {
    const stream = await this.#daemon.open(`${this.path}/capture`)
    let bytes = 0
    stream.on('data', (part) => {
      bytes += part.length
    })
    await new Promise((resolve) => setTimeout(resolve, ms))
    stream.destroy()
    if (bytes === 0) throw new Error('an empty capture')
  }

  async close() {
    await this.#daemon.ask('DELETE', this.path)
  }
}

export class LibraryLine {
  inLibrary = true
  #pair

  /** @param {import('uveth').Pair} pair @param {Wish} wish */
  constructor(pair, wish) {
    this.#pair = pair
    this.wish = wish
  }

  /** @param {Wish} wish */
  static async make(wish) {
    const pair = await createPair({ quiet: true, queues: wish.queues, a: endOf(wish, 0), b: endOf(wish, 1) })
    return new LibraryLine(pair, wish)
  }

  async stats() {
    return await this.#pair.stats()
  }

  async view() {
    return this.#pair
  }

  /** @param {Which} end */
  #end(end) {
    return end === 0 ? this.#pair.a : this.#pair.b
  }

  /** @param {Which} end @param {{ netns?: string }} settings */
  async set(end, { netns, ...settings }) {
    await (netns === undefined ? this.#end(end).set(settings) : this.#end(end).move(netns, settings))
  }

  /** @param {'on' | 'off' | 'auto'} carrier */
  async carrier(carrier) {
    await this.#pair.setCarrier(carrier)
  }

  /** @param {number} ms @param {number} times */
  async flap(ms, times) {
    await this.#pair.flap(ms, times)
  }

  /** @param {Which} end @param {object | null} wish */
  async impair(end, wish) {
    await this.#end(end).impair(wish)
  }

  /** @param {Which} end @param {any} rule */
  async addRule(end, { action, match }) {
    this.#end(end).addRule(action, match)
    await this.#end(end).settled()
  }

  /** @param {Which} end @param {number} id */
  async removeRule(end, id) {
    this.#end(end).removeRule(id)
  }

  /** @param {Which} end */
  async clear(end) {
    await this.#end(end).impair(null)
    for (const { id } of this.#end(end).rules()) this.#end(end).removeRule(id)
    await this.#end(end).settled()
  }

  /** @param {number} ms */
  async capture(ms) {
    const seen = this.#pair.sightings()
    await new Promise((resolve) => setTimeout(resolve, ms))
    await seen.return()
  }

  /** @param {Which} end @param {number} ms */
  async hook(end, ms) {
    const hook = await this.#end(end).use(HOOK)
    await new Promise((resolve) => setTimeout(resolve, ms))
    await hook[Symbol.asyncDispose]()
  }

  async close() {
    await this.#pair.close()
  }
}
