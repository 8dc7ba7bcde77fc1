// A frame in a few words, whatever is in it: for messages of failing tests, and for whoever prints frames.

import { formatAddress } from '../frame/address.js'
import { ABSENT, ETH_P_IPV6, FIELD, type FieldName, Packet } from '../frame/packet.js'
import { ETHERTYPES, nameOf, PROTOCOLS } from '../wishes/names.js'

const packet = new Packet()

/** `192.0.2.1 > 192.0.2.2 udp 40000 > 53, 60 bytes`. `length`: of the whole frame. */
export function frameWords(frame: Uint8Array, length = frame.length): string {
  packet.read(frame, 0, frame.length)
  const field = (name: FieldName) => packet.fields[FIELD[name]] as number
  const ethertype = field('ethertype')
  const vlan = field('vlan') === ABSENT ? '' : `vlan ${field('vlan')} `
  const what =
    packet.l3 === ABSENT || field('version') === ABSENT
      ? `${typeWord(ethertype)}${opWord(field('arpOp'))}`
      : `${addresses()} ${nameOf(PROTOCOLS, field('proto'))}${transport(field)}`
  return `${vlan}${what}, ${length} bytes`
}

function typeWord(ethertype: number): string {
  if (ethertype === ABSENT) return 'no ethertype'
  const name = nameOf(ETHERTYPES, ethertype)
  return name === String(ethertype) ? `ethertype 0x${ethertype.toString(16).padStart(4, '0')}` : name
}

function addresses(): string {
  const { bytes, l3, fields } = packet
  const [at, size] = fields[FIELD.ethertype] === ETH_P_IPV6 ? [8, 16] : [12, 4]
  const of = (start: number) => formatAddress(bytes.slice(start, start + size))
  return `${of(l3 + at)} > ${of(l3 + at + size)}`
}

function transport(field: (name: FieldName) => number): string {
  if (field('sport') !== ABSENT) return ` ${field('sport')} > ${field('dport')}`
  return field('icmpType') === ABSENT ? '' : ` type ${field('icmpType')}`
}

function opWord(op: number): string {
  if (op === ABSENT) return ''
  return op === 1 ? ' request' : op === 2 ? ' reply' : ` op ${op}`
}
