// The packets of a recording, of whatever program: pcapng and the classic pcap, in either order of bytes, with times in
// any unit. Pure: bytes come in pieces of any length, packets go out one by one; pair/replay.ts calls it. Nothing in
// the bytes is believed further than they reach. Unlike reader.ts it is for files that others have written.

import { UvethError } from '../errors.js'
import { viewOf } from '../frame/view.js'
import { ENHANCED_PACKET, INBOUND, INTERFACE_DESCRIPTION, SECTION_HEADER } from './blocks.js'

const MAGIC_MICROSECONDS = 0xa1b2c3d4
const MAGIC_NANOSECONDS = 0xa1b23c4d
const BYTE_ORDER = 0x1a2b3c4d
const SIMPLE_PACKET = 3
const OBSOLETE_PACKET = 2
const [IF_NAME, IF_TSRESOL, EPB_FLAGS] = [2, 9, 2]
const ETHERNET = 1
/** Bytes of a block or a packet: dumpcap refuses longer ones, too. */
const LONGEST = 16 * 1024 * 1024

export interface RecordedPacket {
  /** ns since 1970. */
  time: bigint
  /** What was kept of it. Memory of its own. */
  bytes: Uint8Array
  /** Bytes of the whole frame. */
  length: number
  /** The interface it was recorded on; '' where the file does not say. */
  on: string
  /** It is said to have come in there. */
  inbound: boolean
}

interface Interface {
  name: string
  /** Units of time in a second. */
  units: bigint
  ethernet: boolean
}

/** EBADMSG: it is no recording, or it is broken (what stands before that has been answered); EINVAL: not of Ethernet. */
export async function* recordedPackets(parts: AsyncIterable<Uint8Array>): AsyncGenerator<RecordedPacket> {
  const input = new Input(parts)
  const start = await input.take(4)
  if (start === undefined) throw broken('it is empty')
  const magic = viewOf(start)
  if (magic.getUint32(0) === SECTION_HEADER) return yield* pcapng(input)
  for (const little of [true, false]) {
    const word = magic.getUint32(0, little)
    if (word === MAGIC_MICROSECONDS) return yield* classic(input, little, 1_000n)
    if (word === MAGIC_NANOSECONDS) return yield* classic(input, little, 1n)
  }
  throw broken('it is neither pcap nor pcapng')
}

async function* classic(input: Input, little: boolean, unit: bigint): AsyncGenerator<RecordedPacket> {
  const header = await input.need(20)
  refuseOthers((header.getUint32(16, little) & 0xffff) === ETHERNET)
  for (;;) {
    const start = await input.view(16)
    if (start === undefined) return
    const kept = start.getUint32(8, little)
    const bytes = await input.bytes(kept)
    const time =
      BigInt(start.getUint32(0, little)) * 1_000_000_000n + BigInt(start.getUint32(4, little)) * unit
    yield { time, bytes, length: start.getUint32(12, little), on: '', inbound: false }
  }
}

async function* pcapng(input: Input): AsyncGenerator<RecordedPacket> {
  let little = true
  let interfaces: Interface[] = []
  for (let kind: number | undefined = SECTION_HEADER; kind !== undefined; ) {
    if (kind === SECTION_HEADER) {
      const head = await input.need(8)
      little = head.getUint32(4, true) === BYTE_ORDER
      if (!little && head.getUint32(4) !== BYTE_ORDER) throw broken('a section has no order of bytes')
      await input.bytes(blockRest(head.getUint32(0, little), 12))
      interfaces = []
    } else {
      const head = await input.need(4)
      const body = await input.bytes(blockRest(head.getUint32(0, little), 8))
      const view = new DataView(body.buffer, body.byteOffset, body.length - 4)
      if (kind === INTERFACE_DESCRIPTION) interfaces.push(describedInterface(view, little))
      const packet = packetIn(kind, view, little, interfaces)
      if (packet !== undefined) yield packet
    }
    const next = await input.view(4)
    kind = next?.getUint32(0, little) // that of a section is the same in either order
  }
}

/** Bytes of a block behind the `read` first ones, its second length included. */
function blockRest(length: number, read: number): number {
  if (length < read + 4 || length % 4 !== 0 || length > LONGEST)
    throw broken('the length of a block is wrong')
  return length - read
}

function packetIn(
  kind: number,
  body: DataView,
  little: boolean,
  interfaces: readonly Interface[],
): RecordedPacket | undefined {
  if (kind === OBSOLETE_PACKET || kind === SIMPLE_PACKET)
    throw broken(
      'it has packets of a kind that is not read (Simple or obsolete Packet Blocks): editcap converts it',
    )
  if (kind !== ENHANCED_PACKET) return undefined
  if (body.byteLength < 20) throw broken('a packet is too short')
  const from = interfaces[body.getUint32(0, little)]
  if (from === undefined) throw broken('a packet is of no interface')
  refuseOthers(from.ethernet)
  const kept = body.getUint32(12, little)
  const end = 20 + ((kept + 3) & ~3)
  if (kept > body.byteLength - 20 || end > body.byteLength) throw broken('a packet is longer than its block')
  const ticks = (BigInt(body.getUint32(4, little)) << 32n) | BigInt(body.getUint32(8, little))
  const flags = option(body, end, EPB_FLAGS, little)
  return {
    time: (ticks * 1_000_000_000n) / from.units,
    bytes: new Uint8Array(body.buffer, body.byteOffset + 20, kept).slice(),
    length: body.getUint32(16, little),
    on: from.name,
    inbound: flags !== undefined && flags.byteLength === 4 && (flags.getUint32(0, little) & 3) === INBOUND,
  }
}

function describedInterface(body: DataView, little: boolean): Interface {
  if (body.byteLength < 8) throw broken('an interface is too short')
  const name = option(body, 8, IF_NAME, little)
  const resolution = option(body, 8, IF_TSRESOL, little)
  const power = resolution === undefined || resolution.byteLength < 1 ? 6 : resolution.getUint8(0)
  return {
    name: name === undefined ? '' : Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString(),
    units: power < 0x80 ? 10n ** BigInt(power) : 2n ** BigInt(power & 0x7f),
    ethernet: body.getUint16(0, little) === ETHERNET,
  }
}

/** The value of the first option `code`; options begin at `from`. */
function option(body: DataView, from: number, code: number, little: boolean): DataView | undefined {
  for (let at = from; at + 4 <= body.byteLength; ) {
    const found = body.getUint16(at, little)
    const length = body.getUint16(at + 2, little)
    if (found === 0 || at + 4 + length > body.byteLength) return undefined
    if (found === code) return new DataView(body.buffer, body.byteOffset + at + 4, length)
    at += 4 + ((length + 3) & ~3)
  }
  return undefined
}

function refuseOthers(ethernet: boolean): void {
  if (!ethernet)
    throw new UvethError('EINVAL: the recording is not of Ethernet frames', {
      code: 'EINVAL',
      attribute: 'file',
    })
}

function broken(why: string): UvethError {
  return new UvethError(`EBADMSG: the recording cannot be read: ${why}`, {
    code: 'EBADMSG',
    attribute: 'file',
  })
}

/** So many bytes at a time, whatever pieces they come in. */
class Input {
  readonly #parts: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]()
  }

  /** Undefined at the end. */
  async take(count: number): Promise<Uint8Array | undefined> {
    if (count > LONGEST) throw broken('a packet is longer than 16 MiB')
    const pieces: Uint8Array[] = []
    let missing = count
    while (missing > this.#rest.length) {
      pieces.push(this.#rest)
      missing -= this.#rest.length
      const { value, done } = await this.#parts.next()
      this.#rest = new Uint8Array(0)
      if (done === true) {
        if (missing < count) throw broken('it ends in the middle of a packet')
        return undefined
      }
      this.#rest = value
    }
    pieces.push(this.#rest.subarray(0, missing))
    this.#rest = this.#rest.subarray(missing)
    return pieces.length === 1 ? pieces[0] : new Uint8Array(Buffer.concat(pieces))
  }

  async view(count: number): Promise<DataView | undefined> {
    const bytes = await this.take(count)
    return bytes && viewOf(bytes)
  }

  async need(count: number): Promise<DataView> {
    const view = await this.view(count)
    if (view === undefined) throw broken('it ends in the middle of a packet')
    return view
  }

  async bytes(count: number): Promise<Uint8Array> {
    const view = await this.need(count)
    return new Uint8Array(view.buffer, view.byteOffset, count)
  }
}
