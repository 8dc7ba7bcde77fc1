// A super-frame described as its wire frames: how many, how long, where the payload of each stands, and the headers
// of any run of neighbours, written anew on demand. Read once for a super-frame, by datapath/inspector.ts and
// segment.ts; read() copies the headers, so that a run may be written over the frame in front of it, which is gone by
// then. It changes nothing of its own accord, allocates nothing for a frame, and believes no length. A leaf.
//
//   virtio-net header: 0 flags  1 gso_type  2 hdr_len  4 gso_size  6 csum_start  8 csum_offset  10 num_buffers
//   super-frame:  | Ethernet, tags | IP, options | TCP or UDP | payload 0 | payload 1 | payload 2 | ... |
//   run of 1, 2:               | headers, as a super-frame of its own | payload 1 | payload 2 |
//
// As net/ipv4/tcp_offload.c, udp_offload.c, af_inet.c and net/ipv6/ip6_offload.c: IPv4 ids count up, FIN and
// PSH stand in the last frame only, CWR in the first only. Headers that contradict each other describe nothing.

import { checksum, onesSum, writeU16 } from './checksum.js'
import { ABSENT, FIELD, IPPROTO_TCP, IPPROTO_UDP, Packet } from './packet.js'
import { VNET_HDR_LEN } from './slab.js'

export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
export const GSO_TYPE = 1
export const HDR_LEN = 2
export const GSO_SIZE = 4
export const CSUM_START = 6
export const CSUM_OFFSET = 8
export const VIRTIO_NET_HDR_GSO_NONE = 0
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4
const VIRTIO_NET_HDR_GSO_UDP_L4 = 5
export const VIRTIO_NET_HDR_GSO_ECN = 0x80

export const TCP_HEADER = 20
const TCP_SEQ = 4
export const TCP_DATA_OFFSET = 12
export const TCP_FLAGS = 13
export const TCP_CHECK = 16
const TCP_FIN = 0x01
const TCP_PSH = 0x08
export const TCP_CWR = 0x80
const UDP_HEADER = 8
const UDP_LENGTH = 4
export const UDP_CHECK = 6

const IPV4_LENGTH = 2
const IPV4_ID = 4
const IPV4_CHECK = 10
const IPV4_ADDRESSES = 12
const IPV6_LENGTH = 4
const IPV6_HEADER = 40
const IPV6_ADDRESSES = 8

/** In UDP 0 means "no checksum", so the kernel writes this in its place. */
export const CSUM_MANGLED_0 = 0xffff

/** Bytes of headers that are kept; Ethernet with two tags, IPv4 and TCP with all options are 142. */
const MOST_HEADERS = 256

export class SuperFrame {
  /** Where it stands, and bytes of it, without its virtio-net header. */
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  length = 0
  /** Bytes of all headers of a wire frame. */
  headers = 0
  /** Payload bytes of each wire frame; the last one may have less. */
  size = 0
  /** Wire frames. */
  count = 0
  /** May it travel in runs, with its checksums left to the receiver? Otherwise it is to be cut. */
  divisible = false
  readonly #packet = new Packet()
  /** Its headers as they came, behind the virtio-net header. */
  readonly #kept = new Uint8Array(VNET_HDR_LEN + MOST_HEADERS)
  #isTcp = false
  #l3 = 0
  #l4 = 0
  #flags = 0

  /** Reads the frame of `length` bytes at `start`, its virtio-net header in front. False: not one, or one that makes no sense. */
  read(bytes: Uint8Array, start: number, length: number): boolean {
    if (start < VNET_HDR_LEN || start + length > bytes.length) return false
    const header = start - VNET_HDR_LEN
    if (bytes[header + GSO_TYPE] === VIRTIO_NET_HDR_GSO_NONE) return false
    const packet = this.#packet
    packet.read(bytes, start, length)
    const { l4, payloadEnd, end, fields } = packet
    const size = headerU16(bytes, header + GSO_SIZE)
    if (l4 === ABSENT || payloadEnd !== end || fields[FIELD.fragment] !== 0 || size === 0) return false
    const transport = transportHeader(packet, bytes, header)
    const headers = l4 - start + transport
    if (transport === 0 || headers >= length) return false
    this.bytes = bytes
    this.start = start
    this.length = length
    this.headers = headers
    this.size = size
    this.count = Math.ceil((length - headers) / size)
    this.#l3 = packet.l3 - start
    this.#l4 = l4 - start
    this.#isTcp = fields[FIELD.proto] === IPPROTO_TCP
    this.#flags = bytes[l4 + TCP_FLAGS]
    this.divisible = this.#isDivisible(header)
    if (this.divisible) copy(bytes, header, this.#kept, 0, VNET_HDR_LEN + headers)
    return true
  }

  /** Bytes of a wire frame. */
  wireLength(index: number): number {
    return this.headers + this.payload(index, 1)
  }

  /** Payload bytes of `count` wire frames from `index`. */
  payload(index: number, count: number): number {
    return Math.min(count * this.size, this.length - this.headers - index * this.size)
  }

  /** Where the payload of a wire frame stands in `bytes`. */
  payloadAt(index: number): number {
    return this.start + this.headers + index * this.size
  }

  /** A wire frame's headers, read; its bytes are those of the super-frame, so lengths, ids and numbers in them are not its own. */
  packet(index: number): Packet {
    const packet = this.#packet
    const length = this.wireLength(index)
    packet.end = this.start + length
    packet.payloadEnd = packet.end
    packet.fields[FIELD.length] = length
    if (this.#isTcp) packet.fields[FIELD.tcpFlags] = this.#flags & this.#flagMask(index, 1)
    return packet
  }

  /**
   * Writes the headers of the run of `count` wire frames from `index` to `at`, its virtio-net header in front of them,
   * with the checksum unfinished; `payload()` bytes from `payloadAt()` belong behind them.
   */
  write(to: Uint8Array, at: number, index: number, count: number): void {
    const header = at - VNET_HDR_LEN
    if (this.divisible) copy(this.#kept, 0, to, header, VNET_HDR_LEN + this.headers)
    else copy(this.bytes, this.start - VNET_HDR_LEN, to, header, VNET_HDR_LEN + this.headers)
    this.number(to, at, index, count)
    // As skb_headlen() it may be more than there is of a run.
    writeHeaderU16(to, header + HDR_LEN, this.headers)
    if (index > 0) to[header + GSO_TYPE] &= ~VIRTIO_NET_HDR_GSO_ECN
    if (count > 1) return
    to[header + GSO_TYPE] = VIRTIO_NET_HDR_GSO_NONE
    writeHeaderU16(to, header + GSO_SIZE, 0)
  }

  /** Of headers that stand at `at` as those of the whole: makes them those of the run of `count` wire frames from `index`, likewise. */
  number(to: Uint8Array, at: number, index: number, count: number): void {
    const l3 = at + this.#l3
    const l4 = at + this.#l4
    const end = at + this.headers + this.payload(index, count)
    const v6 = to[l3] >> 4 === 6
    if (v6) writeU16(to, l3 + IPV6_LENGTH, end - l3 - IPV6_HEADER)
    else writeIpv4(to, l3, end, index)
    if (this.#isTcp) {
      addU32(to, l4 + TCP_SEQ, index * this.size)
      to[l4 + TCP_FLAGS] &= this.#flagMask(index, count)
    } else writeU16(to, l4 + UDP_LENGTH, end - l4)
    writePseudoSum(to, l3, l4, end, v6, this.#isTcp)
  }

  /** Writes a wire frame to `at`, its checksum finished, with a virtio-net header of zeros in front of it. Its length. */
  cut(index: number, to: Uint8Array, at: number): number {
    this.write(to, at, index, 1)
    this.#copyPayload(index, to, at + this.headers)
    to.fill(0, at - VNET_HDR_LEN, at)
    this.finish(index, to, at)
    return this.wireLength(index)
  }

  /** Is there a checksum to be finished? Then it is that of what stands from here on in a wire frame. Otherwise -1. */
  get sumFrom(): number {
    return this.#hasChecksum ? this.#l4 : -1
  }

  /** What a checksum of 0 is written as. */
  get zero(): number {
    return this.#isTcp ? 0 : CSUM_MANGLED_0
  }

  /** Finishes the checksum of a wire frame that stands at `at`, its headers written and its payload behind them. */
  finish(index: number, to: Uint8Array, at: number): void {
    const l4 = at + this.#l4
    const end = at + this.wireLength(index)
    const value = this.#hasChecksum ? checksum(to, l4, end - l4) : 0
    writeU16(to, at + this.checkAt, value === 0 && this.#hasChecksum ? this.zero : value)
  }

  /** Writes a wire frame to `at`, as cut(), with its checksum left to the receiver. For those that are divisible. */
  writeAlone(index: number, to: Uint8Array, at: number): void {
    this.write(to, at, index, 1)
    this.#copyPayload(index, to, at + this.headers)
  }

  /** Are these the bytes of a wire frame? `check`: of its checksum, which nobody computes again. */
  isSame(index: number, bytes: Uint8Array, start: number, check: number): boolean {
    const { headers } = this
    const at = VNET_HDR_LEN
    this.write(scratch, at, index, 1)
    writeU16(scratch, this.checkAt + at, check)
    for (let i = 0; i < headers; i++) if (scratch[at + i] !== bytes[start + i]) return false
    const length = this.payload(index, 1)
    const from = this.payloadAt(index)
    return (
      compare.call(this.bytes, bytes, start + headers, start + headers + length, from, from + length) === 0
    )
  }

  /** Where the checksum of TCP or UDP stands in a wire frame. */
  get checkAt(): number {
    return this.#l4 + (this.#isTcp ? TCP_CHECK : UDP_CHECK)
  }

  /** In memory of its own as well as in that where it stands; only there without a view. */
  #copyPayload(index: number, to: Uint8Array, at: number): void {
    const from = this.payloadAt(index)
    const end = from + this.payload(index, 1)
    if (to === this.bytes) to.copyWithin(at, from, end)
    else to.set(this.bytes.subarray(from, end), at)
  }

  /** UDP over IPv4 may go without one: 0 in a frame whose checksum nobody is to finish. */
  get #hasChecksum(): boolean {
    if (this.#isTcp || this.divisible) return true
    const header = this.start - VNET_HDR_LEN
    const unfinished = (this.bytes[header] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
    return unfinished || headerU16(this.bytes, this.start + this.#l4 + UDP_CHECK) !== 0
  }

  #flagMask(index: number, count: number): number {
    const last = index + count === this.count
    return 0xff & ~(last ? 0 : TCP_FIN | TCP_PSH) & ~(index === 0 ? 0 : TCP_CWR)
  }

  /** The headers of a run stand over the end of one wire frame, no more; the kernel finishes the checksum that we think of. */
  #isDivisible(header: number): boolean {
    const { bytes, headers } = this
    const unfinished = (bytes[header] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
    const offset = this.#isTcp ? TCP_CHECK : UDP_CHECK
    const placed =
      headerU16(bytes, header + CSUM_START) === this.#l4 && headerU16(bytes, header + CSUM_OFFSET) === offset
    const room = this.count === 1 || this.size >= VNET_HDR_LEN + headers
    return unfinished && placed && room && headers <= MOST_HEADERS
  }
}

/** For headers that are compared. */
const scratch = new Uint8Array(VNET_HDR_LEN + MOST_HEADERS)
/** Of parts, without a view of them. */
const { compare } = Buffer.prototype

/** Bytes of the TCP or UDP header; 0 when it is not what the virtio-net header at `header` says. */
function transportHeader(packet: Packet, bytes: Uint8Array, header: number): number {
  const { l4, end, fields } = packet
  const room = end - l4
  const version = fields[FIELD.version]
  const proto = fields[FIELD.proto]
  const type = bytes[header + GSO_TYPE] & ~VIRTIO_NET_HDR_GSO_ECN
  if (type === VIRTIO_NET_HDR_GSO_UDP_L4) return proto === IPPROTO_UDP && room >= UDP_HEADER ? UDP_HEADER : 0
  const tcp = type === (version === 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6)
  if (!tcp || proto !== IPPROTO_TCP || room < TCP_HEADER) return 0
  const length = 4 * (bytes[l4 + TCP_DATA_OFFSET] >> 4)
  return length >= TCP_HEADER ? length : 0
}

/** Numbers of a virtio-net header are little-endian. */
export function headerU16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8)
}

export function writeHeaderU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >> 8
}

/** Some hundred bytes: a call costs more. */
function copy(from: Uint8Array, start: number, to: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]
}

function writeIpv4(to: Uint8Array, l3: number, end: number, index: number): void {
  const id = l3 + IPV4_ID
  writeU16(to, l3 + IPV4_LENGTH, end - l3)
  writeU16(to, id, ((to[id] << 8) | to[id + 1]) + index)
  writeU16(to, l3 + IPV4_CHECK, 0)
  writeU16(to, l3 + IPV4_CHECK, checksum(to, l3, 4 * (to[l3] & 0xf)))
}

function addU32(to: Uint8Array, at: number, value: number): void {
  const high = (to[at] << 8) | to[at + 1]
  const low = ((to[at + 2] << 8) | to[at + 3]) + value
  writeU16(to, at, high + (low >>> 16))
  writeU16(to, at + 2, low)
}

/** Addresses, protocol and length: what stands in a checksum's place until that is finished. */
function writePseudoSum(
  to: Uint8Array,
  l3: number,
  l4: number,
  end: number,
  v6: boolean,
  tcp: boolean,
): void {
  const proto = tcp ? IPPROTO_TCP : IPPROTO_UDP
  const addresses = l3 + (v6 ? IPV6_ADDRESSES : IPV4_ADDRESSES)
  writeU16(to, l4 + (tcp ? TCP_CHECK : UDP_CHECK), onesSum(to, addresses, v6 ? 32 : 8, proto + end - l4))
}
