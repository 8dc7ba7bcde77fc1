// Writes pcapng sections: header and interfaces at once, so that a reader of a pipe begins, then frames,
// then the statistics. Whole blocks only reach the sink. capture/recorder.ts owns one; a failing sink
// throws out of any call.

import {
  BlockBuffer,
  enhancedPacket,
  type InterfaceInfo,
  interfaceDescription,
  interfaceStatistics,
  LONGEST_BLOCK,
  type PacketFields,
  sectionHeader,
} from './blocks.js'

/** Takes whole blocks. `bytes` are the sink's for the time of the call. */
export interface BlockSink {
  write(bytes: Uint8Array): void
}

export interface SectionOptions {
  interfaces: readonly InterfaceInfo[]
  /** Bytes recorded of each frame at most. */
  snaplen: number
  /** What wrote it, for shb_userappl. */
  application: string
}

const BUFFER_BYTES = 256 * 1024

export class PcapngWriter {
  /** Frames and bytes in the sink. */
  records = 0
  bytes = 0
  /** Bytes and frames of the section so far, those in the buffer too. */
  sectionBytes = 0
  sectionRecords = 0
  readonly #buffer = new BlockBuffer(BUFFER_BYTES)
  #buffered = 0
  readonly #sink: BlockSink
  readonly #options: SectionOptions
  readonly #started: bigint
  readonly #recorded: number[]

  /** `now`: ns since 1970, here as everywhere. */
  constructor(sink: BlockSink, options: SectionOptions, now: bigint) {
    this.#sink = sink
    this.#options = options
    this.#started = now
    this.#recorded = options.interfaces.map(() => 0)
  }

  /** Begins a section. */
  begin(): void {
    const { interfaces, snaplen, application } = this.#options
    this.sectionBytes = 0
    this.sectionRecords = 0
    const from = this.#buffer.length
    sectionHeader(this.#buffer, application)
    for (const info of interfaces) interfaceDescription(this.#buffer, info, snaplen)
    this.#grown(from)
    this.flush()
  }

  packet(packet: PacketFields): void {
    this.#makeRoom()
    const from = this.#buffer.length
    enhancedPacket(this.#buffer, packet)
    this.#recorded[packet.interface]!++
    this.#buffered++
    this.sectionRecords++
    this.#grown(from)
  }

  /** Ends the section. `lost`: frames lost so far, by interface. */
  end(now: bigint, lost: readonly number[]): void {
    for (const [index, recorded] of this.#recorded.entries()) {
      this.#makeRoom()
      const from = this.#buffer.length
      interfaceStatistics(this.#buffer, {
        interface: index,
        time: now,
        started: this.#started,
        recorded,
        lost: lost[index] ?? 0,
      })
      this.#grown(from)
    }
    this.flush()
  }

  flush(): void {
    const { length } = this.#buffer
    if (length === 0) return
    this.#sink.write(this.#buffer.bytes.subarray(0, length))
    this.bytes += length
    this.records += this.#buffered
    this.#buffered = 0
    this.#buffer.length = 0
  }

  #makeRoom(): void {
    if (BUFFER_BYTES - this.#buffer.length < LONGEST_BLOCK) this.flush()
  }

  #grown(from: number): void {
    this.sectionBytes += this.#buffer.length - from
  }
}
