// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian, each appended to a buffer that the
// caller keeps large enough: a block needs LONGEST_BLOCK at most. Pure; capture/recorder.ts calls it for frames,
// capture/files.ts for statistics, and reader.ts shares its numbers.
//
//   a block:    type u32 | total length u32 | body | options | total length u32
//   an option:  code u16 | length u16 | value, padded to a multiple of 4; code 0 ends them

import { LONGEST_FRAME } from '../frame/slab.js'

export const SECTION_HEADER = 0x0a0d0d0a
export const INTERFACE_DESCRIPTION = 1
export const INTERFACE_STATISTICS = 5
export const ENHANCED_PACKET = 6

const BYTE_ORDER_MAGIC = 0x1a2b3c4d
const LINKTYPE_ETHERNET = 1
/** Timestamps count in 10^-9 s. */
const TSRESOL = 9

const OPT_ENDOFOPT = 0
const OPT_COMMENT = 1
const SHB_OS = 3
const SHB_USERAPPL = 4
const IF_NAME = 2
const IF_DESCRIPTION = 3
const IF_MACADDR = 6
const IF_TSRESOL = 9
const EPB_FLAGS = 2
export const EPB_DROPCOUNT = 4
const EPB_PACKETID = 5
const ISB_STARTTIME = 2
const ISB_ENDTIME = 3
const ISB_IFRECV = 4
export const ISB_IFDROP = 5
const ISB_USRDELIV = 8

/** epb_flags: which way a frame went, as its interface sees it. */
export const INBOUND = 1
export const OUTBOUND = 2

/** Bytes of a text; what is longer is cut. A frame has at most three comments. */
const LONGEST_TEXT = 1024
/** Bytes. */
export const LONGEST_BLOCK = LONGEST_FRAME + 4 * LONGEST_TEXT
/** Bytes of a block of statistics. */
export const STATISTICS_BYTES = 88

export interface InterfaceInfo {
  name: string
  /** 6 bytes. */
  mac: Uint8Array
  description?: string
}

/** A frame as a block needs it; may be filled again for the next. */
export interface PacketFields {
  /** Place of its interface in the section. */
  interface: number
  /** ns since 1970. */
  time: bigint
  /** The captured bytes are `bytes.subarray(start, start + length)`. */
  bytes: Uint8Array
  start: number
  length: number
  /** Bytes of the whole frame. */
  original: number
  /** INBOUND or OUTBOUND. */
  direction: number
  /** The same for a frame wherever it is recorded. */
  id: number
  /** Frames of that interface that were lost in front of this one. */
  lost: number
  comments: readonly string[]
}

export interface StatisticsFields {
  interface: number
  /** ns since 1970: now, and when the capture began. */
  time: bigint
  started: bigint
  /** Frames recorded in the capture, and lost. */
  recorded: number
  lost: number
}

const encoder = new TextEncoder()

/** Bytes that blocks are appended to. */
export class BlockBuffer {
  readonly bytes: Uint8Array
  /** Bytes in it. */
  length = 0
  readonly #view: DataView
  #begin = 0
  /** The time that was written last: that of many frames, and its halves are costly. */
  #time = 0n
  #high = 0
  #low = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
  }

  begin(type: number): void {
    this.#begin = this.length
    this.u32(type)
    this.u32(0)
  }

  end(): void {
    const total = this.length + 4 - this.#begin
    this.#view.setUint32(this.#begin + 4, total, true)
    this.u32(total)
  }

  u16(value: number): void {
    this.#view.setUint16(this.length, value, true)
    this.length += 2
  }

  u32(value: number): void {
    this.#view.setUint32(this.length, value, true)
    this.length += 4
  }

  /** A whole number below 2^53. */
  u64(value: number): void {
    this.u32(value % 2 ** 32)
    this.u32(Math.floor(value / 2 ** 32))
  }

  /** A time is the high half, then the low half, whatever the byte order is. */
  time(ns: bigint): void {
    if (ns !== this.#time) {
      this.#time = ns
      this.#high = Number(ns >> 32n)
      this.#low = Number(ns & 0xffffffffn)
    }
    this.u32(this.#high)
    this.u32(this.#low)
  }

  data(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.length)
    this.#pad(bytes.length)
  }

  option(code: number, length: number): void {
    this.u16(code)
    this.u16(length)
  }

  textOption(code: number, text: string): void {
    const at = this.length + 4
    const { written } = encoder.encodeInto(text, this.bytes.subarray(at, at + LONGEST_TEXT))
    this.option(code, written)
    this.#pad(written)
  }

  u64Option(code: number, value: number): void {
    this.option(code, 8)
    this.u64(value)
  }

  timeOption(code: number, ns: bigint): void {
    this.option(code, 8)
    this.time(ns)
  }

  /** Passes over `length` bytes that were just written, and zeroes to a multiple of 4. */
  #pad(length: number): void {
    const end = this.length + length
    this.length = (end + 3) & ~3
    this.bytes.fill(0, end, this.length)
  }
}

/** The first block of a section. */
export function sectionHeader(to: BlockBuffer, application: string): void {
  to.begin(SECTION_HEADER)
  to.u32(BYTE_ORDER_MAGIC)
  to.u16(1) // version 1.0
  to.u16(0)
  to.u32(0xffffffff) // length of the section: not known
  to.u32(0xffffffff)
  to.textOption(SHB_OS, 'Linux')
  to.textOption(SHB_USERAPPL, application)
  to.option(OPT_ENDOFOPT, 0)
  to.end()
}

/** Interfaces are numbered from 0 in the order of these blocks. */
export function interfaceDescription(to: BlockBuffer, info: InterfaceInfo, snaplen: number): void {
  to.begin(INTERFACE_DESCRIPTION)
  to.u16(LINKTYPE_ETHERNET)
  to.u16(0)
  to.u32(snaplen)
  to.textOption(IF_NAME, info.name)
  if (info.description !== undefined) to.textOption(IF_DESCRIPTION, info.description)
  to.option(IF_MACADDR, 6)
  to.data(info.mac)
  to.option(IF_TSRESOL, 1)
  to.data(Uint8Array.of(TSRESOL))
  to.option(OPT_ENDOFOPT, 0)
  to.end()
}

export function enhancedPacket(to: BlockBuffer, packet: PacketFields): void {
  to.begin(ENHANCED_PACKET)
  to.u32(packet.interface)
  to.time(packet.time)
  to.u32(packet.length)
  to.u32(packet.original)
  to.data(packet.bytes.subarray(packet.start, packet.start + packet.length))
  to.option(EPB_FLAGS, 4)
  to.u32(packet.direction)
  if (packet.lost > 0) to.u64Option(EPB_DROPCOUNT, packet.lost)
  to.u64Option(EPB_PACKETID, packet.id)
  for (const comment of packet.comments) to.textOption(OPT_COMMENT, comment)
  to.option(OPT_ENDOFOPT, 0)
  to.end()
}

/** Stands at the end of a section, one for each interface. */
export function interfaceStatistics(to: BlockBuffer, statistics: StatisticsFields): void {
  to.begin(INTERFACE_STATISTICS)
  to.u32(statistics.interface)
  to.time(statistics.time)
  to.timeOption(ISB_STARTTIME, statistics.started)
  to.timeOption(ISB_ENDTIME, statistics.time)
  to.u64Option(ISB_IFRECV, statistics.recorded + statistics.lost)
  to.u64Option(ISB_IFDROP, statistics.lost)
  to.u64Option(ISB_USRDELIV, statistics.recorded)
  to.option(OPT_ENDOFOPT, 0)
  to.end()
}
