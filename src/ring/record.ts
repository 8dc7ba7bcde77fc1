// One record of a ring: a frame that an end sent, or one that was delivered to it, and what became of it; or a run,
// neighbouring wire frames of one super-frame with one fate, as one shorter super-frame. datapath/probe.ts writes it in
// the worker, as it came, its checksum unfinished; FrameRecord reads it in another thread, cuts and finishes there.
//
//   0      8        16   24      32     36         40         44             48     56        60
//   +------+--------+----+-------+------+----------+----------+--------------+------+---------+--------+
//   | time | origin | id | delay | what | length   | captured | reason, skew | lost | snaplen | frames |
//   | f64  | f64    | f64| f64   | i32  | i32      | i32      | i32          | f64  | i32     | i32    |
//   +------+--------+----+-------+------+----------+----------+--------------+------+---------+--------+
//   64:  bytes to pass over | virtio-net header | frame, or run | up to a multiple of 4 | reason, UTF-16
//
//   what:         bit 0 end, bit 1 outbound, bits 8-15 verdict of frame/burst.ts, bits 16-23 copies
//   reason, skew: length of the reason in characters << 2 | bytes to pass over
//
// The skew lets a frame be copied word by word wherever it stands. `length` and `captured` are without the virtio-net
// header; a record of which something is to be done yet (a run, an unfinished checksum) has all of its bytes.

import { CAUSES, type Cause } from '../frame/cause.js'
import { finishChecksum } from '../frame/segment.js'
import { LONGEST_FRAME, VNET_HDR_LEN } from '../frame/slab.js'
import { SuperFrame } from '../frame/super-frame.js'
import { behind, type Place, type Words } from '../frame/words.js'
import type { RingReader } from './ring.js'

export type RecordFloats = Words<'record float'>
export type RecordWords = Words<'record word'>

/** Offsets in a record, in Float64s, */
export const TIME = 0 as Place<'record float'>
export const ORIGIN = 1 as Place<'record float'>
export const ID = 2 as Place<'record float'>
export const DELAY = 3 as Place<'record float'>
export const LOST = 6 as Place<'record float'>
/** in Int32s, */
export const WHAT = 8 as Place<'record word'>
export const LENGTH = 9 as Place<'record word'>
export const CAPTURED = 10 as Place<'record word'>
export const REASON_SKEW = 11 as Place<'record word'>
export const SNAPLEN = 14 as Place<'record word'>
export const FRAMES = 15 as Place<'record word'>
/** and in bytes. */
export const CONTENT = 64

export const OUTBOUND = 2
/** Characters; the rest of a longer one is not recorded. */
export const LONGEST_REASON = 250

/** Reads records: `read` one, then `next` for each of its wire frames. */
export class FrameRecord {
  /** The interface: 0 for a. */
  end: 0 | 1 = 0
  /** Sent by that end; otherwise delivered to it. */
  outbound = false
  /** ms of performance.now() of the thread that wrote it, and what to add for the time since 1970. */
  time = 0
  origin = 0
  /** The same for a frame when it is sent and when it is delivered: number * 2 + the sending end. */
  id = 0
  /** ms; for an outbound frame how long it is to be held, for a delivered one how long it was. */
  delay = 0
  /** Why it was dropped; undefined when it was not. */
  cause: Cause | undefined
  /** What dropped or changed it, in its own words. */
  reason: string | undefined
  /** Further copies that were sent. */
  copies = 0
  /** Wire frames of that end that had been lost until then. */
  lost = 0
  /** Bytes of the wire frame. */
  original = 0
  /** Its captured bytes: `bytes.subarray(start, start + length)`, until the next one, or the ring's `release`. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  length = 0
  readonly #whole = new SuperFrame()
  readonly #cut = new Uint8Array(VNET_HDR_LEN + LONGEST_FRAME)
  #ring: Uint8Array = this.bytes
  #at = 0
  #length = 0
  #captured = 0
  #snaplen = 0
  #frames = 0
  #index = 0

  /** Were all of its wire frames asked for? */
  get done(): boolean {
    return this.#index === this.#frames
  }

  /** Reads the record at `at`, as RingReader.next answered it. */
  read(ring: RingReader, at: number): void {
    const floats: RecordFloats = ring.floats
    const words: RecordWords = ring.words
    const float = at >> 3
    const word = at >> 2
    const what = words[behind(word, WHAT)]
    const reasonSkew = words[behind(word, REASON_SKEW)]
    this.end = (what & 1) as 0 | 1
    this.outbound = (what & OUTBOUND) !== 0
    this.time = floats[behind(float, TIME)]
    this.origin = floats[behind(float, ORIGIN)]
    this.id = floats[behind(float, ID)] - 2
    this.delay = floats[behind(float, DELAY)]
    this.cause = CAUSES[((what >> 8) & 0xff) - 1]
    this.copies = (what >> 16) & 0xff
    this.lost = floats[behind(float, LOST)]
    this.#ring = ring.bytes
    this.#at = at + CONTENT + (reasonSkew & 3) + VNET_HDR_LEN
    this.#length = words[behind(word, LENGTH)]
    this.#captured = words[behind(word, CAPTURED)]
    this.#snaplen = words[behind(word, SNAPLEN)]
    this.#frames = words[behind(word, FRAMES)]
    this.#index = 0
    const characters = reasonSkew >> 2
    this.reason =
      characters === 0 ? undefined : text(ring.bytes, (this.#at + this.#captured + 3) & ~3, characters)
  }

  /** Goes on to its next wire frame; false when there is none. */
  next(): boolean {
    const index = this.#index
    if (index === this.#frames) return false
    this.#index = index + 1
    this.id += 2
    if (this.#frames === 1) {
      this.bytes = this.#ring
      this.start = this.#at
      this.original = this.#length
      if (this.#ring[this.#at - VNET_HDR_LEN] !== 0) finishChecksum(this.#ring, this.#at, this.#length)
    } else {
      if (index === 0) this.#whole.read(this.#ring, this.#at, this.#length)
      this.bytes = this.#cut
      this.start = VNET_HDR_LEN
      this.original = this.#whole.cut(index, this.#cut, VNET_HDR_LEN)
    }
    this.length = Math.min(this.original, this.#captured, this.#snaplen)
    return true
  }
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...new Uint16Array(bytes.buffer, at, length))
}
