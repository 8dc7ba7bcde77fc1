// Super-frames as a port gets them, whole or cut before, and how what comes of both is compared: for the unit tests of the
// data path. The reference is test/unit/frame/super-frame.ts, which builds wire frames field by field.

import { expect } from 'vitest'
import { HEADER, superFrame, type Wish, wireFrames } from '../unit/frame/super-frame.js'
import { type Frame, frame } from './fake-port.js'
import type { InspectedBench } from './inspected.js'

export const payload = (length: number) =>
  Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8)) & 0xff)
/** 10 wire frames of 1,454 bytes. */
export const tcp: Wish = {
  proto: 'tcp',
  version: 4,
  payload: payload(14_000),
  size: 1_400,
  seq: 2 ** 32 - 3_000,
  id: 65_530,
}

/** As its end sends it, for a FakePort. */
export function whole(wish: Wish): Frame {
  const bytes = superFrame(wish)
  return { bytes: bytes.subarray(HEADER), header: bytes.subarray(0, HEADER), gso: bytes[1] as number }
}

/** As a network card sends it. */
export const cut = (wish: Wish): Frame[] => wireFrames(wish).map((bytes) => frame(bytes))

export function send(bench: InspectedBench, frames: Frame[]): void {
  for (let at = 0; at < frames.length; at += 64) bench.send(...frames.slice(at, at + 64))
}

export const hexes = (frames: Uint8Array[]) => frames.map((bytes) => Buffer.from(bytes).toString('hex'))

/**
 * A checksum of TCP that comes to 0 stands there as that, or as 0xffff, which is the same: the kernel writes the one
 * where it cuts, the other where it finishes. `ours` as `theirs` has it.
 */
function alike(ours: string[], theirs: string[]): string[] {
  return ours.map((hex, at) => {
    const other = theirs[at] ?? ''
    let from = 0
    while (from < hex.length && hex[from] === other[from]) from++
    const forms = [hex.slice(from, from + 4), other.slice(from, from + 4)].sort()
    return forms.join() === '0000,ffff'
      ? hex.slice(0, from) + other.slice(from, from + 4) + hex.slice(from + 4)
      : hex
  })
}

export function expectAlike(ours: Uint8Array[], theirs: Uint8Array[]): void {
  expect(alike(hexes(ours), hexes(theirs))).toEqual(hexes(theirs))
}
