// The header that VXLAN (RFC 7348) puts in front of a frame, in a datagram. A leaf: no I/O, no allocation.
//
//   0          1 … 3      4 … 6   7          8
//   | flags, I | reserved | VNI   | reserved | frame: destination MAC first

export const VXLAN_HLEN = 8
/** The port that IANA has given it. */
export const VXLAN_PORT = 4789
export const MAX_VNI = 2 ** 24 - 1

/** Flag I: there is a VNI. */
const FLAG_I = 0x08

export function writeVxlan(bytes: Uint8Array, at: number, id: number): void {
  bytes[at] = FLAG_I
  bytes[at + 1] = 0
  bytes[at + 2] = 0
  bytes[at + 3] = 0
  bytes[at + 4] = id >> 16
  bytes[at + 5] = id >> 8
  bytes[at + 6] = id
  bytes[at + 7] = 0
}

/** -1 where there is none. What is reserved is not looked at. */
export function readVni(bytes: Uint8Array, at: number): number {
  if ((bytes[at] & FLAG_I) === 0) return -1
  return (bytes[at + 4] << 16) | (bytes[at + 5] << 8) | bytes[at + 6]
}
