// Builds the frames that tests send: Ethernet, ARP, IPv4 and IPv6 with UDP, VLAN tags, the multicast of
// link-layer protocols, and numbered frames of a flow that carry their own checksum. Bytes only: it opens
// no socket and knows no pair; test/support/packet.ts sends them.

import { crc32 } from 'node:zlib'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
/** For a frame that no stack is to look at: not the address of any interface. */
const NOBODY = '02:00:5e:00:53:99'
const SENDER = '02:00:5e:00:53:01'

export const ETH_P = {
  IP: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  PAUSE: 0x8808,
  SLOW: 0x8809,
  EAPOL: 0x888e,
  QINQ: 0x88a8,
  EXPERIMENT: 0x88b5,
  LLDP: 0x88cc,
} as const

const ETHERNET_HEADER = 14
const IPV4_HEADER = 20
const IPV6_HEADER = 40
const UDP_HEADER = 8
const PROTOCOL_UDP = 17

export interface Addressing {
  /** Destination MAC. Default: NOBODY. */
  to?: string
  /** Source MAC. */
  from?: string
}

/** An Ethernet frame without FCS; `type` is an ethertype, or the length of an 802.3 frame. */
export function ethernet(type: number, payload: Uint8Array, { to = NOBODY, from = SENDER }: Addressing = {}) {
  return Buffer.concat([macBytes(to), macBytes(from), u16(type), payload])
}

/** The same frame with a tag in front of its ethertype. `tpid` 0x88a8 makes the outer tag of QinQ. */
export function tagged(frame: Uint8Array, vlan: number, tpid: number = ETH_P.VLAN, priority = 0): Buffer {
  const tag = Buffer.concat([u16(tpid), u16((priority << 13) | vlan)])
  return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)])
}

/** `length` bytes that differ from place to place, and from seed to seed. */
export function filler(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = (Math.imul(seed, 2_654_435_761) | 1) >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export function arpRequest(sender: string, target: string, addressing: Addressing = {}): Buffer {
  const { to = BROADCAST, from = SENDER } = addressing
  const fixed = Buffer.from([0, 1, 8, 0, 6, 4, 0, 1])
  const payload = [fixed, macBytes(from), ipv4Bytes(sender), Buffer.alloc(6), ipv4Bytes(target)]
  return padded(ethernet(ETH_P.ARP, Buffer.concat(payload), { to, from }))
}

interface Udp extends Addressing {
  source: string
  target: string
  sourcePort: number
  targetPort: number
  payload: Uint8Array
}

/** UDP over IPv4, all checksums finished. */
export function udp4(udp: Udp): Buffer {
  const datagram = udpDatagram(udp, Buffer.concat([ipv4Bytes(udp.source), ipv4Bytes(udp.target)]))
  const header = Buffer.alloc(IPV4_HEADER)
  header.writeUInt8(0x45, 0)
  header.writeUInt16BE(IPV4_HEADER + datagram.length, 2)
  header.writeUInt16BE(0x4000, 6) // do not fragment
  header.writeUInt8(64, 8)
  header.writeUInt8(PROTOCOL_UDP, 9)
  ipv4Bytes(udp.source).copy(header, 12)
  ipv4Bytes(udp.target).copy(header, 16)
  header.writeUInt16BE(internetChecksum(header), 10)
  return ethernet(ETH_P.IP, Buffer.concat([header, datagram]), udp)
}

/** UDP over IPv6; the addresses are written in full (eight groups) or with one `::`. */
function udp6(udp: Udp): Buffer {
  const addresses = Buffer.concat([ipv6Bytes(udp.source), ipv6Bytes(udp.target)])
  const datagram = udpDatagram(udp, addresses)
  const header = Buffer.alloc(IPV6_HEADER - addresses.length)
  header.writeUInt8(0x60, 0)
  header.writeUInt16BE(datagram.length, 4)
  header.writeUInt8(PROTOCOL_UDP, 6)
  header.writeUInt8(64, 7)
  return ethernet(ETH_P.IPV6, Buffer.concat([header, addresses, datagram]), udp)
}

/** RFC 1071, over any number of bytes. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Link-layer protocols whose multicast a Linux bridge keeps to itself, and what else a cable meets. */
export function everyKind(): Record<string, Buffer> {
  const udp = { source: '192.0.2.1', target: '192.0.2.2', sourcePort: 5000, targetPort: 5001 }
  const udpV6 = { ...udp, source: '2001:db8::1', target: '2001:db8::2' }
  const v4 = udp4({ ...udp, payload: filler(1_000) })
  const to = (mac: string) => ({ to: mac })
  return {
    ARP: arpRequest('192.0.2.1', '192.0.2.2'),
    IPv4: v4,
    'IPv4 of full size': udp4({ ...udp, payload: filler(1_500 - IPV4_HEADER - UDP_HEADER) }),
    IPv6: udp6({ ...udpV6, payload: filler(333) }),
    'IPv6 multicast': udp6({ ...udpV6, target: 'ff02::fb', payload: filler(40), to: '33:33:00:00:00:fb' }),
    '802.1Q': tagged(v4, 100, ETH_P.VLAN, 5),
    '802.1Q, priority only': tagged(v4, 0, ETH_P.VLAN, 7),
    '802.1ad': tagged(v4, 4_094, ETH_P.QINQ),
    QinQ: tagged(tagged(v4, 100), 200, ETH_P.QINQ, 3),
    'two 802.1Q tags': tagged(tagged(v4, 11), 22),
    STP: padded(
      ethernet(38, Buffer.concat([Buffer.from([0x42, 0x42, 3]), filler(35)]), to('01:80:c2:00:00:00')),
    ),
    PAUSE: padded(ethernet(ETH_P.PAUSE, Buffer.from([0, 1, 0xff, 0xff]), to('01:80:c2:00:00:01'))),
    LACP: ethernet(ETH_P.SLOW, Buffer.concat([Buffer.from([1, 1]), filler(108)]), to('01:80:c2:00:00:02')),
    '802.1X': padded(ethernet(ETH_P.EAPOL, Buffer.from([2, 1, 0, 0]), to('01:80:c2:00:00:03'))),
    LLDP: ethernet(ETH_P.LLDP, filler(60), to('01:80:c2:00:00:0e')),
    'a runt of 20 bytes': ethernet(ETH_P.EXPERIMENT, filler(6)),
    'nothing but a header': ethernet(ETH_P.EXPERIMENT, filler(0)),
    'an unknown ethertype': ethernet(0xfeed, filler(200)),
    'an ethertype of zero': ethernet(0, filler(46)),
  }
}

/** Of a numbered frame: the least that holds its headers, number and checksum. */
const SHORTEST_NUMBERED = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER + 12
const NUMBER_OFFSET = ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER
const CRC_OFFSET = NUMBER_OFFSET + 8

/**
 * Frame `number` of a flow: UDP, whose source port is the flow's number, `length` bytes in all. Its payload
 * is flow, number, CRC-32 of the whole frame (with zeros in its place), then filler.
 */
export function numbered(flow: number, number: number, length: number, addressing: Addressing = {}): Buffer {
  const payload = filler(length - NUMBER_OFFSET, number)
  payload.writeUInt32BE(flow, 0)
  payload.writeUInt32BE(number, 4)
  payload.writeUInt32BE(0, 8)
  const ports = { sourcePort: 10_000 + flow, targetPort: 9 }
  const frame = udp4({ source: '192.0.2.1', target: '192.0.2.2', ...ports, payload, ...addressing })
  // A CRC in the payload would make the UDP checksum wrong, so that one is said to be absent.
  frame.writeUInt16BE(0, ETHERNET_HEADER + IPV4_HEADER + 6)
  frame.writeUInt32BE(crc32(frame), CRC_OFFSET)
  return frame
}

/** The flow and number of a numbered frame; 'damaged' if its checksum is wrong, undefined for any other frame. */
export function readNumbered(frame: Uint8Array): { flow: number; number: number } | 'damaged' | undefined {
  const bytes = Buffer.from(frame)
  const ours = bytes.length >= SHORTEST_NUMBERED && bytes.readUInt16BE(12) === ETH_P.IP && bytes[23] === 17
  if (!ours || bytes.readUInt16BE(36) !== 9) return undefined
  const crc = bytes.readUInt32BE(CRC_OFFSET)
  bytes.writeUInt32BE(0, CRC_OFFSET)
  if (crc32(bytes) !== crc) return 'damaged'
  return { flow: bytes.readUInt32BE(NUMBER_OFFSET), number: bytes.readUInt32BE(NUMBER_OFFSET + 4) }
}

/** What a receiver makes of the numbered frames of several flows. Numbers start at 0 in each. */
export class Ledger {
  readonly #next = new Map<number, number>()
  received = 0
  damaged = 0
  /** Frames that came later than one with a higher number, or twice. */
  disordered = 0
  /** Numbers that were passed over. */
  skipped = 0

  /** False for a frame that is not numbered. */
  enter(frame: Uint8Array): boolean {
    const read = readNumbered(frame)
    if (read === undefined) return false
    if (read === 'damaged') {
      this.damaged++
      return true
    }
    this.received++
    const expected = this.#next.get(read.flow) ?? 0
    if (read.number < expected) this.disordered++
    else {
      this.skipped += read.number - expected
      this.#next.set(read.flow, read.number + 1)
    }
    return true
  }

  /** Numbered frames of whatever condition. */
  get arrived(): number {
    return this.received + this.damaged
  }

  get summary() {
    const { received, damaged, disordered, skipped } = this
    return { received, damaged, disordered, skipped }
  }
}

/** At least 60 bytes, as a card would make of it. */
function padded(frame: Buffer): Buffer {
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length))])
}

function udpDatagram({ sourcePort, targetPort, payload }: Udp, addresses: Uint8Array): Buffer {
  const length = UDP_HEADER + payload.length
  const datagram = Buffer.concat([u16(sourcePort), u16(targetPort), u16(length), u16(0), payload])
  const pseudo = Buffer.concat([addresses, u16(0), u16(PROTOCOL_UDP), u16(length), datagram])
  datagram.writeUInt16BE(internetChecksum(pseudo) || 0xffff, 6)
  return datagram
}

function u16(value: number): Buffer {
  return Buffer.from([value >>> 8, value & 0xff])
}

function macBytes(text: string): Buffer {
  return Buffer.from(text.replaceAll(':', ''), 'hex')
}

function ipv4Bytes(text: string): Buffer {
  return Buffer.from(text.split('.').map(Number))
}

function ipv6Bytes(text: string): Buffer {
  const [head = '', tail] = text.split('::')
  const groups = (part: string) =>
    (part === '' ? [] : part.split(':')).map((group) => Number.parseInt(group, 16))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const between = Array<number>(8 - before.length - after.length).fill(0)
  return Buffer.concat([...before, ...between, ...after].map(u16))
}
