// Streams of pcapng as the daemon sends them, for unit tests of who reads or writes files on.

import {
  BlockBuffer,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  OUTBOUND,
  sectionHeader,
} from '../../src/pcapng/blocks.js'

interface StreamWish {
  /** Lost in front of each frame. */
  before?: number
  /** Bytes of each frame; by default of some length. */
  length?: number
  /** The number of the first frame. */
  first?: number
}

/** Section header and two interfaces. */
export function headBlocks(): Buffer {
  return built((to) => {
    sectionHeader(to, 'test')
    for (const name of ['x0', 'x1']) interfaceDescription(to, { name, mac: new Uint8Array(6) }, 65_535)
  })
}

/** Blocks of so many frames, on each interface in turn. */
export function frameBlocks(count: number, { before = 0, length, first = 0 }: StreamWish = {}): Buffer {
  return built((to) => {
    for (let id = first; id < first + count; id++) {
      const captured = length ?? 60 + (id % 40)
      const frame = { bytes: new Uint8Array(captured).fill(id), start: 0, length: captured, original: 2_000 }
      const rest = { direction: OUTBOUND, id, lost: before, comments: ['delayed'] }
      enhancedPacket(to, { ...frame, ...rest, interface: id % 2, time: BigInt(id) })
    }
  })
}

/** The statistics of both interfaces, as the daemon ends a stream. */
export function lastBlocks(recorded: number, lost: number): Buffer {
  return built((to) => {
    for (const index of [0, 1])
      interfaceStatistics(to, { interface: index, time: 2n, started: 1n, recorded, lost })
  })
}

function built(build: (to: BlockBuffer) => void): Buffer {
  const to = new BlockBuffer(2 ** 20)
  build(to)
  return Buffer.from(to.bytes.subarray(0, to.length))
}
