// Recordings as other programs write them, for tests that play them.

import {
  BlockBuffer,
  enhancedPacket,
  interfaceDescription,
  OUTBOUND,
  sectionHeader,
} from '../../dist/pcapng/blocks.js'

/** A classic pcap of Ethernet, frames so many ms apart. */
export function pcapOf(frames: readonly Uint8Array[], gap: number): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4)
  head.writeUInt32LE(1, 20)
  const packets = frames.flatMap((frame, n) => {
    const packet = Buffer.alloc(16)
    packet.writeUInt32LE(1_700_000_000 + Math.floor((n * gap) / 1_000))
    packet.writeUInt32LE(((n * gap) % 1_000) * 1_000, 4)
    packet.writeUInt32LE(frame.length, 8)
    packet.writeUInt32LE(frame.length, 12)
    return [packet, frame]
  })
  return Buffer.concat([head, ...packets])
}

/** A pcapng of frames that these interfaces have sent in turn, a millisecond apart. */
export function pcapngOf(names: readonly string[], frames: readonly Uint8Array[]): Buffer {
  const to = new BlockBuffer(2 ** 16)
  sectionHeader(to, 'test')
  for (const name of names) interfaceDescription(to, { name, mac: new Uint8Array(6) }, 65_535)
  for (const [id, bytes] of frames.entries()) {
    const { length } = bytes
    const rest = { direction: OUTBOUND, id, lost: 0, comments: [], time: BigInt(id) * 1_000_000n }
    enhancedPacket(to, { bytes, start: 0, length, original: length, interface: id % names.length, ...rest })
  }
  return Buffer.from(to.bytes.subarray(0, to.length))
}
