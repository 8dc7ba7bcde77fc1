// What a lane of an inspected direction holds, between the chain and the port: kept by held.ts until its time, then sent by
// sender.ts, or dropped where there is no carrier. Used by lane.ts. Nothing here allocates for a frame.

import type { Burst } from '../frame/burst.js'
import { BURST } from '../frame/slab.js'
import { load } from '../frame/words.js'
import { PART_HELD, type PartCounts } from '../hooks/impairment.js'
import { NOW, type Slot } from '../hooks/slot.js'
import type { Chunk } from './cells.js'
import * as count from './counters.js'
import { Held, type HeldFrame, LEAST } from './held.js'
import type { Port } from './port.js'
import type { Sender } from './sender.js'

/** What it is wired to: the shared words of the pair, its counters, and where frames go. */
export interface HoldingWiring {
  readonly state: count.StateWords
  readonly counters: count.Counters
  readonly ports: readonly Port[]
}

/** ms after which the memory of what was held is given back: a direction that holds frames now and then keeps it. */
const REST = 1_000

export class Holding {
  /** Frames held at most, as far as memory goes. An impairment drops what goes beyond its own: its rate is not charged. */
  limit = Number.POSITIVE_INFINITY
  readonly #held: Held
  readonly #wiring: HoldingWiring
  readonly #sender: Sender
  /** ms, performance.now(), when memory is given back, if nothing is held then; Infinity if there is none. */
  #rest = Number.POSITIVE_INFINITY
  /** Frames of a set of impairments that was replaced: they came before this arrival, and the last one is due then. */
  #before = 0
  #behind = Number.NEGATIVE_INFINITY
  /** Frames of it among those that the direction is counted to hold. */
  #counted = 0
  #ofRule: PartCounts | undefined

  constructor(wiring: HoldingWiring, sender: Sender, held = new Held()) {
    this.#wiring = wiring
    this.#sender = sender
    this.#held = held
  }

  /** Where a rule counts what is held of its frames. */
  set part(counts: PartCounts) {
    this.#ofRule = counts
    this.#count()
  }

  /** Frames held. */
  get count(): number {
    return this.#held.frames
  }

  /** When the next frame is due, in ms; when none is held, and memory is: when that is given back. */
  get next(): number {
    return this.#held.count === 0 ? this.#rest : this.#held.next
  }

  /** The set that has held frames is another one now. `kept`: the frames that it judges do not overtake those. */
  replaced(kept: boolean): void {
    this.#before = this.#held.arrivals
    this.#behind = kept ? this.#held.last : Number.NEGATIVE_INFINITY
  }

  /** Would a frame that leaves at `due` overtake one of a set that was replaced? */
  overtakes(due: number): boolean {
    return due < this.#behind
  }

  /** Those leave before a frame that leaves at `due`; `now`: that is at once, if `slot` lets them. */
  hasten(due: number, now: boolean, slot: Slot | undefined): void {
    this.#held.hasten(this.#before, due)
    this.#behind = due
    if (now) this.release(due, slot)
  }

  /**
   * Holds frame `frame` of a burst and its copies, as long as the burst says, for queue `queue`; of the copies as
   * many as there is room for. False when there is none for the frame itself. `ruled`: the ms, by frame, that rules
   * alone hold it; undefined where nothing else does.
   */
  hold(burst: Burst, frame: number, queue: number, ruled: Float64Array | undefined): boolean {
    if (this.#held.frames >= this.limit) return false
    const waits = ruled ?? burst.delays
    this.#held.times[LEAST] = burst.now + waits[frame]
    const done = this.#held.holdOf(burst, frame, queue)
    this.#count()
    return done
  }

  /** Holds the copy of frame `frame` that has a time of its own. */
  holdCopy(burst: Burst, frame: number, queue: number, ruled: Float64Array | undefined): void {
    const waits = ruled ?? burst.copyDelays
    this.#held.times[LEAST] = burst.now + waits[frame]
    this.#held.holdCopy(burst, frame, queue)
    this.#count()
  }

  /** The same for `count` neighbours with one time. How many of them are held. */
  holdRun(
    burst: Burst,
    frame: number,
    count: number,
    queue: number,
    ruled: Float64Array | undefined,
  ): number {
    const most = Math.min(count, this.limit - this.#held.frames)
    if (most <= 0) return 0
    const waits = ruled ?? burst.delays
    this.#held.times[LEAST] = burst.now + waits[frame]
    const done = this.#held.holdRun(burst, frame, most, queue)
    this.#count()
    return done ? most : 0
  }

  /** To be called when a burst has been held: its memory may be used again. */
  flush(): void {
    this.#held.flush()
  }

  /** Sends what is due, and what `slot` lets pass. How many frames that were. */
  release(now: number, slot: Slot | undefined): number {
    const held = this.#held
    const sender = this.#sender
    let released = 0
    held.flush()
    held.clock[NOW] = now
    while (held.isDue()) {
      const queue = held.nextQueue
      const chunk = held.nextChunk
      while (held.isDue() && held.nextQueue === queue && held.nextChunk === chunk && sender.staged < BURST) {
        if (slot !== undefined && !slot.allows(held.clock, held.nextLength)) break
        this.#stage(chunk)
      }
      if (sender.staged === 0) break
      for (let at = 0; at < sender.staged; at++) released += sender.frames[at]
      this.#part(chunk, queue, load(this.#wiring.state, count.CARRIER) !== 0)
    }
    // Also while nothing is due: as often as netem looks at its queue, so that slots are as far apart as they are there.
    if (slot !== undefined && held.count > 0 && !held.isDue()) slot.look(held.clock)
    if (released > 0) this.#count()
    else if (held.count === 0 && now >= this.#rest) this.clear()
    return released
  }

  /** Nothing is held, and is not going to be: memory is given back. */
  clear(): void {
    this.#held.clear()
    this.#rest = Number.POSITIVE_INFINITY
  }

  /** Drops all of it: carrier comes on, and nothing that was sent before is to be delivered. */
  discard(): void {
    const held = this.#held
    while (held.count > 0) {
      const chunk = held.nextChunk
      while (held.count > 0 && held.nextChunk === chunk && this.#sender.staged < BURST) this.#stage(chunk)
      this.#part(chunk, 0, false)
    }
    this.#count()
  }

  /** Leaves all of it to another thread. */
  export(): HeldFrame[] {
    this.#wiring.counters[count.HELD] -= this.#counted
    this.#counted = 0
    const frames = this.#held.export(performance.now())
    this.clear()
    return frames
  }

  /** Goes on with what another thread has held. */
  import(frames: HeldFrame[]): void {
    // Spread over several threads again, this one may not have the queue that a frame came by.
    const last = this.#wiring.ports.length - 1
    const moved = frames.map((frame) => ({ ...frame, queue: Math.min(frame.queue, last) }))
    this.#wiring.counters[count.DROPPED_LIMIT] += this.#held.import(moved, performance.now())
    this.#count()
  }

  /** Takes the next frame, which stands in `chunk`, out of the order. */
  #stage(chunk: Chunk): void {
    const held = this.#held
    const at = this.#sender.stage(chunk, held.nextStart, held.nextLength)
    held.tell(this.#sender, at)
    held.pop()
  }

  /** What was staged in a chunk goes, or is dropped; its cells are free. */
  #part(chunk: Chunk, queue: number, carrier: boolean): void {
    const sender = this.#sender
    const { staged } = sender
    if (carrier) sender.send(chunk, queue)
    else sender.drop(chunk)
    for (let at = 0; at < staged; at++) this.#held.free(chunk, chunk.starts[at])
  }

  #count(): void {
    const { frames } = this.#held
    this.#wiring.counters[count.HELD] += frames - this.#counted
    this.#counted = frames
    if (this.#ofRule !== undefined) this.#ofRule[PART_HELD] = frames
    if (this.#held.count === 0)
      this.#rest = this.#held.grown ? performance.now() + REST : Number.POSITIVE_INFINITY
  }
}
