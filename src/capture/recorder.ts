// What the writer thread does for one capture (thread.ts): takes records out of its ring and writes them as blocks of
// pcapng (files.ts), until the ring has ended. It waits while there is nothing; while frames come it looks every few
// milliseconds, so that the worker need not wake it for each burst. After each buffer the other captures have their turn.

import { setImmediate, setTimeout } from 'node:timers/promises'
import {
  BlockBuffer,
  enhancedPacket,
  INBOUND,
  type InterfaceInfo,
  interfaceDescription,
  LONGEST_BLOCK,
  OUTBOUND,
  type PacketFields,
  sectionHeader,
} from '../pcapng/blocks.js'
import { FrameRecord } from '../ring/record.js'
import { RingReader } from '../ring/ring.js'
import type { CaptureFiles } from './files.js'
import type { CaptureResult, RecorderSetup } from './setup.js'

/** ms */
const NAP = 2
/** ms between two tries at a pipe that is full, or that nobody reads yet. */
const RETRY = 2
/** A write waits for its turn in one of libuv's threads, which comes late on a busy machine: few and large ones. */
const BUFFER_BYTES = 1024 * 1024
const APPLICATION = 'uveth'

/** What a look at the ring has found: nothing, some records, or more than the buffer takes. */
const NOTHING = 0
const SOME = 1
const FULL = 2
type Look = typeof NOTHING | typeof SOME | typeof FULL

export class Recorder {
  readonly #ring: RingReader
  readonly #files: CaptureFiles
  readonly #snaplen: number
  readonly #record = new FrameRecord()
  readonly #buffer = new BlockBuffer(BUFFER_BYTES)
  readonly #packet: PacketFields
  /** The ends that are captured; their places here are the numbers of their interfaces. */
  readonly #ends: (0 | 1)[]
  readonly #interfaces: InterfaceInfo[]
  /** Lost records of each end that blocks have told of. */
  readonly #toldLost: [a: number, b: number] = [0, 0]

  constructor({ ring, interfaces, snaplen }: RecorderSetup, files: CaptureFiles) {
    this.#ring = new RingReader(ring)
    this.#files = files
    this.#snaplen = snaplen
    this.#ends = ([0, 1] as const).filter((end) => interfaces[end] !== null)
    this.#interfaces = this.#ends.map((end) => interfaces[end] as InterfaceInfo)
    this.#packet = emptyPacket()
  }

  /** Gives the sink the header at once, so that a reader of a pipe begins; it need not be taken when this returns. */
  async begin(): Promise<void> {
    sectionHeader(this.#buffer, APPLICATION)
    for (const info of this.#interfaces) interfaceDescription(this.#buffer, info, this.#snaplen)
    this.#files.take(this.#blocks())
    if (await this.#files.flush()) this.#buffer.length = 0
  }

  /** Writes until the ring has ended. */
  async run(): Promise<void> {
    await this.#settle()
    while (await this.turn()) {}
    this.#countLost()
    this.#files.end()
    await this.#settle()
  }

  result(): CaptureResult {
    const { frames, bytes, files } = this.#files
    return { records: frames, lost: this.#ring.lost(0) + this.#ring.lost(1), bytes, files }
  }

  /** One look at the ring; false when it has ended and nothing is left in it. */
  async turn(): Promise<boolean> {
    const { ended } = this.#ring // before the look: what is published until then is still read
    const look = this.#drain()
    if (ended && look === NOTHING) return false
    if (look !== NOTHING) this.#files.take(this.#blocks())
    const left = this.#files.look()
    await this.#settle()
    if (look === FULL) await setImmediate()
    else if (look === SOME) await this.#ring.nap(NAP)
    else await this.#ring.wait(Math.max(left, NAP))
    return true
  }

  /** Makes blocks of what is in the ring, as far as there is room for them. */
  #drain(): Look {
    const ring = this.#ring
    const record = this.#record
    let look: Look = NOTHING
    while (BUFFER_BYTES - this.#buffer.length >= LONGEST_BLOCK) {
      if (record.next()) {
        this.#encode(record)
        look = SOME
        continue
      }
      ring.release()
      const at = ring.next()
      if (at < 0) return look
      record.read(ring, at)
      this.#describe(record)
    }
    return FULL
  }

  /** What its wire frames have in common. */
  #describe(record: FrameRecord): void {
    const packet = this.#packet
    packet.interface = this.#ends.indexOf(record.end)
    packet.time = nanoseconds(record.origin, record.time)
    packet.direction = record.outbound ? OUTBOUND : INBOUND
    packet.comments = commentsOn(record)
  }

  #encode(record: FrameRecord): void {
    const packet = this.#packet
    packet.bytes = record.bytes
    packet.start = record.start
    packet.length = record.length
    packet.original = record.original
    packet.id = record.id
    packet.lost = record.lost - this.#toldLost[record.end]
    this.#toldLost[record.end] = record.lost
    enhancedPacket(this.#buffer, packet)
  }

  /** Waits until all is written; meanwhile the ring fills, and the worker counts what it loses. */
  async #settle(): Promise<void> {
    while (!(await this.#files.flush(RETRY))) await setTimeout(RETRY)
    this.#buffer.length = 0
  }

  #blocks(): Uint8Array {
    return this.#buffer.bytes.subarray(0, this.#buffer.length)
  }

  /** Also what was lost behind the last frame, of which no block tells. */
  #countLost(): void {
    for (const [index, end] of this.#ends.entries()) this.#files.lost[index] = this.#ring.lost(end)
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

function emptyPacket(): PacketFields {
  return {
    interface: 0,
    time: 0n,
    bytes: new Uint8Array(0),
    start: 0,
    length: 0,
    original: 0,
    direction: 0,
    id: 0,
    lost: 0,
    comments: [],
  }
}
