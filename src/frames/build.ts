// Bytes of layers. Sizes, types, protocols and checksums are computed where they are not said; what is said stays,
// right or wrong, so that a broken frame can be built too. Called by builder.ts and by whoever has layers as data.

import { invalid } from '../errors.js'
import { checksum, onesSum, writeU16 } from '../frame/checksum.js'
import { ETH_HLEN, VLAN_TAG } from '../frame/ethernet.js'
import { CSUM_MANGLED_0 } from '../frame/super-frame.js'
import { LAYERS, type Layers, type ReadLayers } from '../wishes/layers.js'
import { ETHERTYPES, PROTOCOLS } from '../wishes/names.js'

const BROADCAST = new Uint8Array(6).fill(0xff)
const SENDER = Uint8Array.of(2, 0, 0, 0, 0, 1)
const NO_BYTES = new Uint8Array(0)
const U16 = 0xffff
const [IPV4_HEADER, IPV6_HEADER, TCP_HEADER, UDP_HEADER, ICMP_HEADER, ARP_LENGTH] = [20, 40, 20, 8, 8, 28]

/** The frame, without FCS. EINVAL: layers that do not go together, or that are too long. */
export function buildFrame(layers: Layers): Uint8Array {
  const read = LAYERS.read(layers, 'frame')
  refuseOdd(read)
  const network = networkLayer(read)
  const tags = read.vlans ?? []
  const head = new Uint8Array(ETH_HLEN + VLAN_TAG * tags.length)
  head.set(read.ether?.dst ?? BROADCAST, 0)
  head.set(read.ether?.src ?? SENDER, 6)
  tags.forEach(({ id = 0, pcp = 0, dei = false, tpid = ETHERTYPES.vlan }, index) => {
    writeU16(head, 12 + VLAN_TAG * index, tpid)
    writeU16(head, 14 + VLAN_TAG * index, (pcp << 13) | (Number(dei) << 12) | id)
  })
  writeU16(head, head.length - 2, read.ether?.type ?? typeOf(read))
  return Uint8Array.from(Buffer.concat([head, network, read.padding ?? NO_BYTES]))
}

function refuseOdd({ arp, ipv4, ipv6, udp, tcp, icmp, payload }: ReadLayers): void {
  const only = (what: string, layers: object) => {
    const there = Object.entries(layers).flatMap(([name, layer]) => (layer === undefined ? [] : [name]))
    if (there.length > 1) throw invalid(`a frame has one of ${what}, not ${there.join(' and ')}`, 'frame')
    return there[0]
  }
  const network = only('arp, ipv4 and ipv6', { arp, ipv4, ipv6 })
  const transport = only('udp, tcp and icmp', { udp, tcp, icmp })
  if (transport !== undefined && (network === undefined || network === 'arp'))
    throw invalid(`${transport} is behind ipv4 or ipv6`, `frame.${transport}`)
  if (arp && payload) throw invalid('arp has no payload: padding is behind it', 'frame.payload')
}

function typeOf({ arp, ipv4, ipv6 }: ReadLayers): number {
  return arp ? ETHERTYPES.arp : ipv4 ? ETHERTYPES.ipv4 : ipv6 ? ETHERTYPES.ipv6 : 0
}

function protoOf({ ipv6, udp, tcp, icmp }: ReadLayers): number {
  if (udp) return PROTOCOLS.udp
  if (tcp) return PROTOCOLS.tcp
  if (icmp) return ipv6 ? PROTOCOLS.icmpv6 : PROTOCOLS.icmp
  return ipv6 ? 59 : 0 // no next header
}

function networkLayer(read: ReadLayers): Uint8Array {
  if (read.arp) return arpPacket(read.arp)
  if (read.ipv4) return ipv4Packet(read.ipv4, read)
  if (read.ipv6) return ipv6Packet(read.ipv6, read)
  return read.payload ?? NO_BYTES
}

function arpPacket({ op = 1, sender, target }: NonNullable<ReadLayers['arp']>): Uint8Array {
  const packet = new Uint8Array(ARP_LENGTH)
  packet.set([0, 1, 8, 0, 6, 4])
  writeU16(packet, 6, op)
  packet.set(sender?.address ?? SENDER, 8)
  if (sender?.ip) packet.set(sender.ip, 14)
  if (target?.address) packet.set(target.address, 18)
  if (target?.ip) packet.set(target.ip, 24)
  return packet
}

function ipv4Packet(ip: NonNullable<ReadLayers['ipv4']>, read: ReadLayers): Uint8Array {
  const options = ip.options ?? NO_BYTES
  const header = new Uint8Array(IPV4_HEADER + options.length)
  const proto = ip.proto ?? protoOf(read)
  const body = transportLayer(read, pseudo(ip.src, ip.dst, proto))
  const length = ip.length ?? fitting(header.length + body.length, 'ipv4')
  header[0] = 0x40 | (header.length / 4)
  header[1] = ((ip.dscp ?? 0) << 2) | (ip.ecn ?? 0)
  writeU16(header, 2, length)
  writeU16(header, 4, ip.id ?? 0)
  writeU16(header, 6, (Number(ip.df ?? false) << 14) | (Number(ip.mf ?? false) << 13) | (ip.offset ?? 0))
  header[8] = ip.ttl ?? 64
  header[9] = proto
  header.set(ip.src, 12)
  header.set(ip.dst, 16)
  header.set(options, IPV4_HEADER)
  writeU16(header, 10, ip.checksum ?? checksum(header, 0, header.length))
  return Buffer.concat([header, body])
}

function ipv6Packet(ip: NonNullable<ReadLayers['ipv6']>, read: ReadLayers): Uint8Array {
  const header = new Uint8Array(IPV6_HEADER)
  const proto = ip.proto ?? protoOf(read)
  const body = transportLayer(read, pseudo(ip.src, ip.dst, proto))
  const traffic = ((ip.dscp ?? 0) << 2) | (ip.ecn ?? 0)
  header[0] = 0x60 | (traffic >> 4)
  header[1] = ((traffic & 0xf) << 4) | ((ip.flow ?? 0) >> 16)
  writeU16(header, 2, (ip.flow ?? 0) & U16)
  writeU16(header, 4, ip.length ?? fitting(body.length, 'ipv6'))
  header[6] = proto
  header[7] = ip.ttl ?? 64
  header.set(ip.src, 8)
  header.set(ip.dst, 24)
  return Buffer.concat([header, body])
}

/** The sum of the pseudo header but for the length. */
function pseudo(src: Uint8Array, dst: Uint8Array, proto: number): number {
  return onesSum(dst, 0, dst.length, onesSum(src, 0, src.length, proto))
}

function transportLayer(read: ReadLayers, sum: number): Uint8Array {
  const { udp, tcp, icmp, ipv4, payload = NO_BYTES } = read
  if (udp) return udpDatagram(udp, payload, sum)
  if (tcp) return tcpSegment(tcp, payload, sum)
  if (icmp) return icmpMessage(icmp, payload, ipv4 ? undefined : sum)
  return payload
}

function udpDatagram(udp: NonNullable<ReadLayers['udp']>, payload: Uint8Array, sum: number): Uint8Array {
  const datagram = withRoom(UDP_HEADER, payload)
  writeU16(datagram, 0, udp.sport)
  writeU16(datagram, 2, udp.dport)
  writeU16(datagram, 4, udp.length ?? fitting(datagram.length, 'udp'))
  writeU16(datagram, 6, udp.checksum ?? (summed(datagram, sum) || CSUM_MANGLED_0))
  return datagram
}

function tcpSegment(tcp: NonNullable<ReadLayers['tcp']>, payload: Uint8Array, sum: number): Uint8Array {
  const options = tcp.options ?? NO_BYTES
  const segment = withRoom(TCP_HEADER + options.length, payload)
  const view = new DataView(segment.buffer)
  view.setUint16(0, tcp.sport)
  view.setUint16(2, tcp.dport)
  view.setUint32(4, tcp.seq ?? 0)
  view.setUint32(8, tcp.ack ?? 0)
  view.setUint8(12, ((TCP_HEADER + options.length) / 4) << 4)
  view.setUint8(13, tcp.flags ?? 0)
  view.setUint16(14, tcp.window ?? U16)
  view.setUint16(18, tcp.urgent ?? 0)
  segment.set(options, TCP_HEADER)
  view.setUint16(16, tcp.checksum ?? summed(segment, sum))
  return segment
}

/** `sum`: ICMPv6 has a pseudo header. */
function icmpMessage(
  icmp: NonNullable<ReadLayers['icmp']>,
  payload: Uint8Array,
  sum: number | undefined,
): Uint8Array {
  const message = withRoom(ICMP_HEADER, payload)
  message[0] = icmp.type
  message[1] = icmp.code ?? 0
  writeU16(message, 4, icmp.id ?? 0)
  writeU16(message, 6, icmp.seq ?? 0)
  const right = sum === undefined ? checksum(message, 0, message.length) : summed(message, sum)
  writeU16(message, 2, icmp.checksum ?? right)
  return message
}

function withRoom(header: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(header + payload.length)
  bytes.set(payload, header)
  return bytes
}

function summed(bytes: Uint8Array, pseudoSum: number): number {
  return checksum(bytes, 0, bytes.length, pseudoSum + bytes.length)
}

function fitting(length: number, layer: string): number {
  if (length > U16) throw invalid(`the frame is too long: ${layer} holds 65535 bytes, not ${length}`, 'frame')
  return length
}
