// Wishes that are refused, each with its sentence: for whoever is asked, by whatever way (test/unit/wishes/
// refusals.test.ts), and for the JSON Schema (test/unit/servers/openapi.test.ts). `path` leads to the value in what
// createPair is asked for; every attribute of every shape stands in one path at least.

import type { OpName } from '../../src/contract/ops.js'

type Line = [path: string, value: unknown, says: string]

const TIME = 'must be a time up to a day: ms as a number, or a text like "10ms", not'
const PERCENT = 'must be a number of percent from 0 to 100, or a text like "1%", not'
const SIZE = 'must be a size: whole bytes, or a text like "32kb", not'
const whole = (from: number, to: number, not: unknown) =>
  `must be a whole number from ${from} to ${to}, not ${not}`
const DISTRIBUTION = 'must be one of uniform, normal, pareto, paretonormal, not'
const SEED = 'must be a whole number from 0 to 18446744073709551615, above 9007199254740991 as a text, not -1'
const RULE = 'a.rules.0'
const rule = (match: object) => [{ action: { kind: 'drop' }, match }]
const SPAN = (to: number) =>
  `must be a whole number from 0 to ${to}, or the first and the last of a range of them, the lower one first, not`

/** Of an impairment: behind `a.impair.`. */
const IMPAIR: Line[] = [
  ['delay.time', 'soon', `${TIME} "soon"`],
  ['delay.jitter', -1, `${TIME} -1`],
  ['delay.correlation', 101, `${PERCENT} 101`],
  ['delay.distribution', 'flat', `${DISTRIBUTION} "flat"`],
  ['loss.random', 101, `${PERCENT} 101`],
  ['loss.correlation', '1x', `${PERCENT} "1x"`],
  ['loss.gemodel.p', -1, `${PERCENT} -1`],
  ['loss.gemodel.r', 200, `${PERCENT} 200`],
  ['loss.gemodel.h', true, `${PERCENT} true`],
  ['loss.gemodel.k', 'all', `${PERCENT} "all"`],
  ['loss.state.p13', 101, `${PERCENT} 101`],
  ['loss.state.p31', 101, `${PERCENT} 101`],
  ['loss.state.p32', 101, `${PERCENT} 101`],
  ['loss.state.p23', 101, `${PERCENT} 101`],
  ['loss.state.p14', 101, `${PERCENT} 101`],
  ['duplicate.probability', 101, `${PERCENT} 101`],
  ['duplicate.correlation', 101, `${PERCENT} 101`],
  ['reorder.probability', 101, `${PERCENT} 101`],
  ['reorder.correlation', 101, `${PERCENT} 101`],
  ['reorder.gap', 0, whole(1, 4294967295, 0)],
  ['corrupt.probability', 101, `${PERCENT} 101`],
  ['corrupt.correlation', 101, `${PERCENT} 101`],
  ['rate.rate', 'fast', 'must be a rate: bits per second, or a text like "10mbit", not "fast"'],
  ['rate.burst', 1.5, `${SIZE} 1.5`],
  ['rate.overhead', 0.5, whole(-2147483647, 2147483647, 0.5)],
  ['rate.cellSize', -1, whole(0, 2147483647, -1)],
  ['rate.cellOverhead', 'x', whole(-2147483647, 2147483647, '"x"')],
  [
    'rate.trace.times',
    ['5'],
    'must be an array of 1 to 262144 whole numbers of ms up to a day, none less than the one before it, the last above 0, not an array',
  ],
  ['rate.trace.name', '', 'must be a name of 1 to 4096 characters, not ""'],
  ['limit', 1.5, whole(0, 4294967295, 1.5)],
  ['slot.min', 'never', `${TIME} "never"`],
  ['slot.max', -1, `${TIME} -1`],
  ['slot.distribution', 'flat', `${DISTRIBUTION} "flat"`],
  ['slot.delay', 'x', `${TIME} "x"`],
  ['slot.jitter', 'x', `${TIME} "x"`],
  ['slot.packets', -1, whole(0, 2147483647, -1)],
  ['slot.bytes', -1, `${SIZE} -1`],
  ['ecn', 1, 'must be true or false, not 1'],
  ['seed', -1, SEED],
]

/** Of a match: behind `a.rules.0.match.`. */
const MATCH: Line[] = [
  ['ethertype', 65_536, ''],
  ['src', '02:00', 'must be a MAC address like 02:00:5e:10:00:01, not "02:00"'],
  ['dst', 7, 'must be a MAC address like 02:00:5e:10:00:01, not 7'],
  ['vlan.id', 4096, whole(0, 4095, 4096)],
  ['vlan.pcp', 8, whole(0, 7, 8)],
  ['ip.version', 5, 'must be one of 4, 6, not 5'],
  ['ip.proto', 256, ''],
  ['ip.src', 'here', 'must be an address or prefix like 10.0.0.1, 10.0.0.0/8 or fd00::/8, not "here"'],
  ['ip.dst', 5, 'must be an address or prefix like 10.0.0.1, 10.0.0.0/8 or fd00::/8, not 5'],
  ['ip.fragment', 1, 'must be true or false, not 1'],
  ['ip.ttl', 256, `${SPAN(255)} 256`],
  ['ip.dscp', 64, whole(0, 63, 64)],
  ['arp.op', 'ask', 'must be a whole number from 0 to 65535, or one of request, reply, not "ask"'],
  ['tcp.sport', -1, `${SPAN(65535)} -1`],
  ['tcp.dport', 'http', `${SPAN(65535)} "http"`],
  ['tcp.port', 65_536, `${SPAN(65535)} 65536`],
  ['tcp.flags', 'sin', ''],
  ['udp.sport', 65_536, `${SPAN(65535)} 65536`],
  ['udp.dport', 65_536, `${SPAN(65535)} 65536`],
  ['udp.port', 1.5, `${SPAN(65535)} 1.5`],
  ['icmp.type', 300, whole(0, 255, 300)],
  ['icmp.code', -1, whole(0, 255, -1)],
  ['bytes', [], 'must be an array of one or more [offset, mask, value], not an empty array'],
  ['length.min', -1, whole(0, 65535, -1)],
  ['length.max', 65_536, whole(0, 65535, 65_536)],
  ['nth', 0, whole(1, Number.MAX_SAFE_INTEGER, 0)],
  ['every', 1.5, whole(1, Number.MAX_SAFE_INTEGER, 1.5)],
  ['first', 0, whole(1, Number.MAX_SAFE_INTEGER, 0)],
]

const NAME =
  'must be an interface name: 1 to 15 bytes without "/", ":" and white space, and "%" only once, as "%d", not'
const CIDR = 'must be an array of IP addresses with prefix length, like 10.0.0.1/24 or fd00::1/64, not'

/** What all can be asked for: by the library, by HTTP, and (but for netns) by the kit. */
export const OF_A_PAIR: Line[] = [
  ['a.name', 'x'.repeat(16), `${NAME} "${'x'.repeat(16)}"`],
  ['a.addresses', ['nonsense'], `${CIDR} "nonsense"`],
  ['a.up', 'yes', 'must be true or false, not "yes"'],
  [
    'a.address',
    '01:00:00:00:00:00',
    'must be a MAC address like 02:00:00:00:00:01, neither multicast nor zero, not "01:00:00:00:00:00"',
  ],
  ['a.mtu', 67, whole(68, 65521, 67)],
  ['a.mtu', '1400', whole(68, 65521, '"1400"')],
  ['b.txQueueLength', 0, whole(1, 1_000_000, 0)],
  ['a.dad', 0, 'must be true or false, not 0'],
  ['a.netns', true, 'must be a network namespace: a name, a path, a process id or null, not true'],
  ['b.ifindex', 0, whole(1, 2147483647, 0)],
  ['a.impair', 7, 'must be an object, not 7'],
  ['a.rules', {}, 'must be an array of rules, not an object'],
  ['a.colour', 1, ''],
  ['a', 'veth0', 'must be an object, not "veth0"'],
  ['id', 'a/b', 'must be 1 to 64 characters without "/" and white space, not "a/b"'],
  ['queues', 0, whole(1, 256, 0)],
  ['quiet', 1, 'must be true or false, not 1'],
  ...IMPAIR.map(([path, value, says]): Line => [`a.impair.${path}`, value, says]),
  ['a.schedule', 'train', 'must be an object, not "train"'],
  ['a.schedule.steps', [], 'must be an array of 1 to 4096 steps, not an empty array'],
  ['a.schedule.steps.0.at', 'soon', `${TIME} "soon"`],
  ['a.schedule.steps.0.carrier', 'gone', 'must be one of on, off, auto, not "gone"'],
  ...IMPAIR.map(([path, value, says]): Line => [`a.schedule.steps.0.impair.${path}`, value, says]),
  ['a.schedule.repeat', 0, 'must be true, or a whole number of rounds from 1 to 1000000, not 0'],
  ['a.schedule.period', -1, `${TIME} -1`],
  [`${RULE}.action.kind`, 'eat', 'must be one of drop, corrupt, delay, duplicate, impair, not "eat"'],
  ...MATCH.map(([path, value, says]): Line => [`${RULE}.match.${path}`, value, says]),
]

/** Actions: their other keys depend on the kind. */
export const ACTIONS: [key: string, action: object, says: string][] = [
  ['ms', { kind: 'delay', ms: 0 }, 'must be milliseconds, more than 0 and at most 3600000, not 0'],
  ['copies', { kind: 'duplicate', copies: 101 }, whole(1, 100, 101)],
  ['offset', { kind: 'corrupt', offset: -1 }, whole(0, 65535, -1)],
  ['mask', { kind: 'corrupt', offset: 0, mask: 256 }, whole(1, 255, 256)],
  ['bits', { kind: 'corrupt', bits: 65 }, whole(1, 64, 65)],
  ['seed', { kind: 'corrupt', seed: -1 }, SEED],
  ...IMPAIR.map(([path, value, says]): (typeof ACTIONS)[number] => {
    return [path, { kind: 'impair', ...wishWith(path, value) }, says]
  }),
]

/** `value` under `path` in an object; a rule has an action in any case. */
export function wishWith(path: string, value: unknown): object {
  const build = (keys: string[]): unknown => {
    const [key, ...rest] = keys
    if (key === undefined) return value
    if (key === '0') {
      const [inner] = rest
      return inner === 'match' ? rule((build(rest.slice(1)) ?? {}) as object) : [build(rest)]
    }
    return { [key]: build(rest) }
  }
  return build(path.split('.')) as object
}

export interface Wrong {
  attribute: string
  op: OpName
  wish: object
}

/** As orders over HTTP. */
export const WRONG: Wrong[] = [
  ...OF_A_PAIR.map(
    ([path, value]): Wrong => ({ attribute: path, op: 'pair.add', wish: wishWith(path, value) }),
  ),
  ...ACTIONS.map(
    ([key, action]): Wrong => ({ attribute: `action.${key}`, op: 'rule.add', wish: { action } }),
  ),
  { attribute: 'schedule.steps', op: 'schedule.set', wish: { steps: [] } },
  { attribute: 'schedule.steps.0.at', op: 'schedule.set', wish: { steps: [{ at: 'soon', impair: null }] } },
  {
    attribute: 'schedule.repeat',
    op: 'schedule.set',
    wish: { steps: [{ at: 1, impair: null }], repeat: -1 },
  },
  { attribute: 'ms', op: 'pair.flap', wish: { ms: 0 } },
  { attribute: 'times', op: 'pair.flap', wish: { ms: 1, times: 1.5 } },
]
