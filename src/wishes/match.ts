// Which frames are meant: the fields that a frame must have. Tables only; what goes together, and the plan that
// frames are tested by, are faults/match-plan.ts.

import { type Prefix, parsePrefix } from '../frame/address.js'
import { parseMac } from '../frame/mac.js'
import { ARP_OPS, ETHERTYPES, PROTOCOLS, TCP_FLAGS } from './names.js'
import { about, flag, named, object, oneOf, type Shape, value, whole, wrong } from './shape.js'

/** A number, or the first and the last of a range. */
export type Span = number | readonly [first: number, last: number]

const MAC_PATTERN = '^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$'
export const MAC = value<string, Uint8Array>(
  'a MAC address like 02:00:5e:10:00:01',
  { type: 'string', pattern: MAC_PATTERN },
  (given) => (typeof given === 'string' ? parseMac(given) : undefined),
)

const PREFIX = value<string, Prefix>(
  'an address or prefix like 10.0.0.1, 10.0.0.0/8 or fd00::/8',
  { type: 'string', pattern: '^[0-9a-fA-F.:]+(/\\d{1,3})?$' },
  (given) => (typeof given === 'string' ? parsePrefix(given) : undefined),
)

function span(max: number): Shape<Span> {
  const number = { type: 'integer', minimum: 0, maximum: max }
  const schema = { anyOf: [number, { type: 'array', items: number, minItems: 2, maxItems: 2 }] }
  const fits = (given: unknown) =>
    Number.isInteger(given) && (given as number) >= 0 && (given as number) <= max
  const what = `a whole number from 0 to ${max}, or the first and the last of a range of them, the lower one first`
  return value<Span>(what, schema, (given) => {
    if (!Array.isArray(given)) return fits(given) ? (given as number) : undefined
    const [first, last, ...more] = given as number[]
    if (more.length > 0 || !fits(first) || !fits(last) || (first as number) > (last as number))
      return undefined
    return first === last ? first : [first as number, last as number]
  })
}

const FLAG_NAMES = Object.keys(TCP_FLAGS)
/** In the order of the bits, each once. */
const FLAGS = value<string>(
  `some of ${FLAG_NAMES.join(', ')} with commas between, and ! in front of those that are not to be set`,
  { type: 'string', pattern: `^!?(${FLAG_NAMES.join('|')})(,!?(${FLAG_NAMES.join('|')}))*$` },
  (given) => {
    const words = typeof given === 'string' ? given.toLowerCase().split(',') : ['']
    if (words.some((word) => !Object.hasOwn(TCP_FLAGS, word.replace(/^!/, '')))) return undefined
    if (FLAG_NAMES.some((name) => words.includes(name) && words.includes(`!${name}`))) return undefined
    return FLAG_NAMES.flatMap((name) => [name, `!${name}`].filter((word) => words.includes(word))).join(',')
  },
)

const PORTS = { sport: span(0xffff), dport: span(0xffff), port: about('either of them', span(0xffff)) }
const VLAN_ID = whole(0, 4095)
const VLAN = object({ id: VLAN_ID, pcp: whole(0, 7) })
const ICMP = object({ type: whole(0, 0xff), code: whole(0, 0xff) })
const COUNT = whole(1, Number.MAX_SAFE_INTEGER)

/** A tag's VLAN id, or just any (true). */
const TAG: Shape<number | true | { id?: number; pcp?: number }, { id?: number; pcp?: number }> & {
  readonly parts: typeof VLAN.parts
} = {
  schema: { anyOf: [VLAN_ID.schema, { const: true }, VLAN.schema] },
  parts: VLAN.parts,
  read(given, attribute) {
    if (given === true) return {}
    if (typeof given === 'number') return { id: VLAN_ID.read(given, attribute) }
    return VLAN.read(given, attribute)
  },
}

type Bytes = number | string | Uint8Array
/** Offset, mask and value: bytes of equal length. */
export interface BytePattern {
  offset: number
  mask: Uint8Array
  value: Uint8Array
}

const MAX_OFFSET = 65_535
/** Bytes that one pattern may cover. */
const MAX_BYTES = 128
const HEX = /^(0x)?((?:[0-9a-f]{2})+)$/i
const BYTES = `a number of up to 32 bits, or up to ${MAX_BYTES} bytes as hexadecimal text ("0800") or a Uint8Array`
const BYTES_SCHEMA = {
  anyOf: [
    { type: 'integer', minimum: 0, maximum: 0xffffffff },
    { type: 'string', pattern: '^(0x)?([0-9a-fA-F]{2})+$', maxLength: 2 * MAX_BYTES + 2 },
  ],
}

function hexOf(given: unknown): Uint8Array | undefined {
  const digits = typeof given === 'string' ? HEX.exec(given)?.[2] : undefined
  const bytes = given instanceof Uint8Array ? given : digits && Uint8Array.from(Buffer.from(digits, 'hex'))
  return bytes && bytes.length > 0 && bytes.length <= MAX_BYTES ? bytes : undefined
}

function isNumber(given: unknown): given is number {
  return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 0xffffffff
}

/** A number as so many bytes, or as many more as it needs. */
function widened(given: number | Uint8Array, width: number): Uint8Array {
  return typeof given === 'number'
    ? Uint8Array.from(
        Buffer.from(given.toString(16).padStart(2 * Math.max(width, bytesOf(given)), '0'), 'hex'),
      )
    : given
}

function bytesOf(number: number): number {
  return Math.max(1, Math.ceil((32 - Math.clz32(number)) / 8))
}

const PATTERN: Shape<Pattern, BytePattern> = {
  schema: {
    type: 'array',
    prefixItems: [whole(0, MAX_OFFSET).schema, BYTES_SCHEMA, BYTES_SCHEMA],
    minItems: 3,
    maxItems: 3,
  },
  read(given, attribute) {
    if (!Array.isArray(given) || given.length !== 3) throw wrong(attribute, '[offset, mask, value]', given)
    const offset = whole(0, MAX_OFFSET).read(given[0], `${attribute}[0]`)
    const [mask, value] = [1, 2].map((place) => {
      const bytes = isNumber(given[place]) ? given[place] : hexOf(given[place])
      if (bytes === undefined) throw wrong(`${attribute}[${place}]`, BYTES, given[place])
      return bytes
    }) as [number | Uint8Array, number | Uint8Array]
    // A number takes as many bytes as the other one has, two of them as many as the mask needs.
    const known = [mask, value].find((one) => typeof one !== 'number') as Uint8Array | undefined
    const width = known?.length ?? bytesOf(mask as number)
    const pattern = { offset, mask: widened(mask, width), value: widened(value, width) }
    if (pattern.mask.length !== pattern.value.length)
      throw wrong(attribute, '[offset, mask, value] with a mask and a value of equal length', given)
    if (pattern.value.some((byte, index) => (byte & ~(pattern.mask[index] as number)) !== 0))
      throw wrong(attribute, '[offset, mask, value] with no bit in the value that the mask has not', given)
    return pattern
  },
}

const PATTERNS: Shape<readonly Pattern[], BytePattern[]> = {
  schema: { type: 'array', items: PATTERN.schema, minItems: 1 },
  read(given, attribute) {
    const what = 'an array of one or more [offset, mask, value]'
    if (!Array.isArray(given) || given.length === 0) throw wrong(attribute, what, given)
    return given.map((one, index) => PATTERN.read(one, `${attribute}[${index}]`))
  },
}
type Pattern = readonly [offset: number, mask: Bytes, value: Bytes]

/** Frames that have all of this. An empty one means every frame; an empty `udp`, every frame of UDP. */
export const MATCH = object({
  ethertype: about('behind VLAN tags, at most two', named(ETHERTYPES, 0xffff)),
  src: about('MAC address of the frame', MAC),
  dst: about('MAC address of the frame', MAC),
  vlan: about('the outer tag: its VLAN id, or true for any', TAG),
  ip: object({
    version: oneOf(4, 6),
    proto: about('behind IPv6 extension headers', named(PROTOCOLS, 0xff)),
    src: PREFIX,
    dst: PREFIX,
    fragment: about('true: parts of packets; false: whole packets', flag()),
    ttl: about("or IPv6's hop limit", span(0xff)),
    dscp: whole(0, 63),
  }),
  arp: object({ op: named(ARP_OPS, 0xffff) }),
  tcp: object({ ...PORTS, flags: about('set, and with ! not set: "syn,!ack"', FLAGS) }),
  udp: about('a fragment other than the first has no ports', object(PORTS)),
  icmp: about('ICMP and ICMPv6; with ip.version one of them', ICMP),
  bytes: about(
    'the bytes from offset (0 is the first of the destination MAC address), of which those bits count that the mask has',
    PATTERNS,
  ),
  length: about(
    'bytes of the frame, from the destination MAC address, without FCS',
    object({ min: whole(0, 0xffff), max: whole(0, 0xffff) }),
  ),
  nth: about('of the frames that match so far, counted from 1: only this one', COUNT),
  every: about('only each so many', COUNT),
  first: about('only the first so many', COUNT),
})
