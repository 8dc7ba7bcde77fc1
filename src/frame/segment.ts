// Makes wire frames of what the kernel sends with offloads on: finishes a checksum that was left to the
// network card, and cuts a super-frame into the frames that a card (or the kernel, in software) would make
// of it. datapath/inspector.ts calls it, so that hooks see wire frames only. Cutting is not the hot path: it is
// for what is on its way when a direction begins to be inspected; from then on its sender makes no
// super-frames. A leaf; it keeps no state, so the parts of a super-frame may be asked for in any order.
//
//   virtio-net header: 0 flags  1 gso_type  2 hdr_len  4 gso_size  6 csum_start  8 csum_offset  10 num_buffers
//   super-frame:  | Ethernet, tags | IP, options | TCP or UDP | payload .......................... |
//   wire frame i: | same           | length, id  | seq, flags | gso_size bytes from i * gso_size |
//
// As net/ipv4/tcp_offload.c, udp_offload.c, af_inet.c and net/ipv6/ip6_offload.c: IPv4 ids count up, FIN and
// PSH stand in the last frame only, CWR in the first only. A super-frame whose headers contradict each other
// is not cut: the answer is 0. Nothing outside of the frame is read, nothing outside of its place is written.

import { checksum, onesSum, writeU16 } from './checksum.js'
import { ABSENT, FIELD, IPPROTO_TCP, IPPROTO_UDP, Packet } from './packet.js'
import { VNET_HDR_LEN } from './slab.js'

const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
const GSO_TYPE = 1
const GSO_SIZE = 4
const CSUM_START = 6
const CSUM_OFFSET = 8
const VIRTIO_NET_HDR_GSO_NONE = 0
const VIRTIO_NET_HDR_GSO_TCPV4 = 1
const VIRTIO_NET_HDR_GSO_TCPV6 = 4
const VIRTIO_NET_HDR_GSO_UDP_L4 = 5
const VIRTIO_NET_HDR_GSO_ECN = 0x80

const TCP_HEADER = 20
const TCP_SEQ = 4
const TCP_DATA_OFFSET = 12
const TCP_FLAGS = 13
const TCP_CHECK = 16
const TCP_FIN = 0x01
const TCP_PSH = 0x08
const TCP_CWR = 0x80
const UDP_HEADER = 8
const UDP_LENGTH = 4
const UDP_CHECK = 6

const IPV4_LENGTH = 2
const IPV4_ID = 4
const IPV4_CHECK = 10
const IPV4_ADDRESSES = 12
const IPV6_LENGTH = 4
const IPV6_HEADER = 40
const IPV6_ADDRESSES = 8

/** In UDP 0 means "no checksum", so the kernel writes this in its place. */
const CSUM_MANGLED_0 = 0xffff

// Filled by read() for each call; nothing in it is used by the next.
const packet = new Packet()
/** Of the super-frame that `packet` holds: bytes of all headers, payload bytes of each wire frame. */
let headers = 0
let size = 0

/**
 * Finishes the checksum of the frame of `length` bytes at `start`, which is no super-frame, if that is
 * unfinished, and clears the virtio-net header in front of it. As skb_checksum_help(). False: the header
 * points outside of the frame; nothing but the header is changed then.
 */
export function finishChecksum(bytes: Uint8Array, start: number, length: number): boolean {
  const header = start - VNET_HDR_LEN
  const unfinished = (bytes[header] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
  const from = headerU16(bytes, header + CSUM_START)
  const at = from + headerU16(bytes, header + CSUM_OFFSET)
  bytes.fill(0, header, start)
  if (!unfinished) return true
  if (at + 2 > length) return false
  // The place holds the sum of the pseudo header.
  writeU16(bytes, start + at, checksum(bytes, start + from, length - from) || CSUM_MANGLED_0)
  return true
}

/** Wire frames in the super-frame of `length` bytes at `start`, its virtio-net header in front. 0: not one, or one that cannot be cut. */
export function segmentsOf(bytes: Uint8Array, start: number, length: number): number {
  return read(bytes, start, length) ? Math.ceil((length - headers) / size) : 0
}

/**
 * Writes wire frame `index` of the super-frame to `at`, with an all-zero virtio-net header in front of it.
 * Answers its length; 0 when there is no such frame, or no room for it in `to`.
 */
export function cutSegment(
  from: Uint8Array,
  start: number,
  length: number,
  index: number,
  to: Uint8Array,
  at: number,
): number {
  if (!read(from, start, length)) return 0
  const offset = index * size
  const payload = Math.min(size, length - headers - offset)
  const total = headers + payload
  if (index < 0 || payload <= 0 || at < VNET_HDR_LEN || at + total > to.length) return 0
  const last = offset + payload === length - headers
  const finish = packet.fields[FIELD.proto] === IPPROTO_TCP || hasUdpChecksum(from, start)
  to.fill(0, at - VNET_HDR_LEN, at)
  to.set(from.subarray(start, start + headers), at)
  to.set(from.subarray(start + headers + offset, start + headers + offset + payload), at + headers)
  // From here on l3 and l4 are offsets from the frame's first byte, which is now at `at`.
  const l3 = at + packet.l3 - start
  const l4 = at + packet.l4 - start
  writeIp(to, l3, at + total, index)
  if (packet.fields[FIELD.proto] === IPPROTO_TCP) writeTcp(to, l4, offset, index === 0, last)
  else writeU16(to, l4 + UDP_LENGTH, at + total - l4)
  if (finish) writeTransportChecksum(to, l3, l4, at + total)
  return total
}

/** Reads the headers. False: not a super-frame that can be cut. */
function read(bytes: Uint8Array, start: number, length: number): boolean {
  if (start < VNET_HDR_LEN || start + length > bytes.length) return false
  if (bytes[start - VNET_HDR_LEN + GSO_TYPE] === VIRTIO_NET_HDR_GSO_NONE) return false
  size = headerU16(bytes, start - VNET_HDR_LEN + GSO_SIZE)
  packet.read(bytes, start, length)
  const { l4, payloadEnd, end, fields } = packet
  if (l4 === ABSENT || payloadEnd !== end || fields[FIELD.fragment] !== 0 || size === 0) return false
  const transport = transportHeader(bytes, start - VNET_HDR_LEN, end - l4)
  headers = l4 - start + transport
  return transport > 0 && headers < length
}

/** Bytes of the TCP or UDP header, out of `room`; 0 when it is not what the virtio-net header says. */
function transportHeader(bytes: Uint8Array, header: number, room: number): number {
  const { l4, fields } = packet
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
function headerU16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8)
}

/** UDP over IPv4 may go without one: 0 in a frame whose checksum nobody is to finish. */
function hasUdpChecksum(bytes: Uint8Array, start: number): boolean {
  const unfinished = (bytes[start - VNET_HDR_LEN] & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0
  return unfinished || headerU16(bytes, packet.l4 + UDP_CHECK) !== 0
}

function writeIp(to: Uint8Array, l3: number, end: number, index: number): void {
  if (packet.fields[FIELD.version] === 6) {
    writeU16(to, l3 + IPV6_LENGTH, end - l3 - IPV6_HEADER)
    return
  }
  const id = l3 + IPV4_ID
  writeU16(to, l3 + IPV4_LENGTH, end - l3)
  writeU16(to, id, ((to[id] << 8) | to[id + 1]) + index)
  writeU16(to, l3 + IPV4_CHECK, 0)
  writeU16(to, l3 + IPV4_CHECK, checksum(to, l3, 4 * (to[l3] & 0xf)))
}

function writeTcp(to: Uint8Array, l4: number, offset: number, first: boolean, last: boolean): void {
  const seq = l4 + TCP_SEQ
  const high = (to[seq] << 8) | to[seq + 1]
  const low = ((to[seq + 2] << 8) | to[seq + 3]) + offset
  writeU16(to, seq, high + (low >>> 16))
  writeU16(to, seq + 2, low)
  if (!last) to[l4 + TCP_FLAGS] &= ~(TCP_FIN | TCP_PSH)
  if (!first) to[l4 + TCP_FLAGS] &= ~TCP_CWR
}

function writeTransportChecksum(to: Uint8Array, l3: number, l4: number, end: number): void {
  const v6 = packet.fields[FIELD.version] === 6
  const proto = packet.fields[FIELD.proto]
  const check = l4 + (proto === IPPROTO_TCP ? TCP_CHECK : UDP_CHECK)
  // The pseudo header: addresses, protocol, length.
  const addresses = onesSum(to, l3 + (v6 ? IPV6_ADDRESSES : IPV4_ADDRESSES), v6 ? 32 : 8, proto)
  writeU16(to, check, 0)
  const value = checksum(to, l4, end - l4, addresses + (end - l4))
  writeU16(to, check, value === 0 && proto === IPPROTO_UDP ? CSUM_MANGLED_0 : value)
}
