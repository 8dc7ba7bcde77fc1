// Layers of bytes: the words that buildFrame() would make the same bytes of. What it would compute by itself is left
// out, so a checksum that is said is one that is wrong. What has no words (an option, a reserved bit, the rest of a
// header) stays bytes: the payload of the last layer that could be said whole. Never throws but for less than a header.

import { invalid } from '../errors.js'
import { formatAddress } from '../frame/address.js'
import { ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, VLAN_TAG } from '../frame/ethernet.js'
import { formatMac } from '../frame/mac.js'
import { viewOf } from '../frame/view.js'
import { flagWords, type Layers } from '../wishes/layers.js'
import { ARP_OPS, ETHERTYPES, nameOf, PROTOCOLS } from '../wishes/names.js'
import { buildFrame } from './build.js'

type Fields = Record<string, unknown>
type Mutable = { -readonly [K in keyof Layers]: Layers[K] }

/** They are said even where buildFrame() would have put them there. */
const ALWAYS = new Set(['src', 'dst', 'ttl', 'sport', 'dport', 'type', 'id', 'op', 'flags', 'seq', 'ack'])

/** The layers of a frame without FCS. EINVAL: it is shorter than an Ethernet header. */
export function readFrame(frame: Uint8Array): Layers {
  if (!(frame instanceof Uint8Array)) throw invalid('a frame is a Uint8Array', 'frame')
  if (frame.length < ETH_HLEN)
    throw invalid(`a frame has ${ETH_HLEN} bytes or more, not ${frame.length}`, 'frame')
  for (const deep of [2, 1]) {
    const layers = layersOf(frame, deep)
    if (same(layers, frame)) return shortest(layers, frame)
  }
  return shortest(layersOf(frame, 0), frame)
}

function same(layers: Layers, frame: Uint8Array): boolean {
  return Buffer.compare(buildFrame(layers), frame) === 0
}

/** Without what is computed, or is there by default. */
function shortest(layers: Layers, frame: Uint8Array): Layers {
  for (const [name, layer] of Object.entries(layers)) {
    const fields: Fields[] = name === 'vlans' ? (layer as Fields[]) : isFields(layer) ? [layer] : []
    for (const one of fields) for (const key of Object.keys(one)) dropNeedless(layers, frame, one, key, name)
  }
  return layers
}

function isFields(layer: unknown): layer is Fields {
  return typeof layer === 'object' && !(layer instanceof Uint8Array)
}

function dropNeedless(layers: Layers, frame: Uint8Array, fields: Fields, key: string, layer: string): void {
  const always =
    ALWAYS.has(key) && !(layer === 'ether' && key === 'type') && !(layer === 'ipv4' && key === 'id')
  if (always) return
  const kept = fields[key]
  delete fields[key]
  if (!same(layers, frame)) fields[key] = kept
}

/** `deep`: 2 down to the transport layer, 1 to IP or ARP, 0 Ethernet only. */
function layersOf(frame: Uint8Array, deep: number): Layers {
  const view = viewOf(frame)
  const layers: Mutable = {
    ether: { dst: formatMac(frame.subarray(0, 6)), src: formatMac(frame.subarray(6, 12)) },
  }
  let at = 12
  let type = view.getUint16(at)
  const vlans: Fields[] = []
  for (; isTag(type) && at + VLAN_TAG + 2 <= frame.length; type = view.getUint16(at)) {
    const tci = view.getUint16(at + 2)
    vlans.push({ id: tci & 0xfff, pcp: tci >> 13, dei: (tci & 0x1000) !== 0, tpid: named(ETHERTYPES, type) })
    at += VLAN_TAG
  }
  if (vlans.length > 0) layers.vlans = vlans as NonNullable<Layers['vlans']>
  layers.ether = { ...layers.ether, type: named(ETHERTYPES, type) as number }
  const rest = frame.subarray(at + 2)
  if (deep === 0 || !readNetwork(layers, type, rest, deep)) setBytes(layers, 'payload', rest)
  return layers
}

function isTag(type: number): boolean {
  return type === ETH_P_8021Q || type === ETH_P_8021AD
}

function named(table: Readonly<Record<string, number>>, number: number): string | number {
  const name = nameOf(table, number)
  return name === String(number) ? number : name
}

function setBytes(layers: Mutable, name: 'payload' | 'padding', bytes: Uint8Array): void {
  if (bytes.length > 0) layers[name] = bytes.slice()
}

function readNetwork(layers: Mutable, type: number, bytes: Uint8Array, deep: number): boolean {
  if (type === ETHERTYPES.arp) return readArp(layers, bytes)
  if (type === ETHERTYPES.ipv4) return readIpv4(layers, bytes, deep)
  if (type === ETHERTYPES.ipv6) return readIpv6(layers, bytes, deep)
  return false
}

function readArp(layers: Mutable, bytes: Uint8Array): boolean {
  if (bytes.length < 28) return false
  const host = (at: number) => ({
    address: formatMac(bytes.subarray(at, at + 6)),
    ip: formatAddress(bytes.slice(at + 6, at + 10)),
  })
  const op = named(ARP_OPS, viewOf(bytes).getUint16(6)) as number
  layers.arp = { op, sender: host(8), target: host(18) }
  setBytes(layers, 'padding', bytes.subarray(28))
  return true
}

function readIpv4(layers: Mutable, bytes: Uint8Array, deep: number): boolean {
  if (bytes.length < 20) return false
  const view = viewOf(bytes)
  const header = 4 * (view.getUint8(0) & 0xf)
  if (header < 20 || bytes.length < header) return false
  const length = view.getUint16(2)
  const part = view.getUint16(6)
  const proto = view.getUint8(9)
  const traffic = view.getUint8(1)
  layers.ipv4 = {
    src: formatAddress(bytes.slice(12, 16)),
    dst: formatAddress(bytes.slice(16, 20)),
    ttl: view.getUint8(8),
    dscp: traffic >> 2,
    ecn: traffic & 3,
    proto: named(PROTOCOLS, proto) as number,
    id: view.getUint16(4),
    df: (part & 0x4000) !== 0,
    mf: (part & 0x2000) !== 0,
    offset: part & 0x1fff,
    options: bytes.slice(20, header),
    length,
    checksum: view.getUint16(10),
  }
  const end = length >= header && length <= bytes.length ? length : bytes.length
  setBytes(layers, 'padding', bytes.subarray(end))
  const first = (part & 0x1fff) === 0
  readTransport(layers, first && deep > 1 ? proto : undefined, bytes.subarray(header, end))
  return true
}

function readIpv6(layers: Mutable, bytes: Uint8Array, deep: number): boolean {
  if (bytes.length < 40) return false
  const view = viewOf(bytes)
  const proto = view.getUint8(6)
  const first = view.getUint32(0)
  const length = view.getUint16(4)
  layers.ipv6 = {
    src: formatAddress(bytes.slice(8, 24)),
    dst: formatAddress(bytes.slice(24, 40)),
    ttl: view.getUint8(7),
    dscp: (first >> 22) & 0x3f,
    ecn: (first >> 20) & 3,
    proto: named(PROTOCOLS, proto) as number,
    flow: first & 0xfffff,
    length,
  }
  const end = Math.min(40 + length, bytes.length)
  setBytes(layers, 'padding', bytes.subarray(end))
  readTransport(layers, deep > 1 ? proto : undefined, bytes.subarray(40, end))
  return true
}

function readTransport(layers: Mutable, proto: number | undefined, bytes: Uint8Array): void {
  const view = viewOf(bytes)
  const icmp = layers.ipv6 ? PROTOCOLS.icmpv6 : PROTOCOLS.icmp
  let header = 0
  if (proto === PROTOCOLS.udp && bytes.length >= 8) header = readUdp(layers, view)
  else if (proto === PROTOCOLS.tcp && bytes.length >= 20) header = readTcp(layers, view, bytes)
  else if (proto === icmp && bytes.length >= 8) header = readIcmp(layers, view)
  setBytes(layers, 'payload', bytes.subarray(header))
}

function readUdp(layers: Mutable, view: DataView): number {
  const [sport, dport, length, checksum] = [0, 2, 4, 6].map((at) => view.getUint16(at))
  layers.udp = { sport: sport as number, dport: dport as number, length, checksum } as Layers['udp'] & object
  return 8
}

function readTcp(layers: Mutable, view: DataView, bytes: Uint8Array): number {
  const header = 4 * (view.getUint8(12) >> 4)
  if (header < 20 || header > bytes.length) return 0
  layers.tcp = {
    sport: view.getUint16(0),
    dport: view.getUint16(2),
    seq: view.getUint32(4),
    ack: view.getUint32(8),
    flags: flagWords(view.getUint8(13)),
    window: view.getUint16(14),
    urgent: view.getUint16(18),
    options: bytes.slice(20, header),
    checksum: view.getUint16(16),
  }
  return header
}

function readIcmp(layers: Mutable, view: DataView): number {
  layers.icmp = {
    type: view.getUint8(0),
    code: view.getUint8(1),
    id: view.getUint16(4),
    seq: view.getUint16(6),
    checksum: view.getUint16(2),
  }
  return 8
}
