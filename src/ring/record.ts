// One record of a ring: a frame that an end sent, or one that was delivered to it, and what became of it.
// datapath/probe.ts writes it in the worker, FrameRecord reads it in another thread.
//
//   0      8        16   24      32     36         40         44             48     56
//   +------+--------+----+-------+------+----------+----------+--------------+------+---------+--------+
//   | time | origin | id | delay | what | original | captured | reason, skew | lost | frame   | reason |
//   | f64  | f64    | f64| f64   | i32  | i32      | i32      | i32          | f64  | bytes   | UTF-16 |
//   +------+--------+----+-------+------+----------+----------+--------------+------+---------+--------+
//
//   what:         bit 0 end, bit 1 outbound, bits 8-15 verdict of frame/burst.ts, bits 16-23 copies
//   reason, skew: length of the reason in characters << 2 | bytes to pass over in front of the frame
//
// Frame and reason begin at multiples of 4; the skew lets a frame be copied word by word wherever it stands.

import { CAUSES, type Cause } from '../frame/cause.js'
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
export const ORIGINAL = 9 as Place<'record word'>
export const CAPTURED = 10 as Place<'record word'>
export const REASON_SKEW = 11 as Place<'record word'>
/** and in bytes. */
export const FRAME = 56

export const OUTBOUND = 2
/** Characters; the rest of a longer one is not recorded. */
export const LONGEST_REASON = 250

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
  /** Bytes of the whole frame. */
  original = 0
  /** Records of that end that had been lost until then. */
  lost = 0
  /** The captured bytes: `bytes.subarray(start, start + length)`, in the ring, valid until its `release`. */
  start = 0
  length = 0

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
    this.id = floats[behind(float, ID)]
    this.delay = floats[behind(float, DELAY)]
    this.cause = CAUSES[((what >> 8) & 0xff) - 1]
    this.copies = (what >> 16) & 0xff
    this.original = words[behind(word, ORIGINAL)]
    this.lost = floats[behind(float, LOST)]
    this.length = words[behind(word, CAPTURED)]
    this.start = at + FRAME + (reasonSkew & 3)
    this.reason =
      reasonSkew >> 2 === 0
        ? undefined
        : text(ring.bytes, (this.start + this.length + 3) & ~3, reasonSkew >> 2)
  }
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...new Uint16Array(bytes.buffer, at, length))
}
