// The routes that somebody has given a TAP, as far as they are kept: when they are asked for again, since they may be
// others. The kernel does not tell of each that goes. Made by tap.ts, one for each; it asks nobody itself.

import { placeOf } from '../netlink/routes.js'
import type { Hint } from './device.js'

/** More are a router's, and its own to give: 10,000 took 130 ms of CPU time whenever one of them changed. */
const MOST = 1_000
/** Looks, of those that are taken where the kernel tells nothing: to ask is to enter a namespace, in a thread of its own. */
const SELDOM = 10

export class KeptRoutes {
  /** undefined: of one that was adopted nobody has asked yet. */
  known: readonly Uint8Array[] | undefined = []
  #due = false
  /** They are not kept, and not asked for, until they are gone. */
  #many = false
  #looks = 0
  /** It was down, if only for a moment. */
  #fell = false
  /** Where they stand. */
  #places: ReadonlySet<string> | undefined

  /** Of one that has been given these, or is there already: to be asked for. */
  static of(known: readonly Uint8Array[] | undefined): KeptRoutes {
    const routes = new KeptRoutes()
    routes.known = known
    routes.#due = true
    return routes
  }

  /** False: it says nothing about these. */
  hear(hint: Hint): boolean {
    if (hint.of === 'route' && !this.#standsAt(hint.place)) return false
    if (hint.of === 'all' || hint.of === 'route' || (hint.of === 'link' && hint.routes)) this.#due = true
    if (hint.of === 'away' && ++this.#looks % SELDOM === 0) this.#due = true
    if (hint.of === 'all' || (hint.of === 'link' && hint.down)) this.#fell = true
    return true
  }

  /** Those that there are now. `readdressed`, `switched`, `moved`: what they stood on may have gone, or has. */
  look(
    { readdressed, switched, moved }: Record<'readdressed' | 'switched' | 'moved', boolean>,
    ask: () => Uint8Array[] | undefined,
  ): void {
    const fell = this.#fell || switched
    this.#fell = false
    const some = this.known === undefined || this.known.length > 0
    // Where it came to nobody may have been listening.
    const due = moved || (this.#many ? fell : this.#due || (some && (fell || readdressed)))
    if (!due) return
    this.#due = false
    const found = ask()
    if (found === undefined) return
    this.#many = found.length > MOST
    this.known = this.#many ? [] : found
    this.#places = undefined
  }

  #standsAt(place: string): boolean {
    this.#places ??= new Set(this.known?.map(placeOf))
    return this.#places.has(place)
  }
}
