// The probes of one direction. inspector.ts shows them what the end has sent, sender.ts what was delivered of it, and
// who reads them hears of it at the end of each burst. Nothing here allocates for a frame.

import type { Burst } from '../frame/burst.js'
import type { Watcher } from '../hooks/watch.js'
import type { Probe, Told } from './probe.js'

export class Probes {
  list: readonly Probe[] = []
  readonly #end: 0 | 1
  readonly #watcher: Watcher

  /** `end` is the one that sends. */
  constructor({ end, watcher }: { end: 0 | 1; watcher: Watcher }) {
    this.#end = end
    this.#watcher = watcher
  }

  get count(): number {
    return this.list.length
  }

  /** Is a reader that has fallen behind waited for? Then a moment has passed. */
  wait(): boolean {
    for (const probe of this.list) if (probe.wait(this.#end)) return true
    return false
  }

  sent(burst: Burst): void {
    for (const probe of this.list) probe.sent(burst, this.#end)
  }

  /** As Probe.delivered(), to the peer. */
  delivered(bytes: Uint8Array, start: number, length: number, told: Told, verdict: number): void {
    for (const probe of this.list) {
      probe.delivered(this.#end === 0 ? 1 : 0, bytes, start, length, told, verdict)
    }
  }

  /** A reader that sleeps on the ring is awake now; another one gets a message. */
  flush(): void {
    for (const probe of this.list) if (probe.flush()) this.#watcher.frames(probe.plan.id)
  }
}
