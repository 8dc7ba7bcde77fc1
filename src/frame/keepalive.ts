// What uveths at both sides of a tunnel say to each other beside frames, in a datagram of the tunnel's: a frame for a group
// that no bridge forwards, of an ethertype that is free for experiments, so that a kernel's tunnel throws it away. And the
// words of shared memory in which the data path tells the link thread what came. A leaf: no I/O, no allocation.
//
//   0     6      12     14        19        20        21 … 59
//   | to  | from | 88B5 | "uveth" | version | ready?  | zeros

import type { Place, Words } from './words.js'

export const KEEPALIVE_LENGTH = 60
/** "Nearest bridge", 802.1Q 8.6.3; from a local address; ethertype; "uveth"; version. */
const BEGINNING = Uint8Array.of(
  ...[0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e],
  ...[0x02, 0x75, 0x76, 0x65, 0x74, 0x68],
  ...[0x88, 0xb5],
  ...[0x75, 0x76, 0x65, 0x74, 0x68],
  1,
)
const READY_AT = BEGINNING.length

/** `ready`: there would be carrier at the sender's side, but for the tunnel. */
export function writeKeepalive(bytes: Uint8Array, at: number, ready: boolean): void {
  bytes.fill(0, at, at + KEEPALIVE_LENGTH)
  bytes.set(BEGINNING, at)
  bytes[at + READY_AT] = ready ? 1 : 0
}

/** Is the frame of that length one? */
export function isKeepalive(bytes: Uint8Array, at: number, length: number): boolean {
  if (length !== KEEPALIVE_LENGTH) return false
  for (let index = 0; index < READY_AT; index++) if (bytes[at + index] !== BEGINNING[index]) return false
  return true
}

/** Of one: READY or UNREADY. */
export function readKeepalive(bytes: Uint8Array, at: number): number {
  return bytes[at + READY_AT] === 1 ? READY : UNREADY
}

/** Written by who receives for the tunnel, and by nobody else. */
export type LifeWords = Words<'life'>
const word = (at: number) => at as Place<'life'>
/** How many times something was received; and something of the tunnel's own. */
export const READS = word(0)
export const HEARD = word(1)
/** What the last keep-alive said: 0 where there was none. */
export const SAID = word(2)
export const READY = 1
export const UNREADY = 2

export function allocateLife(): SharedArrayBuffer {
  return new SharedArrayBuffer(12)
}

export function lifeOf(memory: SharedArrayBuffer): LifeWords {
  return new Int32Array(memory)
}
