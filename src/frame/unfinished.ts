// Finds what a frame is that came without a virtio-net header from a kernel that had left its checksum unfinished: so
// come those of a tunnel whose other side is the same machine's kernel (test/kernel/30). The checksum's place holds the
// sum of the pseudo header then. One that is finished has that value once in 65,536 times, and is none the worse for it: it
// is computed again, to the same. A TCP frame that is longer than `mtu` allows is a super-frame, of which the length
// of its parts is lost: they are as long as `mtu` allows. Used by datapath/vxlan-port.ts. A leaf, allocates nothing.

import { onesSum } from './checksum.js'
import { ABSENT, FIELD, IPPROTO_TCP, IPPROTO_UDP, type Packet } from './packet.js'
import {
  CSUM_OFFSET,
  CSUM_START,
  GSO_SIZE,
  GSO_TYPE,
  HDR_LEN,
  TCP_CHECK,
  TCP_CWR,
  TCP_DATA_OFFSET,
  TCP_FLAGS,
  TCP_HEADER,
  UDP_CHECK,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  writeHeaderU16,
} from './super-frame.js'

const IPV4_ADDRESSES = 12
const IPV6_ADDRESSES = 8

/** Writes into the virtio-net header at `header` of `to`, which holds zeros, what the frame that `packet` has read is. */
export function describeUnfinished(packet: Packet, mtu: number, to: Uint8Array, header: number): void {
  const { bytes, start, l3, l4, payloadEnd, end, fields } = packet
  const proto = fields[FIELD.proto]
  const tcp = proto === IPPROTO_TCP
  if (l4 === ABSENT || fields[FIELD.fragment] !== 0 || (!tcp && proto !== IPPROTO_UDP)) return
  const offset = tcp ? TCP_CHECK : UDP_CHECK
  const at = l4 + offset
  if (at + 2 > payloadEnd) return
  const v6 = fields[FIELD.version] === 6
  const length = payloadEnd - l4
  const addresses = onesSum(bytes, l3 + (v6 ? IPV6_ADDRESSES : IPV4_ADDRESSES), v6 ? 32 : 8, proto + length)
  if (((bytes[at] << 8) | bytes[at + 1]) !== addresses) return
  to[header] = VIRTIO_NET_HDR_F_NEEDS_CSUM
  writeHeaderU16(to, header + CSUM_START, l4 - start)
  writeHeaderU16(to, header + CSUM_OFFSET, offset)
  if (!tcp || payloadEnd !== end || end - l3 <= mtu || length < TCP_HEADER) return
  const headers = l4 - l3 + 4 * (bytes[l4 + TCP_DATA_OFFSET] >> 4)
  if (headers >= mtu) return
  const ecn = (bytes[l4 + TCP_FLAGS] & TCP_CWR) === 0 ? 0 : VIRTIO_NET_HDR_GSO_ECN
  to[header + GSO_TYPE] = (v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) | ecn
  writeHeaderU16(to, header + HDR_LEN, l3 - start + headers)
  writeHeaderU16(to, header + GSO_SIZE, mtu - headers)
}
