// The Internet checksum (RFC 1071). segment.ts finishes checksums with it; a leaf, allocates nothing.

/** Bytes from which on a view is worth its while: 1,480 take 410 ns instead of 915. */
const LONG = 128

const views = new WeakMap<Uint8Array, DataView>()
let viewed: Uint8Array | undefined
let view: DataView = new DataView(new ArrayBuffer(0))

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

/** One's complement sum of up to 64 KiB as big-endian words, on top of `initial`; 0 … 0xffff. */
export function onesSum(bytes: Uint8Array, start: number, length: number, initial = 0): number {
  let sum = initial
  const end = start + (length & ~1)
  let at = start
  // 32,768 words stay below 2^31.
  if (length >= LONG) {
    const view = viewOf(bytes)
    for (const last = end - 4; at <= last; at += 4) {
      const two = view.getInt32(at)
      sum += (two >>> 16) + (two & 0xffff)
    }
  }
  for (; at < end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1]
  if (length & 1) sum += bytes[end] << 8
  return folded(sum)
}

/** Memory is summed again and again: its view is kept. */
function viewOf(bytes: Uint8Array): DataView {
  if (bytes !== viewed) {
    view = views.get(bytes) ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    views.set(bytes, view)
    viewed = bytes
  }
  return view
}

function folded(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/** The checksum of the bytes, on top of the sum `initial`; what stands in the checksum's place counts too. */
export function checksum(bytes: Uint8Array, start: number, length: number, initial = 0): number {
  return onesSum(bytes, start, length, initial) ^ 0xffff
}
