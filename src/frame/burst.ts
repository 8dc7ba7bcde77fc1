// What hooks see: the wire frames of one burst of one direction, and the verdict on each. Made once for
// each direction and filled again for every burst: nothing of it outlives the call. A leaf.
//
// Frames stand in `bytes`; frame i is `lengths[i]` bytes from `starts[i]` (destination MAC first, no
// virtio-net header), a single wire frame with finished checksums. Times are milliseconds of
// `performance.now()` of the thread that runs the loop.

import { CAUSES, type Cause } from './cause.js'
import { BURST, HEADROOM, KEPT_OFFSET, SLAB_BYTES, SLOTS_OFFSET, type Slab, VNET_HDR_LEN } from './slab.js'

/** A verdict: pass, or 1 + the index of a cause of CAUSES. */
export const PASS = 0

/** No frame starts before. */
const FIRST_FRAME = SLOTS_OFFSET + HEADROOM

/** The verdict for each cause. */
export const DROPPED = Object.fromEntries(CAUSES.map((cause, index) => [cause, index + 1])) as Record<
  Cause,
  number
>

export class Burst {
  bytes: Uint8Array = new Uint8Array(0)
  /** The same memory in words of 4 bytes; every frame starts at a multiple of 64. */
  words: Int32Array = new Int32Array(0)
  /** Frames in it. */
  count = 0
  /** ms; when the burst was received. */
  now = 0
  readonly starts = new Int32Array(BURST)
  readonly lengths = new Int32Array(BURST)
  /** Where each frame stands as the end has sent it, and how long it was then: for captures. */
  readonly sentStarts = new Int32Array(BURST)
  readonly sentLengths = new Int32Array(BURST)
  /** Number of each frame in its direction, counted from 0 since the direction is inspected. */
  readonly numbers = new Float64Array(BURST)
  readonly verdicts = new Uint8Array(BURST)
  /** ms that each frame is to be held; 0: sent at once, in front of what is held. */
  readonly delays = new Float64Array(BURST)
  /** Further copies of each frame, sent right behind it. */
  readonly copies = new Uint8Array(BURST)
  /** Why a frame was dropped or changed, for captures; undefined where the cause says it all. */
  readonly reasons: (string | undefined)[] = new Array<string | undefined>(BURST).fill(undefined)
  #spill = SLAB_BYTES

  /** Begins a burst of frames that stand in `slab`. */
  begin(slab: Pick<Slab, 'bytes' | 'words'>, now: number): void {
    this.bytes = slab.bytes
    this.words = slab.words
    this.now = now
    this.count = 0
    this.#spill = SLAB_BYTES
  }

  /** Adds a frame, with the verdict "pass". There is room for BURST of them. */
  push(start: number, length: number, number: number): void {
    const at = this.count++
    this.starts[at] = this.sentStarts[at] = start
    this.lengths[at] = this.sentLengths[at] = length
    this.numbers[at] = number
    this.verdicts[at] = PASS
    this.delays[at] = 0
    this.copies[at] = 0
    this.reasons[at] = undefined
  }

  /** Copies the frames as they are now to where captures look, before a hook that may change them. */
  keep(): void {
    const last = this.count - 1
    const first = this.starts[0]
    const end = this.starts[last] + this.lengths[last]
    this.bytes.copyWithin(KEPT_OFFSET + first, first, end)
    for (let frame = 0; frame <= last; frame++) this.sentStarts[frame] += KEPT_OFFSET
  }

  /** True while nobody has dropped it. */
  passes(frame: number): boolean {
    return this.verdicts[frame] === PASS
  }

  /** Drops it; counted under `cause`. `reason` is a fixed string that captures show beside the cause. */
  drop(frame: number, cause: Cause = 'hook', reason?: string): void {
    if (this.verdicts[frame] !== PASS) return
    this.verdicts[frame] = DROPPED[cause] ?? DROPPED.hook
    this.reasons[frame] = reason
  }

  /** Holds it for `ms` more milliseconds. */
  hold(frame: number, ms: number): void {
    this.delays[frame] += ms
  }

  /** Sends it once more (or `copies` times; 255 at most), right behind itself. */
  duplicate(frame: number, copies = 1): void {
    this.copies[frame] = Math.min(255, this.copies[frame] + copies)
  }

  /** A view of the frame's bytes: may be read and written, but not kept. Allocates the view. */
  frame(frame: number): Uint8Array {
    const start = this.starts[frame]
    return this.bytes.subarray(start, start + this.lengths[frame])
  }

  /** Puts other bytes in its place, of any length from 14. False, and dropped, when there is no room for them. */
  replace(frame: number, bytes: Uint8Array): boolean {
    if (bytes.length > this.lengths[frame]) {
      const start = this.#spill + HEADROOM
      const end = Math.ceil((start + bytes.length) / 64) * 64
      if (end > KEPT_OFFSET) {
        this.drop(frame, 'hook', 'no room for a longer frame')
        return false
      }
      // The virtio-net header of a wire frame is all zero, there as here.
      this.bytes.fill(0, this.#spill, start)
      this.starts[frame] = start
      this.#spill = end
    }
    this.bytes.set(bytes, this.starts[frame])
    this.lengths[frame] = bytes.length
    return true
  }

  /**
   * To be called after users' code, which may have written anything: `count` is what there was before. What
   * is no frame or no verdict any more is dropped; then false. A frame may begin elsewhere than it did: the
   * virtio-net header in front of it is one of a wire frame again.
   */
  mend(count: number): boolean {
    let whole = this.count === count
    this.count = count
    for (let frame = 0; frame < count; frame++) {
      if (this.#isWhole(frame)) {
        const start = this.starts[frame]
        if (start !== this.#sentStart(frame)) this.bytes.fill(0, start - VNET_HDR_LEN, start)
        continue
      }
      whole = false
      this.starts[frame] = FIRST_FRAME
      this.lengths[frame] = 0
      this.delays[frame] = 0
      this.verdicts[frame] = DROPPED.hook
      this.reasons[frame] = 'not a frame any more'
    }
    return whole
  }

  /** Where it began before any hook. */
  #sentStart(frame: number): number {
    return this.sentStarts[frame] % KEPT_OFFSET
  }

  #isWhole(frame: number): boolean {
    const start = this.starts[frame]
    const length = this.lengths[frame]
    const inside = start >= FIRST_FRAME && length >= 0 && start + length <= this.bytes.length
    const delay = this.delays[frame]
    const judged = this.verdicts[frame] <= CAUSES.length && delay >= 0 && delay < Number.POSITIVE_INFINITY
    return inside && judged && start % 4 === 0
  }
}
