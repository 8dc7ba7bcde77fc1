// What the kernel says of a link beside what pairs need of it: the rest of what `ip -d link` shows, under the keys and in
// the words of iproute2's JSON. Read by rtnl.ts from the same message. Pure; what the kernel left out has no key.

import { formatMac } from '../frame/mac.js'
import type { AttributeDecoder } from './attribute.js'
import * as nl from './constants.js'

/** Numbers, by the attribute that has them. */
const NUMBERS = {
  [nl.IFLA_PROMISCUITY]: 'promiscuity',
  [nl.IFLA_ALLMULTI]: 'allmulti',
  [nl.IFLA_MIN_MTU]: 'min_mtu',
  [nl.IFLA_MAX_MTU]: 'max_mtu',
  [nl.IFLA_NUM_TX_QUEUES]: 'num_tx_queues',
  [nl.IFLA_NUM_RX_QUEUES]: 'num_rx_queues',
  [nl.IFLA_GSO_MAX_SIZE]: 'gso_max_size',
  [nl.IFLA_GSO_MAX_SEGS]: 'gso_max_segs',
  [nl.IFLA_TSO_MAX_SIZE]: 'tso_max_size',
  [nl.IFLA_TSO_MAX_SEGS]: 'tso_max_segs',
  [nl.IFLA_GRO_MAX_SIZE]: 'gro_max_size',
  [nl.IFLA_GSO_IPV4_MAX_SIZE]: 'gso_ipv4_max_size',
  [nl.IFLA_GRO_IPV4_MAX_SIZE]: 'gro_ipv4_max_size',
  /** Of /etc/iproute2/group. */
  [nl.IFLA_GROUP]: 'group',
  /** The index of the bridge, bond or VRF that it is a port of. */
  [nl.IFLA_MASTER]: 'master',
} as const satisfies Record<number, string>

/** IF_OPER_*, IF_LINK_MODE_* and IN6_ADDR_GEN_MODE_*, as iproute2 calls them. */
const OPERSTATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP']
const LINKMODES = ['DEFAULT', 'DORMANT', 'TESTING']
const ADDR_GEN_MODES = ['eui64', 'none', 'stable_secret', 'random']

type Texts =
  | 'qdisc'
  | 'operstate'
  | 'linkmode'
  | 'broadcast'
  | 'inet6_addr_gen_mode'
  | 'ifalias'
  | 'slave_kind'

/** `slave_kind`: what its master is. */
export type LinkDetails = { [key in (typeof NUMBERS)[keyof typeof NUMBERS]]?: number } & {
  [key in Texts]?: string
} & { altnames?: string[] }

/** Takes over the decoder's attribute, if it is one of these. */
export function readDetail(details: LinkDetails, attribute: AttributeDecoder): void {
  const { type } = attribute
  const key = (NUMBERS as Partial<Record<number, (typeof NUMBERS)[keyof typeof NUMBERS]>>)[type]
  if (key !== undefined) details[key] = attribute.u32()
  else if (type === nl.IFLA_QDISC) details.qdisc = attribute.string()
  else if (type === nl.IFLA_IFALIAS) details.ifalias = attribute.string()
  else if (type === nl.IFLA_OPERSTATE) details.operstate = wordOf(OPERSTATES, attribute.u8())
  else if (type === nl.IFLA_LINKMODE) details.linkmode = wordOf(LINKMODES, attribute.u8())
  else if (type === nl.IFLA_BROADCAST) details.broadcast = formatMac(attribute.bytes())
  else if (type === nl.IFLA_PROP_LIST) details.altnames = stringsOf(attribute, nl.IFLA_ALT_IFNAME)
  else if (type === nl.IFLA_LINKINFO) readKind(details, attribute)
  else if (type === nl.IFLA_AF_SPEC) readFamilies(details, attribute)
}

function readKind(details: LinkDetails, attribute: AttributeDecoder): void {
  const [kind] = stringsOf(attribute, nl.IFLA_INFO_SLAVE_KIND)
  if (kind !== undefined) details.slave_kind = kind
}

function readFamilies(details: LinkDetails, attribute: AttributeDecoder): void {
  each(attribute, nl.AF_INET6, (family) =>
    each(family, nl.IFLA_INET6_ADDR_GEN_MODE, (mode) => {
      details.inet6_addr_gen_mode = wordOf(ADDR_GEN_MODES, mode.u8())
    }),
  )
}

function stringsOf(attribute: AttributeDecoder, type: number): string[] {
  const found: string[] = []
  each(attribute, type, (inner) => found.push(inner.string()))
  return found
}

function each(attribute: AttributeDecoder, type: number, read: (inner: AttributeDecoder) => void): void {
  attribute.nested((inner) => {
    while (inner.next()) if (inner.type === type) read(inner)
  })
}

/** A number that iproute2 has no word for is shown as such. */
function wordOf(words: string[], value: number): string {
  return words[value] ?? String(value)
}
