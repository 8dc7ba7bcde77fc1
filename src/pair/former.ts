// An end as it last was, whoever had made it so: what it is made again as, beside what was wished for. Plain data of a
// dossier (dossier.ts); where an address or a name has been taken since, or an index, the pair goes without (link/).

import { formatAddress, formatCidr, parseAddress, parseCidr } from '../frame/address.js'
import { parseMac } from '../frame/mac.js'
import type { EndPlan, EndState, Kept, PairPlan } from '../link/protocol.js'
import type { LinkAddress } from '../netlink/addresses.js'
import { flag, list, object, type Read, type Shape, text, value, whole } from '../wishes/shape.js'
import { BASE64 } from './progress.js'

export type Former = Pick<EndState, 'address' | 'mtu' | 'txQueueLength' | 'up' | 'ifindex'> & Kept

export function formerOf({ address, mtu, txQueueLength, up, ifindex }: EndState, lasting: Kept): Former {
  return { address, mtu, txQueueLength, up, ifindex, ...lasting }
}

/** The plan of a pair whose ends are to be as they were. */
export function planAgain(plan: PairPlan, from?: Record<'a' | 'b', { former: Former | null }>): PairPlan {
  const [a, b] = plan.ends
  return from === undefined ? plan : { ...plan, ends: [again(a, from.a.former), again(b, from.b.former)] }
}

/** An index is given where it is free, unless it is wished for. */
function again(plan: EndPlan, former: Former | null): EndPlan {
  if (former === null) return plan
  const { address, altnames, addresses, routes, ifindex, ...same } = former
  const index = plan.ifindex === undefined && { ifindex, ifFree: true }
  const mac = parseMac(address)
  const given = { altnames: [...altnames], addresses: [...addresses], routes: [...routes] }
  const ipv6 = addresses.some(({ address }) => address.length === 16)
  return { ...plan, ...same, address: mac, ...given, ipv6, ...index }
}

/** As JSON has it. */
export function writeFormer({ addresses, routes, ...rest }: Former): object {
  return {
    ...rest,
    ...(routes.length > 0 && { routes: routes.map((route) => Buffer.from(route).toString('base64')) }),
    addresses: addresses.map(({ address, prefixLength, peer, broadcast, ...other }) => ({
      address: formatCidr({ address, prefixLength }),
      ...(peer && { peer: formatAddress(peer) }),
      ...(broadcast && { broadcast: formatAddress(broadcast) }),
      ...other,
    })),
  }
}

const U32 = whole(0, 2 ** 32 - 1)
const TEXT = text('a text')
const MAC = value<string>('a MAC address', {}, (given) =>
  typeof given === 'string' && parseMac(given) !== undefined ? given : undefined,
)
const IP = value<string, Uint8Array>('an IP address', {}, (given) => parseAddress(String(given)))
const GIVEN = object(
  {
    address: value('an IP address with prefix length', {}, (given) => parseCidr(String(given))),
    peer: IP,
    broadcast: IP,
    label: TEXT,
    scope: whole(0, 255),
    noPrefixRoute: flag(),
    metric: U32,
  },
  ['address'],
)
const ADDRESS: Shape<unknown, LinkAddress> = {
  schema: {},
  read(given, attribute) {
    const { address, ...rest }: Read<typeof GIVEN> = GIVEN.read(given, attribute)
    return { ...address, ...rest }
  },
}

const READ = object(
  {
    address: MAC,
    mtu: U32,
    txQueueLength: U32,
    up: flag(),
    ifindex: U32,
    alias: TEXT,
    altnames: list('an array of names', TEXT),
    addresses: list('an array', ADDRESS, true),
    routes: list('an array', BASE64, true),
  },
  ['address', 'mtu', 'txQueueLength', 'up', 'ifindex', 'alias', 'altnames', 'addresses'],
)

/** Of before routes were kept it has none. */
export const FORMER: Shape<unknown, Former> = {
  schema: {},
  read(given, attribute) {
    const { routes = [], ...rest }: Read<typeof READ> = READ.read(given, attribute)
    return { ...rest, routes }
  },
}
