// The Internet checksum (RFC 1071). segment.ts finishes checksums with it; a leaf, allocates nothing.

/** 16-bit words that can be added up before the sum leaves the small integers. */
const WORDS = 8192

export function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value
}

/** One's complement sum of the bytes as big-endian words, on top of `initial`; 0 … 0xffff. */
export function onesSum(bytes: Uint8Array, start: number, length: number, initial = 0): number {
  let sum = initial
  const words = length & ~1
  for (let from = 0; from < words; from += 2 * WORDS) {
    const end = start + Math.min(words, from + 2 * WORDS)
    for (let at = start + from; at < end; at += 2)
      sum += ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    sum = folded(sum)
  }
  if (length & 1) sum += (bytes[start + words] as number) << 8
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
