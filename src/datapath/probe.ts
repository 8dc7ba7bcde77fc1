// A capture's part in the worker: records what the ends sent, with the verdict on it,
// and, where that is wanted, what was delivered to them, into a ring that another thread reads (capture/thread.ts, or a reader of
// frames). datapath/inspector.ts calls it after the hooks. What the user holds is pair/captures.ts's Capture, and
// what writes is capture/'s CaptureSession. It changes no frame and no verdict, and never blocks: while the ring
// is full records are lost, and counted for each end.

import { type Burst, PASS } from '../frame/burst.js'
import { Packet } from '../frame/packet.js'
import { BURST, LONGEST_FRAME, VNET_HDR_LEN } from '../frame/slab.js'
import { behind, type Place, type Words } from '../frame/words.js'
import { Matcher } from '../hooks/matcher.js'
import * as record from '../ring/record.js'
import { RingWriter } from '../ring/ring.js'
import type { CapturePlan } from './adjust.js'

/** What delivered() is told of a frame: its number, and two times in ms. */
export type Told = Words<'told'>
export const NUMBER = 0 as Place<'told'>
export const SEEN = 1 as Place<'told'>
export const WAITED = 2 as Place<'told'>

/** One wire frame of a super-frame at a time. */
const cut = new Uint8Array(LONGEST_FRAME + 2 * VNET_HDR_LEN)

/** ms. performance.timeOrigin may be off by what the clock was set since the process began. */
const LARGEST_SLEW = 2

export class Probe {
  readonly plan: CapturePlan
  readonly #ring: RingWriter
  readonly #floats: record.RecordFloats
  /** By end: is what it sends recorded, and what is delivered to it? */
  readonly #sent: readonly [boolean, boolean]
  readonly #given: readonly [boolean, boolean]
  readonly #matcher: Matcher | null
  readonly #packet = new Packet()
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

  /** Records what `end` sent, as it was sent, with what the hooks have said of it: those that were dropped too. */
  sent(burst: Burst, end: 0 | 1): void {
    if (!this.#sent[end] || this.#ring.ended) return
    this.#sender = end
    this.#first = burst.numbers[0]
    this.#count = burst.count
    const { whole, first, count, sentStarts, sentLengths, verdicts, copies, reasons } = burst
    const bytes = whole === undefined ? burst.memory : cut
    for (let i = 0; i < count; i++) {
      const what = end | record.OUTBOUND | (verdicts[i] << 8) | (copies[i] << 16)
      if (whole !== undefined) whole.cut(first + i, cut, VNET_HDR_LEN)
      const start = whole === undefined ? sentStarts[i] : VNET_HDR_LEN
      const at = this.#record(what, bytes, start, sentLengths[i], reasons[i])
      this.#records[i] = at
      if (at < 0) continue
      this.#floats[behind(at, record.TIME)] = burst.now
      this.#floats[behind(at, record.ID)] = 2 * burst.numbers[i] + end
      this.#floats[behind(at, record.DELAY)] = burst.delays[i]
    }
  }

  /**
   * Records a frame that was delivered to `end`. `told` (NUMBER, SEEN, WAITED) says its number in the direction that it
   * came by, when that was, and the ms that it was held; no arguments, since V8 allocates such. With a verdict: that was
   * to be delivered, and was dropped after it had been recorded where it was sent. Where deliveries are not recorded the
   * record there says so; of a frame that was held, and whose record has gone, there is another one.
   */
  delivered(end: 0 | 1, bytes: Uint8Array, start: number, length: number, told: Told, verdict = PASS): void {
    const sender = end === 0 ? 1 : 0
    let what = end | (verdict << 8)
    if (!this.#given[end]) {
      if (verdict === PASS || !this.#sent[sender] || this.#amend(sender, told, verdict)) return
      what = sender | record.OUTBOUND | (verdict << 8)
    }
    if (this.#ring.ended) return
    const at = this.#record(what, bytes, start, length, undefined)
    if (at < 0) return
    this.#floats[behind(at, record.TIME)] = told[SEEN]
    this.#floats[behind(at, record.ID)] = 2 * told[NUMBER] + sender
    this.#floats[behind(at, record.DELAY)] = told[WAITED]
  }

  /** Writes the verdict on a frame of this burst into its record; false when there is no such any more. */
  #amend(sender: 0 | 1, told: Told, verdict: number): boolean {
    const at = told[NUMBER] - this.#first
    if (sender !== this.#sender || at < 0 || at >= this.#count) return false
    const place = this.#records[at]
    if (place < 0) return true // not wanted, or lost
    const words: record.RecordWords = this.#ring.words
    const what = behind(2 * place, record.WHAT)
    words[what] = (words[what] & ~0xff00) | (verdict << 8)
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

  /**
   * A record without its times and its id: where it begins, in Float64s; -1 when it is not wanted or there is
   * no room. Those are written by the callers, since a call with a fraction as its argument allocates.
   */
  #record(
    what: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    reason: string | undefined,
  ): number {
    if (!this.#matches(bytes, start, length)) return -1
    const captured = Math.min(length, this.#snaplen)
    const characters = reason === undefined ? 0 : Math.min(reason.length, record.LONGEST_REASON)
    const skew = start & 3
    const reasonAt = (record.FRAME + skew + captured + 3) & ~3
    const ring = this.#ring
    const end = (what & 1) as 0 | 1
    const at = ring.reserve(reasonAt + 2 * characters, end)
    if (at < 0) return -1
    const words: record.RecordWords = ring.words
    const word = at >> 2
    words[behind(word, record.WHAT)] = what
    words[behind(word, record.ORIGINAL)] = length
    words[behind(word, record.CAPTURED)] = captured
    words[behind(word, record.REASON_SKEW)] = (characters << 2) | skew
    this.#floats[behind(at >> 3, record.ORIGIN)] = this.#origin
    this.#floats[behind(at >> 3, record.LOST)] = ring.lost(end)
    this.#copy(bytes, start, captured, at + record.FRAME)
    for (let i = 0; i < characters; i++)
      this.#character(at + reasonAt + 2 * i, (reason as string).charCodeAt(i))
    return at >> 3
  }

  #matches(bytes: Uint8Array, start: number, length: number): boolean {
    if (this.#matcher === null) return true
    this.#packet.read(bytes, start, length)
    return this.#matcher.test(this.#packet)
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
