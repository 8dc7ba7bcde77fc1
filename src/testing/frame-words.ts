// A frame, a match and a list of counts in a few words, for messages of failing tests.

import type { MatchPlan } from '../faults/match-plan.js'
import { formatRule } from '../faults/rule-words.js'
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

/** `udp dport 53`, as the command writes it. */
export function matchWords({ normal }: MatchPlan): string {
  const words = formatRule({ action: { kind: 'drop' }, match: normal }).replace(/^drop ?/, '')
  return words === '' ? 'any frame' : `\`${words}\``
}

/** `2 loss, 1 limit`: of what is not zero. */
export function countWords(counts: Record<string, number>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

/** `1 frame`, `2 frames`. */
export function frames(count: number): string {
  return count === 1 ? '1 frame' : `${count} frames`
}
