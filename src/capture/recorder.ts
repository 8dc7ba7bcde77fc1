// The writer thread's work (thread.ts runs it): takes records out of the ring and writes them as pcapng,
// until the ring has ended. It sleeps while there is nothing; while frames come it looks every few
// milliseconds, so that the worker need not wake it for each burst.

import { INBOUND, type InterfaceInfo, OUTBOUND, type PacketFields, sizeOfPacket } from '../pcapng/blocks.js'
import { PcapngWriter } from '../pcapng/writer.js'
import { FrameRecord } from '../ring/record.js'
import { RingReader } from '../ring/ring.js'
import type { CaptureResult, RecorderSetup, Rotation } from './setup.js'
import { removeOldest, type Sink } from './sink.js'

/** ms */
const NAP = 2
/** Records between two times that the ring's room is given back. */
const BATCH = 64
/** Bytes kept free in a file for the statistics at its end. */
const STATISTICS_BYTES = 256

export class Recorder {
  readonly #ring: RingReader
  readonly #sink: Sink
  readonly #writer: PcapngWriter
  readonly #rotate: Rotation
  readonly #record = new FrameRecord()
  readonly #packet: PacketFields
  /** The ends that are captured; their places here are the numbers of their interfaces. */
  readonly #ends: (0 | 1)[]
  /** Lost records of each end that blocks have told of. */
  readonly #toldLost: [a: number, b: number] = [0, 0]
  /** ms of performance.now() at which the file is to be ended. */
  #deadline = Number.POSITIVE_INFINITY

  constructor(setup: RecorderSetup, sink: Sink) {
    this.#ring = new RingReader(setup.ring)
    this.#sink = sink
    this.#rotate = (setup.sink.kind === 'path' && setup.sink.rotate) || {}
    this.#ends = ([0, 1] as const).filter((end) => setup.interfaces[end] !== null)
    const interfaces = this.#ends.map((end) => setup.interfaces[end] as InterfaceInfo)
    const { snaplen, application } = setup
    this.#writer = new PcapngWriter(sink, { interfaces, snaplen, application }, wallClock())
    this.#packet = emptyPacket(this.#ring.bytes)
  }

  /** Writes the header. */
  begin(): void {
    this.#writer.begin()
    if (this.#rotate.seconds !== undefined) this.#deadline = performance.now() + 1000 * this.#rotate.seconds
  }

  /** Writes until the ring has ended. */
  run(): void {
    while (this.turn()) {}
    this.#writer.end(wallClock(), this.#lost())
  }

  result(): CaptureResult {
    const { records, bytes } = this.#writer
    return { records, lost: this.#ring.lost(0) + this.#ring.lost(1), bytes, files: this.#sink.files }
  }

  /** One look at the ring; false when it has ended and nothing is left in it. */
  turn(): boolean {
    const { ended } = this.#ring // before the look: what is published until then is still read
    const count = this.#drain()
    this.#writer.flush()
    if (ended && count === 0) return false
    if (count > 0) this.#ring.nap(NAP)
    else this.#ring.wait(Math.max(this.#deadline - performance.now(), NAP))
    if (performance.now() >= this.#deadline) this.#nextFile()
    return true
  }

  /** Writes what is in the ring. Records. */
  #drain(): number {
    const ring = this.#ring
    let count = 0
    for (let at = ring.next(); at >= 0; at = ring.next()) {
      this.#record.read(ring, at)
      this.#write(this.#record)
      if (++count % BATCH === 0) ring.release()
    }
    ring.release()
    return count
  }

  #write(record: FrameRecord): void {
    const packet = this.#packet
    packet.interface = this.#ends.indexOf(record.end)
    packet.time = nanoseconds(record.origin, record.time)
    packet.start = record.start
    packet.length = record.length
    packet.original = record.original
    packet.direction = record.outbound ? OUTBOUND : INBOUND
    packet.id = record.id
    packet.lost = record.lost - this.#toldLost[record.end]
    packet.comments = commentsOn(record)
    this.#toldLost[record.end] = record.lost
    const { bytes = Number.POSITIVE_INFINITY } = this.#rotate
    const { sectionBytes } = this.#writer
    if (sectionBytes + sizeOfPacket(packet) + STATISTICS_BYTES > bytes) this.#nextFile()
    this.#writer.packet(packet)
  }

  /** Ends this file and begins the next; a file without frames goes on. */
  #nextFile(): void {
    if (this.#writer.sectionRecords > 0) {
      this.#writer.end(wallClock(), this.#lost())
      this.#sink.next()
      if (this.#rotate.files !== undefined) removeOldest(this.#sink, this.#rotate.files)
      this.begin()
    } else if (this.#rotate.seconds !== undefined) {
      this.#deadline = performance.now() + 1000 * this.#rotate.seconds
    }
  }

  #lost(): number[] {
    return this.#ends.map((end) => this.#ring.lost(end))
  }
}

/** What became of a frame, in words. */
export function commentsOn({ cause, reason, delay, copies, outbound }: FrameRecord): string[] {
  if (cause !== undefined)
    return [reason === undefined ? `dropped: ${cause}` : `dropped: ${cause} (${reason})`]
  const comments: string[] = []
  if (reason !== undefined) comments.push(`changed: ${reason}`)
  if (delay > 0) comments.push(`delayed: ${delay.toFixed(3)} ms`)
  if (outbound && copies > 0) comments.push(`duplicated: ${copies} more`)
  return comments
}

/** ns since 1970. The ms are split first: as one float they would be good to 200 ns only. */
export function nanoseconds(origin: number, time: number): bigint {
  const whole = Math.trunc(origin)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((origin - whole + time) * 1e6))
}

function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n
}

function emptyPacket(bytes: Uint8Array): PacketFields {
  return {
    interface: 0,
    time: 0n,
    bytes,
    start: 0,
    length: 0,
    original: 0,
    direction: 0,
    id: 0,
    lost: 0,
    comments: [],
  }
}
