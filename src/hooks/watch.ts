// Frames that somebody waits for, or wants a copy of. A hook that gives no verdicts: it stands at the head
// of the chain, and sees what the end has sent before any fault touches it.

import type { MatchPlan } from '../faults/match-plan.js'
import type { Burst } from '../frame/burst.js'
import { type RingReader, RingWriter } from '../ring/ring.js'
import type { Hook } from './hook.js'
import { Matcher } from './matcher.js'

/** What a watch found: a copy of the frame, or that its ring is not empty any more. */
export interface Watcher {
  frame(id: number, frame: Uint8Array): void
  frames(id: number): void
}

interface Watch {
  id: number
  match: MatchPlan
  matcher: Matcher
  shared: SharedArrayBuffer | undefined
  ring: RingWriter | undefined
}

/** Enough to go on elsewhere. */
export interface WatchState {
  id: number
  match: MatchPlan
  /** Frames that it has met so far: nth, every and first count them. */
  matched: number
  ring: SharedArrayBuffer | undefined
}

export class Watches implements Hook {
  readonly #watcher: Watcher
  #deep = false
  #watches: Watch[] = []

  constructor(watcher: Watcher) {
    this.#watcher = watcher
  }

  get count(): number {
    return this.#watches.length
  }

  add(id: number, match: MatchPlan, shared: SharedArrayBuffer | undefined, matched = 0): void {
    const ring = shared && new RingWriter(shared)
    this.#replace([...this.#watches, { id, match, matcher: new Matcher(match, matched), shared, ring }])
  }

  remove(id: number): void {
    this.#replace(this.#watches.filter((watch) => watch.id !== id))
  }

  judge(burst: Burst): void {
    for (let frame = 0; frame < burst.count; frame++) {
      const packet = burst.packet(frame, this.#deep)
      // Backwards: a watch that has found its frame is taken out.
      for (let at = this.#watches.length - 1; at >= 0; at--) {
        const watch = this.#watches[at] as Watch
        if (watch.matcher.hit(packet)) this.#found(watch, burst, frame)
      }
    }
  }

  state(): WatchState[] {
    return this.#watches.map(({ id, match, matcher, shared }) => ({
      id,
      match,
      matched: matcher.matched,
      ring: shared,
    }))
  }

  #replace(watches: Watch[]): void {
    this.#watches = watches
    this.#deep = watches.some(({ matcher }) => matcher.deep)
  }

  #found({ id, ring }: Watch, burst: Burst, frame: number): void {
    const start = burst.made(frame)
    const length = burst.lengths[frame]
    if (ring === undefined) {
      this.remove(id)
      this.#watcher.frame(id, burst.memory.slice(start, start + length))
      return
    }
    const at = ring.reserve(4 + length)
    if (at < 0) return
    ring.words[at >> 2] = length
    const last = (length + 3) >> 2
    const target = (at >> 2) + 1
    for (let i = 0, source = start >> 2; i < last; i++) ring.words[target + i] = burst.memoryWords[source + i]
    if (ring.publish()) this.#watcher.frames(id)
  }
}

/** The other side of a watch's ring: a copy of the next frame, undefined when there is none now. */
export function nextFrame(ring: RingReader): Uint8Array | undefined {
  const at = ring.next()
  if (at < 0) return undefined
  const frame = ring.bytes.slice(at + 4, at + 4 + ring.words[at >> 2])
  ring.release()
  return frame
}
