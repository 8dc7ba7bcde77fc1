// How often something that is served again was lost: the link thread (link.ts), a pair's worker (linked-pair.ts). Time
// forgives, since a daemon runs for years; what dies of what it serves does so again at once, and is given up.

/** So many at once: it may be one of the pairs that threads die of. */
const MOST = 8
/** ms after which one of them is forgiven. */
const FORGIVEN = 60_000

export class Losses {
  #count = 0
  /** ms: when the last one was forgiven, or the first one came. */
  #since = 0

  /** Counts one. Whether these are too many. */
  tooMany(): boolean {
    const now = performance.now()
    const forgiven = Math.min(this.#count, Math.floor((now - this.#since) / FORGIVEN))
    this.#count -= forgiven
    this.#since = this.#count === 0 ? now : this.#since + forgiven * FORGIVEN
    return ++this.#count > MOST
  }
}
