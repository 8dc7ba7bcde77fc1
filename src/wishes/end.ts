// Ends and pairs: what they are made with and what can be changed of them, by the library and by an order. Tables
// only; pair/options.ts makes plans of them.

import { type Cidr, parseCidr } from '../frame/address.js'
import { MAX_MTU, MIN_MTU } from '../frame/ethernet.js'
import { isUnicast, parseMac } from '../frame/mac.js'
import { TARGET } from './capture.js'
import { IMPAIR, IMPAIR_PATCH } from './impair.js'
import { CARRIER_MODES } from './names.js'
import { RULES } from './rule.js'
import { SCHEDULE } from './schedule.js'
import { about, flag, list, object, oneOf, opaque, orNull, text, value, whole } from './shape.js'
import { SIGNAL } from './times.js'
import { interfaceOrTunnel, pairWithTunnel, VXLAN } from './vxlan.js'
import { MAX_QUEUES } from './words.js'

const MAX_TX_QUEUE_LENGTH = 1_000_000
const MAX_IFINDEX = 2 ** 31 - 1
/** IFNAMSIZ, without the terminator. */
const MAX_NAME_BYTES = 15

/**
 * A network namespace: a name made with `ip netns add`, a path of a namespace file (it contains a
 * `/`), a process id, or null for the namespace that this process started in.
 */
export type Netns = string | number | null

export const NETNS = value<Netns>(
  'a network namespace: a name, a path, a process id or null',
  { anyOf: [{ type: 'string', minLength: 1 }, { type: 'integer', minimum: 1 }, { type: 'null' }] },
  (given) => (given === null || isPid(given) || isPlace(given) ? given : undefined),
)

function isPid(given: unknown): given is number {
  return typeof given === 'number' && Number.isInteger(given) && given > 0
}

function isPlace(given: unknown): given is string {
  return typeof given === 'string' && !['', '.', '..'].includes(given) && !given.includes('\0')
}

const NAME = value<string>(
  `an interface name: 1 to ${MAX_NAME_BYTES} bytes without "/", ":" and white space, and "%" only once, as "%d"`,
  { type: 'string', minLength: 1, maxLength: MAX_NAME_BYTES, pattern: '^[^/:\\s%]*(%d[^/:\\s%]*)?$' },
  (given) => (typeof given === 'string' && isName(given) ? given : undefined),
)

function isName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || Buffer.byteLength(name) > MAX_NAME_BYTES) return false
  return !/[/:\s\0]/.test(name) && !/%/.test(name.replace('%d', ''))
}

const ADDRESS = value<string, Uint8Array>(
  'a MAC address like 02:00:00:00:00:01, neither multicast nor zero',
  {
    type: 'string',
    pattern: '^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$',
    not: { const: '00:00:00:00:00:00' },
  },
  (given) => {
    const mac = typeof given === 'string' ? parseMac(given) : undefined
    return mac && isUnicast(mac) ? mac : undefined
  },
)

const CIDR = 'an array of IP addresses with prefix length, like 10.0.0.1/24 or fd00::1/64'
const ADDRESSES = list(
  CIDR,
  value<string, Cidr>(CIDR, { type: 'string', pattern: '^[0-9a-fA-F.:]+(/\\d{1,3})?$' }, (given) =>
    typeof given === 'string' ? parseCidr(given) : undefined,
  ),
)

const SETTINGS = {
  name: about('interface name, 1 to 15 bytes; %d asks the kernel for a free number; default veth%d', NAME),
  addresses: about('IP addresses with prefix length, which are added: 10.0.0.1/24', ADDRESSES),
  up: about('admin up; default false, as after ip link add', flag()),
  address: about('MAC address; default: random, locally administered', ADDRESS),
  mtu: about('L3 payload in bytes; default 1500', whole(MIN_MTU, MAX_MTU)),
  txQueueLength: about(
    'frames that the kernel keeps for the cable before it drops; default 8192; frames that wait and find no room in a shorter queue are lost uncounted, but for a pair without carrier; those that are sent while it changes are dropped and counted',
    whole(1, MAX_TX_QUEUE_LENGTH),
  ),
  dad: about(
    'duplicate address detection for IPv6 addresses; they are not usable for about a second',
    flag(),
  ),
}
const PLACE = {
  netns: about(
    'network namespace: a name under /run/netns, a path, a process id, or null for the one that the process or daemon started in',
    NETNS,
  ),
  ifindex: about('interface index, at creation only; default: the kernel chooses', whole(1, MAX_IFINDEX)),
}
const impair = about('what is done to frames that the end sends, from its first one', IMPAIR)
const rules = about(
  'for single frames that the end sends, in their order, from its first one; at creation only',
  RULES,
)

const schedule = about(
  'what its impairment and the carrier are to be at which time; it begins when the pair is there',
  SCHEDULE,
)

/** What can be changed of an end. */
export const SETTING = object(SETTINGS)
/** At its creation. */
export const END = object({ ...SETTINGS, ...PLACE, impair, schedule, rules })
/** As an order has it: left out, `netns` is the one that the order comes from. */
export const END_WISH = object({ ...SETTINGS, ...PLACE, impair: orNull(impair), schedule, rules })
const vxlan = about(
  'instead of an interface: a VXLAN tunnel to another host, from the namespace that the process or daemon started in',
  VXLAN,
)
/** End b. */
const PEER = interfaceOrTunnel(object({ ...SETTINGS, ...PLACE, impair, schedule, rules, vxlan }))
const PEER_WISH = interfaceOrTunnel(
  object({ ...SETTINGS, ...PLACE, impair: orNull(impair), schedule, rules, vxlan }),
)
export const END_CHANGE = object({
  ...SETTINGS,
  netns: PLACE.netns,
  impair: about(
    'a JSON merge patch of what is done to frames that the end sends; null: nothing',
    orNull(IMPAIR_PATCH),
  ),
})

const ID = {
  id: about(
    'default: the name of end a, with a suffix when it is in use',
    text('1 to 64 characters without "/" and white space', /^[^\s/]{1,64}$/),
  ),
}
const PAIR_PARTS = {
  queues: about(
    "queues of each end, shared out over the workers; default 1, the only number that keeps others with CAP_NET_ADMIN in an end's namespace from attaching one of their own, whose frames are lost",
    whole(1, MAX_QUEUES),
  ),
  quiet: about('no IPv6 chatter from fresh links (addr_gen_mode none); default false', flag()),
}

/** The part of pino's interface that is used; a pino logger fits. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

function isLogger(given: unknown): boolean {
  const methods: Partial<Record<string, unknown>> = Object(given)
  return ['debug', 'info', 'warn'].every((level) => typeof methods[level] === 'function')
}

/** What only the library can be asked for. */
const HERE = {
  inline: about(
    'forward on the event loop of the thread that calls, so that hooks can be functions of it; while it is busy nothing is forwarded; default false',
    flag(),
  ),
  capture: about('capture into this file from the first frame', TARGET),
  logger: about(
    'default: silent',
    opaque<Logger>('a logger, like that of pino: debug, info and warn are functions', isLogger),
  ),
  signal: SIGNAL,
}

export const PAIR = pairWithTunnel(object({ ...ID, a: END, b: PEER, ...PAIR_PARTS, ...HERE }))
export const PAIR_WISH = pairWithTunnel(object({ ...ID, a: END_WISH, b: PEER_WISH, ...PAIR_PARTS }))

export const PAIR_CHANGE = object({
  a: END_CHANGE,
  b: END_CHANGE,
  carrier: about('auto: both ends have it while both are up', oneOf(...CARRIER_MODES)),
})
