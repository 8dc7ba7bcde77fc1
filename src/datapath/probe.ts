// A capture's part in the worker: records what the ends sent, with the verdict on it, and, where that is wanted, what
// was delivered to them, into a ring that another thread reads (capture/recorder.ts, or a reader of frames), which cuts
// super-frames and finishes checksums (ring/record.ts). datapath/inspector.ts calls it after the hooks. What the user
// holds is pair/captures.ts's Capture. It changes no frame and no verdict. A reader that falls behind is waited for a
// little (patience.ts); while the ring is full records are lost, and their wire frames counted for each end.

import type { Burst } from '../frame/burst.js'
import { PASS } from '../frame/cause.js'
import { Packet } from '../frame/packet.js'
import { finishChecksum } from '../frame/segment.js'
import { BURST, LONGEST_FRAME, VNET_HDR_LEN } from '../frame/slab.js'
import { SuperFrame } from '../frame/super-frame.js'
import { behind, type Place, type Words } from '../frame/words.js'
import { Matcher } from '../hooks/matcher.js'
import * as record from '../ring/record.js'
import { RingWriter } from '../ring/ring.js'
import type { CapturePlan } from './adjust.js'
import { Patience } from './patience.js'

/** What delivered() is told of a run: the number of its first frame, two times in ms, and its wire frames. */
export type Told = Words<'told'>
export const NUMBER = 0 as Place<'told'>
export const SEEN = 1 as Place<'told'>
export const WAITED = 2 as Place<'told'>
export const FRAMES = 3 as Place<'told'>

/** A wire frame of a super-frame, for a match that looks into its payload. */
const cut = new Uint8Array(VNET_HDR_LEN + LONGEST_FRAME)

/** ms. performance.timeOrigin may be off by what the clock was set since the process began. */
const LARGEST_SLEW = 2

export class Probe {
  readonly plan: CapturePlan
  readonly #ring: RingWriter
  readonly #patience = new Patience()
  readonly #floats: record.RecordFloats
  /** By end: is what it sends recorded, and what is delivered to it? */
  readonly #sent: readonly [boolean, boolean]
  readonly #given: readonly [boolean, boolean]
  readonly #matcher: Matcher | null
  readonly #packet = new Packet()
  /** Of a run that was delivered. */
  readonly #run = new SuperFrame()
  readonly #snaplen: number
  readonly #origin = wallOrigin()
  /** Memory that frames came from, in words; undefined where it is not made of words. */
  readonly #wordsOf = new WeakMap<Uint8Array, Int32Array | undefined>()
  /** The one that the last frame came from. */
  #source: Uint8Array | undefined
  #sourceWords: Int32Array | undefined
  /** Of the burst that is not published yet: who sent it, the number of its first frame, and where each record is. */
  #sender: 0 | 1 = 0
  #first = 0
  #count = 0
  readonly #records = new Int32Array(BURST)

  constructor(plan: CapturePlan) {
    this.plan = plan
    this.#ring = new RingWriter(plan.ring)
    this.#floats = this.#ring.floats
    this.#sent = [plan.ends.a, plan.ends.b]
    this.#given = [plan.ends.a && plan.delivered, plan.ends.b && plan.delivered]
    this.#matcher = plan.match === null ? null : new Matcher(plan.match)
    this.#snaplen = Math.min(plan.snaplen, LONGEST_FRAME)
  }

  /** What `end` sends is to be recorded: is the reader waited for? Then a moment has passed (patience.ts). */
  wait(end: 0 | 1): boolean {
    const wanted = this.#sent[end] || this.#given[end === 0 ? 1 : 0]
    return wanted && !this.#ring.ended && this.#patience.spent(this.#ring)
  }

  /** Records what `end` sent, as it was sent, with what the hooks have said of it: those that were dropped too. */
  sent(burst: Burst, end: 0 | 1): void {
    if (!this.#sent[end] || this.#ring.ended) return
    this.#sender = end
    this.#first = burst.numbers[0]
    this.#count = burst.count
    for (let i = 0; i < burst.count; ) i += this.#sentRun(burst, i, end)
  }

  /** Frame `i`, and its neighbours that are told with it. How many that were. */
  #sentRun(burst: Burst, i: number, end: 0 | 1): number {
    const { whole, first } = burst
    const what = end | record.OUTBOUND | (burst.verdicts[i] << 8) | (burst.copies[i] << 16)
    let run = 1
    let at = -1
    if (whole !== undefined) {
      run = this.#alike(burst, whole, i)
      if (run > 0) at = this.#ofWhole(what, whole, first + i, run, burst.reasons[i])
      else run = 1
    } else if (this.#matches(burst.memory, burst.sentStarts[i], burst.sentLengths[i]))
      at = this.#asItIs(what, burst.memory, burst.sentStarts[i], burst.sentLengths[i], 1, burst.reasons[i])
    for (let one = i; one < i + run; one++) this.#records[one] = at
    if (at < 0) return run
    this.#floats[behind(at, record.TIME)] = burst.now
    this.#floats[behind(at, record.ID)] = 2 * burst.numbers[i] + end
    this.#floats[behind(at, record.DELAY)] = burst.delays[i]
    return run
  }

  /** How many wire frames from `i` have one fate, and match; those that travel alone are told alone. 0: not wanted. */
  #alike(burst: Burst, whole: SuperFrame, i: number): number {
    const { first, count, verdicts, delays, copies, reasons } = burst
    if (!this.#matchesPart(whole, first + i)) return 0
    let next = i + 1
    if (copies[i] > 0 || !burst.isPart(i)) return 1
    while (
      next < count &&
      verdicts[next] === verdicts[i] &&
      delays[next] === delays[i] &&
      copies[next] === 0 &&
      reasons[next] === reasons[i] &&
      burst.isPart(next) &&
      this.#matchesPart(whole, first + next)
    )
      next++
    return next - i
  }

  /**
   * Records a run that was delivered to `end`, its virtio-net header in front of it. `told` (NUMBER, SEEN, WAITED,
   * FRAMES) says the number of its first frame in the direction that it came by, when that was, the ms that it was held,
   * and its wire frames; no arguments, since V8 allocates such. With a verdict: that was to be delivered, and was dropped
   * after it had been recorded where it was sent. Where deliveries are not recorded the record there says so; of a frame
   * that was held, and whose record has gone, there is another one.
   */
  delivered(end: 0 | 1, bytes: Uint8Array, start: number, length: number, told: Told, verdict = PASS): void {
    const sender = end === 0 ? 1 : 0
    let what = end | (verdict << 8)
    if (!this.#given[end]) {
      if (verdict === PASS || !this.#sent[sender] || this.#amend(sender, told, verdict)) return
      what = sender | record.OUTBOUND | (verdict << 8)
    }
    if (this.#ring.ended) return
    const frames = told[FRAMES]
    if (frames === 1 || this.#matcher === null) {
      const wanted = frames > 1 || this.#matches(bytes, start, length)
      if (wanted) this.#tell(this.#asItIs(what, bytes, start, length, frames, undefined), told, 0, sender)
      return
    }
    const run = this.#run
    run.read(bytes, start, length)
    for (let index = 0; index < frames; index++) {
      if (!this.#matchesPart(run, index)) continue
      this.#tell(this.#ofWhole(what, run, index, 1, undefined), told, index, sender)
    }
  }

  /** Completes the record at `at`, if there is one, of what was delivered: of frame `index` of a run. */
  #tell(at: number, told: Told, index: number, sender: 0 | 1): void {
    if (at < 0) return
    this.#floats[behind(at, record.TIME)] = told[SEEN]
    this.#floats[behind(at, record.ID)] = 2 * (told[NUMBER] + index) + sender
    this.#floats[behind(at, record.DELAY)] = told[WAITED]
  }

  /** Writes the verdict on a run of this burst into its records; false when there are no such any more. */
  #amend(sender: 0 | 1, told: Told, verdict: number): boolean {
    const at = told[NUMBER] - this.#first
    if (sender !== this.#sender || at < 0 || at >= this.#count) return false
    const words: record.RecordWords = this.#ring.words
    for (let one = at; one < at + told[FRAMES]; one++) {
      const place = this.#records[one]
      if (place < 0) continue // not wanted, or lost
      const what = behind(2 * place, record.WHAT)
      words[what] = (words[what] & ~0xff00) | (verdict << 8)
    }
    return true
  }

  /**
   * Lets the reader see what was recorded: to be called once after each burst or release of held frames.
   * True when the reader was waiting: one that sleeps on the ring is awake now, another one wants a message.
   */
  flush(): boolean {
    this.#count = 0
    return this.#ring.publish()
  }

  /** A record of what stands somewhere, a frame or a run, as #begin(). */
  #asItIs(
    what: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    frames: number,
    reason: string | undefined,
  ): number {
    // What is to be finished yet is needed whole.
    const raw = frames > 1 || bytes[start - VNET_HDR_LEN] !== 0
    const captured = raw ? length : Math.min(length, this.#snaplen)
    const at = this.#begin(what, length, captured, start & 3, frames, reason)
    if (at >= 0) this.#copy(bytes, start - VNET_HDR_LEN, VNET_HDR_LEN + captured, 8 * at + record.CONTENT)
    return at
  }

  /** A record of wire frames of a super-frame, as #begin(). */
  #ofWhole(
    what: number,
    whole: SuperFrame,
    index: number,
    frames: number,
    reason: string | undefined,
  ): number {
    const payload = whole.payload(index, frames)
    const from = whole.payloadAt(index)
    const length = whole.headers + payload
    const at = this.#begin(what, length, length, 0, frames, reason)
    if (at < 0) return at
    const start = 8 * at + record.CONTENT + VNET_HDR_LEN
    const { bytes } = this.#ring
    whole.write(bytes, start, index, frames)
    // Allocates the view, once for a run: word by word 64 KiB take nine times as long (41 us, and 5).
    bytes.set(whole.bytes.subarray(from, from + payload), start + whole.headers)
    return at
  }

  /**
   * A record without its times, its id and its content: where it begins, in Float64s; -1 when there is no room.
   * Those are written by the callers, since a call with a fraction as its argument allocates.
   */
  #begin(
    what: number,
    length: number,
    captured: number,
    skew: number,
    frames: number,
    reason: string | undefined,
  ): number {
    const characters = reason === undefined ? 0 : Math.min(reason.length, record.LONGEST_REASON)
    const reasonAt = (record.CONTENT + skew + VNET_HDR_LEN + captured + 3) & ~3
    const ring = this.#ring
    const end = (what & 1) as 0 | 1
    const at = ring.reserve(reasonAt + 2 * characters, end, frames)
    if (at < 0) return -1
    const words: record.RecordWords = ring.words
    const word = at >> 2
    words[behind(word, record.WHAT)] = what
    words[behind(word, record.LENGTH)] = length
    words[behind(word, record.CAPTURED)] = captured
    words[behind(word, record.REASON_SKEW)] = (characters << 2) | skew
    words[behind(word, record.SNAPLEN)] = this.#snaplen
    words[behind(word, record.FRAMES)] = frames
    this.#floats[behind(at >> 3, record.ORIGIN)] = this.#origin
    this.#floats[behind(at >> 3, record.LOST)] = ring.lost(end)
    for (let i = 0; i < characters; i++)
      this.#character(at + reasonAt + 2 * i, (reason as string).charCodeAt(i))
    return at >> 3
  }

  #matches(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#matcher === null) return true
    // A match may look at the checksum: whoever comes next finds it finished.
    if (this.#matcher.deep) finishChecksum(bytes, start, length)
    this.#packet.read(bytes, start, length)
    return this.#matcher.test(this.#packet)
  }

  /** The same, of a wire frame of a super-frame. */
  #matchesPart(whole: SuperFrame, index: number): boolean {
    if (this.#matcher === null) return true
    if (!this.#matcher.deep) return this.#matcher.test(whole.packet(index))
    return this.#matches(cut, VNET_HDR_LEN, whole.cut(index, cut, VNET_HDR_LEN))
  }

  /**
   * The words that hold the frame; the bytes beside it in the first and the last one do no harm. `set` of a
   * subarray takes 100 ns for 1,514 bytes instead of 580, but allocates the subarray (64 bytes: 47 and 10 ns).
   */
  #copy(bytes: Uint8Array, start: number, length: number, to: number): void {
    if (bytes !== this.#source) this.#look(bytes)
    const from = this.#sourceWords
    if (from === undefined) {
      for (let i = 0; i < length; i++) this.#ring.bytes[to + (start & 3) + i] = bytes[start + i]
      return
    }
    const { words } = this.#ring
    const target = to >> 2
    const first = start >> 2
    const count = ((start + length + 3) >> 2) - first
    for (let i = 0; i < count; i++) words[target + i] = from[first + i]
  }

  /** Other memory than the frame before it: a slab, or frames held, whose memory may have grown. */
  #look(bytes: Uint8Array): void {
    if (!this.#wordsOf.has(bytes)) this.#wordsOf.set(bytes, inWords(bytes))
    this.#source = bytes
    this.#sourceWords = this.#wordsOf.get(bytes)
  }

  #character(at: number, code: number): void {
    this.#ring.bytes[at] = code & 0xff
    this.#ring.bytes[at + 1] = code >> 8
  }
}

function inWords({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array | undefined {
  if (byteOffset % 4 !== 0 || byteLength % 4 !== 0) return undefined
  return new Int32Array(buffer, byteOffset, byteLength / 4)
}

/** ms to add to performance.now() of this thread for the time since 1970. */
function wallOrigin(): number {
  const now = Date.now() - performance.now()
  return Math.abs(now - performance.timeOrigin) > LARGEST_SLEW ? now : performance.timeOrigin
}
