// The Internet checksum (RFC 1071). segment.ts finishes checksums with it; a leaf, allocates nothing.

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

/** One's complement sum of up to 64 KiB as big-endian words, on top of `initial`; 0 … 0xffff. */
export function onesSum(bytes: Uint8Array, start: number, length: number, initial = 0): number {
  let sum = initial
  const end = start + (length & ~1)
  // 32,768 words stay below 2^31.
  for (let at = start; at < end; at += 2) sum += (bytes[at] << 8) | bytes[at + 1]
  if (length & 1) sum += bytes[end] << 8
  return folded(sum)
}

function folded(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/** The checksum of the bytes, on top of the sum `initial`; what stands in the checksum's place counts too. */
export function checksum(bytes: Uint8Array, start: number, length: number, initial = 0): number {
  return onesSum(bytes, start, length, initial) ^ 0xffff
}
