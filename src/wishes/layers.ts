// What a frame may be built of, layer by layer: the tables of `uveth/frames`. Tables only; frames/build.ts makes
// bytes of them, frames/read.ts makes them of bytes. The words are those of a match where it has them.

import { parseAddress } from '../frame/address.js'
import { MAC } from './match.js'
import { ARP_OPS, ETHERTYPES, PROTOCOLS, TCP_FLAGS } from './names.js'
import { about, flag, type Given, list, named, object, type Read, type Shape, value, whole } from './shape.js'

const U16 = 0xffff
const U32 = 0xffffffff

function address(size: 4 | 16): Shape<string, Uint8Array> {
  const what = size === 4 ? 'an IPv4 address like 192.0.2.1' : 'an IPv6 address like 2001:db8::1'
  return value(what, { type: 'string', format: size === 4 ? 'ipv4' : 'ipv6' }, (given) => {
    const bytes = typeof given === 'string' ? parseAddress(given) : undefined
    return bytes?.length === size ? bytes : undefined
  })
}
const IP4 = address(4)
const IP6 = address(16)

/** Bytes as they are; a text is its UTF-8. */
const BYTES = value<string | Uint8Array, Uint8Array>('text or a Uint8Array', { type: 'string' }, (given) =>
  typeof given === 'string' ? Buffer.from(given) : given instanceof Uint8Array ? given : undefined,
)

function options(max: number): Shape<Uint8Array> {
  return value(`a Uint8Array of up to ${max} bytes, a multiple of 4`, { not: {} }, (given) =>
    given instanceof Uint8Array && given.length <= max && given.length % 4 === 0 ? given : undefined,
  )
}

const FLAG_NAMES = Object.keys(TCP_FLAGS) as (keyof typeof TCP_FLAGS)[]
const FLAGS = value<string, number>(
  `some of ${FLAG_NAMES.join(', ')} with commas between, or an empty text`,
  { type: 'string' },
  (given) => {
    if (typeof given !== 'string') return undefined
    const names = given === '' ? [] : given.split(',')
    if (!names.every((name) => Object.hasOwn(TCP_FLAGS, name))) return undefined
    return names.reduce((bits, name) => bits | TCP_FLAGS[name as keyof typeof TCP_FLAGS], 0)
  },
)

/** `syn,ack`: as a layer has them. */
export function flagWords(bits: number): string {
  return FLAG_NAMES.filter((name) => (bits & TCP_FLAGS[name]) !== 0).join(',')
}

const computed = (what: string) => about(`computed where it is not given: ${what}`, whole(0, U16))
const CHECKSUM = computed('the checksum')
const PORTS = { sport: whole(0, U16), dport: whole(0, U16) }
const PROTO = about('computed where it is not given, of the layer behind it', named(PROTOCOLS, 0xff))
const IP = {
  ttl: about("default 64; IPv6's hop limit", whole(0, 0xff)),
  dscp: whole(0, 63),
  ecn: whole(0, 3),
  proto: PROTO,
}
const TPID = named({ vlan: ETHERTYPES.vlan, qinq: ETHERTYPES.qinq }, U16)
const HOST = object({ address: MAC, ip: IP4 })

/** A frame. What it does not say is computed: types, protocols, lengths, checksums. */
export const LAYERS = object({
  ether: object({
    dst: about('default ff:ff:ff:ff:ff:ff', MAC),
    src: about('default 02:00:00:00:00:01', MAC),
    type: about('computed where it is not given; below 1536 a length', named(ETHERTYPES, U16)),
  }),
  vlans: list(
    'an array of VLAN tags, the outer one first',
    object({
      id: whole(0, 4095),
      pcp: whole(0, 7),
      dei: flag(),
      tpid: about('default vlan (0x8100)', TPID),
    }),
    true,
  ),
  arp: object({ op: about('default request', named(ARP_OPS, U16)), sender: HOST, target: HOST }),
  ipv4: object(
    {
      src: IP4,
      dst: IP4,
      ...IP,
      id: whole(0, U16),
      df: flag(),
      mf: flag(),
      offset: about('of a fragment, in 8 bytes', whole(0, 0x1fff)),
      options: options(40),
      length: computed('header and all behind it'),
      checksum: CHECKSUM,
    },
    ['src', 'dst'],
  ),
  ipv6: object(
    { src: IP6, dst: IP6, ...IP, flow: whole(0, 0xfffff), length: computed('all behind the header') },
    ['src', 'dst'],
  ),
  udp: object({ ...PORTS, length: computed('header and payload'), checksum: CHECKSUM }, ['sport', 'dport']),
  tcp: object(
    {
      ...PORTS,
      seq: whole(0, U32),
      ack: whole(0, U32),
      flags: about('"syn,ack"; default none', FLAGS),
      window: about('default 65535', whole(0, U16)),
      urgent: whole(0, U16),
      options: options(40),
      checksum: CHECKSUM,
    },
    ['sport', 'dport'],
  ),
  icmp: about(
    'ICMPv6 behind IPv6; id and seq are the four bytes behind the checksum, whatever the type makes of them',
    object(
      {
        type: whole(0, 0xff),
        code: whole(0, 0xff),
        id: whole(0, U16),
        seq: whole(0, U16),
        checksum: CHECKSUM,
      },
      ['type'],
    ),
  ),
  payload: BYTES,
  padding: about('bytes behind the end of the packet', BYTES),
})

/** Of a frame; of `uveth/frames`. */
export type Layers = Given<typeof LAYERS>
export type ReadLayers = Read<typeof LAYERS>
