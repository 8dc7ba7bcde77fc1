// What hooks see: the wire frames of one burst of one direction, and the verdict on each. Made once for
// each direction and filled again for every burst: nothing of it outlives the call. A leaf.
//
// A burst is of frames that stand in memory as the end has sent them, or of neighbouring wire frames of one
// super-frame, `whole`, from its `first`: those have lengths, numbers and headers, and no bytes of their own until
// somebody asks. Who asks gets bytes with a finished checksum (destination MAC first, no virtio-net header):
//
//   AS_SENT --made(), packet(deep)--> MADE --frame(), bytes, starts--> LENT --isPart()--> MADE or CHANGED
//      `------------------------------ replace(), changing() -------------------------------> CHANGED
//
// What is CHANGED travels alone; the others, as parts of a super-frame, in runs. A frame that is none leaves as it
// came, its checksum unfinished if nobody asked. Times are milliseconds of `performance.now()` of the loop's thread.
//
// For captures: before the verdicts are carried out, the burst's frames as the end sent them are
// `whole.cut(first + i)`, or, of a burst without `whole`, what stands at `sentStarts[i]`. `whole.write(to, at, first,
// count)` and `whole.payload(first, count)` bytes from `whole.payloadAt(first)` are the same as one super-frame, of
// which wire frame i (segment.ts) has verdicts[i], copies[i], delays[i], reasons[i] and numbers[i]. Frames that are
// none may be unfinished then, each with its virtio-net header in front of it (VNET_HDR_LEN bytes).

import { CAUSES, type Cause, DROPPED, PASS } from './cause.js'
import { ABSENT, FIELD, type FieldName, Packet } from './packet.js'
import { finishChecksum } from './segment.js'
import {
  BURST,
  HEADROOM,
  KEPT_OFFSET,
  MADE_BYTES,
  SLAB_BYTES,
  SLOTS_OFFSET,
  type Slab,
  VNET_HDR_LEN,
} from './slab.js'
import type { SuperFrame } from './super-frame.js'

/** No frame starts before. */
const FIRST_FRAME = SLOTS_OFFSET + HEADROOM

/** What has become of a frame's bytes. */
const AS_SENT = 0
const MADE = 1
const LENT = 2
const CHANGED = 3

export class Burst {
  /** The super-frame that all frames of the burst are of, and which of its wire frames is frame 0. */
  whole: SuperFrame | undefined
  first = 0
  /** What all frames of the burst stand in, once they have bytes; in words of 4 bytes, too. */
  memory: Uint8Array = new Uint8Array(0)
  memoryWords: Int32Array = new Int32Array(0)
  /** Frames in it. */
  count = 0
  /** ms; when the burst was received. */
  now = 0
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
  /** ms that the last copy of each frame is to be held on its own; 0: it goes with its frame. */
  readonly copyDelays = new Float64Array(BURST)
  /** Why a frame was dropped or changed, for captures; undefined where the cause says it all. */
  readonly reasons: (string | undefined)[] = new Array<string | undefined>(BURST).fill(undefined)
  readonly #starts = new Int32Array(BURST)
  readonly #states = new Uint8Array(BURST)
  readonly #checks = new Uint16Array(BURST)
  readonly #packet = new Packet()
  /** The frame that `#answer` has been read of; -1: of none, any more. */
  #asked = -1
  #answer = this.#packet
  #lent = false
  #spill = SLAB_BYTES

  /** Begins a burst of frames that stand in `slab`; `whole`: of wire frames of it, from `first`. */
  begin(slab: Pick<Slab, 'bytes' | 'words'>, now: number, whole?: SuperFrame, first = 0): void {
    this.memory = slab.bytes
    this.memoryWords = slab.words
    this.now = now
    this.count = 0
    this.whole = whole
    this.first = first
    this.#spill = SLAB_BYTES
    this.#lent = false
    this.#asked = -1
  }

  /** Adds a frame, with the verdict "pass". There is room for BURST of them. */
  push(start: number, length: number, number: number): void {
    const at = this.count++
    this.#starts[at] = this.sentStarts[at] = start
    this.lengths[at] = this.sentLengths[at] = length
    this.numbers[at] = number
    this.verdicts[at] = PASS
    this.delays[at] = 0
    this.copies[at] = 0
    this.copyDelays[at] = 0
    this.reasons[at] = undefined
    this.#states[at] = AS_SENT
  }

  /** Adds as many wire frames of `whole` as there are, and there is room for; the first one has `number`. Their bytes. */
  pushWhole(number: number): number {
    const whole = this.whole as SuperFrame
    const count = Math.min(BURST, whole.count - this.first)
    const most = whole.headers + whole.size
    let bytes = 0
    for (let at = 0; at < count; at++) {
      this.push(FIRST_FRAME, most, number + at)
      bytes += most
    }
    const last = whole.wireLength(this.first + count - 1)
    this.lengths[count - 1] = this.sentLengths[count - 1] = last
    return bytes - most + last
  }

  /** The memory that frames stand in. To be asked for in each burst; then all frames of it have bytes. */
  get bytes(): Uint8Array {
    return this.#lent ? this.memory : this.#lendAll().memory
  }

  /** The same in words of 4 bytes; every frame starts at a multiple of 4. */
  get words(): Int32Array {
    return this.#lent ? this.memoryWords : this.#lendAll().memoryWords
  }

  /** Where each frame's first byte stands in `bytes`; as `bytes`. */
  get starts(): Int32Array {
    return this.#lent ? this.#starts : this.#lendAll().#starts
  }

  /** Copies the frames as they are now to where captures look, before a hook that may change them. */
  keep(): void {
    // A super-frame stays as it is.
    if (this.whole !== undefined) return
    const last = this.count - 1
    const first = this.#starts[0] - VNET_HDR_LEN
    const end = this.#starts[last] + this.lengths[last]
    this.memory.copyWithin(KEPT_OFFSET + first, first, end)
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

  /**
   * A view of the frame's bytes: may be read and written, but not kept. Allocates the view. Of a super-frame it is
   * made of, which takes about a microsecond; if it is written, too, the frame travels alone.
   */
  frame(frame: number): Uint8Array {
    const start = this.made(frame)
    if (this.#states[frame] === MADE) this.#states[frame] = LENT
    return this.memory.subarray(start, start + this.lengths[frame])
  }

  /** Puts other bytes in its place, of any length from 14. False, and dropped, when there is no room for them. */
  replace(frame: number, bytes: Uint8Array): boolean {
    const isPart = this.whole !== undefined && this.#states[frame] === AS_SENT
    if (isPart || bytes.length > this.lengths[frame]) {
      const start = this.#room(bytes.length, KEPT_OFFSET - MADE_BYTES)
      if (start < 0) {
        this.drop(frame, 'hook', 'no room for a longer frame')
        return false
      }
      this.#starts[frame] = start
    }
    const start = this.#starts[frame]
    this.memory.set(bytes, start)
    // A frame with nothing left to do.
    this.memory.fill(0, start - VNET_HDR_LEN, start)
    this.lengths[frame] = bytes.length
    this.#states[frame] = CHANGED
    return true
  }

  /** Where its bytes stand, with a finished checksum: for reading. */
  made(frame: number): number {
    if (this.#states[frame] === AS_SENT) this.#make(frame)
    return this.#starts[frame]
  }

  /** The same, for writing. */
  changing(frame: number): number {
    const start = this.made(frame)
    this.#states[frame] = CHANGED
    return start
  }

  /** What its headers say, without its bytes being made: the number of that name, -1 where it has none. */
  field(frame: number, name: FieldName): number {
    if (this.#asked !== frame || this.#states[frame] > MADE) {
      this.#answer = this.packet(frame)
      this.#asked = frame
    }
    return this.#answer.fields[FIELD[name]] ?? ABSENT
  }

  /** What its headers say; with `deep`, its bytes may be compared, too. To be read before the next is asked for. */
  packet(frame: number, deep = false): Packet {
    this.#asked = -1
    if (!deep && this.whole !== undefined && this.#states[frame] <= MADE)
      return this.whole.packet(this.first + frame)
    const start = deep ? this.made(frame) : this.#starts[frame]
    this.#packet.read(this.memory, start, this.lengths[frame])
    return this.#packet
  }

  /** Can it travel as a part of the super-frame that it came with? */
  isPart(frame: number): boolean {
    if (this.whole === undefined) return false
    if (this.#states[frame] === LENT) this.#states[frame] = this.#isSame(frame) ? MADE : CHANGED
    return this.#states[frame] !== CHANGED
  }

  /** Where it stands to be sent alone, with its virtio-net header: that may leave the checksum to the receiver. */
  alone(frame: number): number {
    const { whole } = this
    if (whole === undefined || this.#states[frame] !== AS_SENT) return this.#starts[frame]
    const start = this.#room(this.lengths[frame], KEPT_OFFSET)
    whole.writeAlone(this.first + frame, this.memory, start)
    return start
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
      if (this.#states[frame] <= MADE && this.lengths[frame] !== this.sentLengths[frame]) this.changing(frame)
      if (this.#isWhole(frame)) {
        const start = this.#starts[frame]
        // It began elsewhere, before any hook.
        if (start !== this.sentStarts[frame] % KEPT_OFFSET) {
          this.memory.fill(0, start - VNET_HDR_LEN, start)
          this.#states[frame] = CHANGED
        }
        continue
      }
      whole = false
      this.#starts[frame] = FIRST_FRAME
      this.lengths[frame] = 0
      this.delays[frame] = 0
      this.verdicts[frame] = DROPPED.hook
      this.reasons[frame] = 'not a frame any more'
    }
    return whole
  }

  #lendAll(): this {
    this.#lent = true
    for (let frame = 0; frame < this.count; frame++) {
      this.made(frame)
      if (this.#states[frame] === MADE) this.#states[frame] = LENT
    }
    return this
  }

  #make(frame: number): void {
    this.#states[frame] = MADE
    const { whole } = this
    if (whole === undefined) {
      finishChecksum(this.memory, this.#starts[frame], this.sentLengths[frame])
      return
    }
    const start = this.#room(this.sentLengths[frame], KEPT_OFFSET)
    whole.cut(this.first + frame, this.memory, start)
    this.#starts[frame] = this.sentStarts[frame] = start
    const check = start + whole.checkAt
    this.#checks[frame] = (this.memory[check] << 8) | this.memory[check + 1]
  }

  /** Behind the slots: where a frame of `length` bytes may start; -1 when it would end behind `end`. */
  #room(length: number, end: number): number {
    const start = this.#spill + HEADROOM
    const next = Math.ceil((start + length) / 64) * 64
    if (next > end) return -1
    this.#spill = next
    return start
  }

  /** It was handed out: is it what it was? */
  #isSame(frame: number): boolean {
    const { whole, first, memory } = this
    if (this.lengths[frame] !== this.sentLengths[frame]) return false
    return (whole as SuperFrame).isSame(first + frame, memory, this.#starts[frame], this.#checks[frame])
  }

  #isWhole(frame: number): boolean {
    const start = this.#starts[frame]
    const length = this.lengths[frame]
    const inside = start >= FIRST_FRAME && length >= 0 && start + length <= this.memory.length
    const delay = this.delays[frame]
    const judged = this.verdicts[frame] <= CAUSES.length && delay >= 0 && delay < Number.POSITIVE_INFINITY
    return inside && judged && start % 4 === 0
  }
}
