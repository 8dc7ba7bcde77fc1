// What `link show`, `monitor` and `stats` print: src/cli/link/format.ts, monitor.ts and table.ts. The layout
// of `ip link` and its JSON keys, in its order.

import { describe, expect, test } from 'vitest'
import { exitCodeOf, sentenceOf } from '../../../../src/cli/failure.js'
import { faultLines } from '../../../../src/cli/link/faults.js'
import { briefText, linkText, type Row } from '../../../../src/cli/link/format.js'
import { briefJson, linkJson } from '../../../../src/cli/link/json.js'
import { eventText, longTime, shortTime } from '../../../../src/cli/monitor.js'
import { paint } from '../../../../src/cli/session.js'
import { UsageError } from '../../../../src/cli/usage.js'
import type { EndView, PairView } from '../../../../src/contract/ops.js'
import { INSPECTED_COUNTS } from '../../../../src/datapath/counters.js'
import { UvethError } from '../../../../src/errors.js'
import { CAUSES } from '../../../../src/frame/cause.js'
import type { EndStats } from '../../../../src/pair/stats.js'

const CAUSES_OF_END = [...CAUSES, 'queue'] as const

const end = (name: string, more: Partial<EndView> = {}): EndView => ({
  name,
  ifindex: 7,
  netns: null,
  netnsInode: 1,
  address: '02:00:00:00:00:01',
  mtu: 1500,
  up: true,
  flags: 0x1003,
  txQueueLength: 1000,
  altnames: [],
  foreignQueues: 0,
  ...{ impair: null, schedule: null, rules: [] },
  ...more,
})

const pair: PairView = {
  id: 'veth0',
  carrier: true,
  carrierMode: 'auto',
  queues: 1,
  quiet: false,
  a: end('veth0'),
  b: end('veth1', { ifindex: 8, address: '02:00:00:00:00:02' }),
}

/** End b away, in `blue`. */
const apart: PairView = { ...pair, b: end('eth0', { ifindex: 8, netns: 'blue', netnsInode: 2 }) }

/** A number for each name, 0 for those that are not given. */
function counts<K extends string>(
  names: readonly K[],
  some: Partial<Record<K, number>> = {},
): Record<K, number> {
  return { ...(Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>), ...some }
}

const kernel = { multicast: 5, tx_carrier_errors: 6, collisions: 7 } as EndStats['kernel']
const stats: EndStats = {
  rx_packets: 10,
  rx_bytes: 1_234_567_890,
  tx_packets: 20,
  tx_bytes: 2_000,
  rx_dropped: 1,
  tx_dropped: 3,
  rx_errors: 0,
  tx_errors: 0,
  drops: counts(CAUSES_OF_END, { carrier: 2, mtu: 1 }),
  inspected: counts(INSPECTED_COUNTS),
  rules: [],
  workers: [{ worker: 0 }, { worker: 1 }] as EndStats['workers'],
  kernel,
}

const row = (of: PairView, more: Partial<Row> = {}): Row => ({ pair: of, end: 'a', here: true, ...more })
const plain = (_: string, text: string) => text
const short = { stats: false, details: false, oneline: false }

describe('text', () => {
  test('an end whose peer stands beside it', () => {
    expect(linkText(row(pair), short, plain)).toBe(
      `7: veth0@veth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000
    link/ether 02:00:00:00:00:01
    uveth id veth0 end a peer veth1 carrier on`,
    )
  })

  test('an end whose peer is away, and the same seen from elsewhere', () => {
    expect(linkText(row(apart), short, plain)).toBe(
      `7: veth0@if8: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000
    link/ether 02:00:00:00:00:01 link-netns blue
    uveth id veth0 end a peer eth0 peer-netns blue carrier on`,
    )
    expect(linkText(row(apart, { end: 'b', here: false }), short, plain)).toBe(
      `8: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000 netns blue
    link/ether 02:00:00:00:00:01 link-netns (home)
    uveth id veth0 end b peer veth0 peer-netns (home) carrier on`,
    )
  })

  test('with counters and details', () => {
    const detail = { stats: true, details: true, oneline: false }
    expect(linkText(row(pair, { stats }), detail, plain)).toBe(
      `7: veth0@veth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000
    link/ether 02:00:00:00:00:01
    uveth id veth0 end a peer veth1 carrier on queues 1 quiet off workers 0,1 drops carrier 2 mtu 1
    RX:  bytes packets errors dropped  missed   mcast
    1234567890      10      0       1       0       5
    TX:  bytes packets errors dropped carrier collsns
          2000      20      0       3       6       7`,
    )
  })

  test('with what the kernel alone knows', () => {
    const link = {
      ...{ qdisc: 'mq', master: 'br0', operstate: 'DORMANT', linkmode: 'DORMANT', group: 987_654 },
      ...{ broadcast: 'ff:ff:ff:ff:ff:ff', ifalias: 'of the lab', altnames: ['long'], flags: 0x11043 },
      ...{ promiscuity: 1, min_mtu: 68, max_mtu: 65_521, num_tx_queues: 256, inet6_addr_gen_mode: 'none' },
    }
    const seen = row(apart, { stats: { ...stats, link } })
    expect(linkText(seen, short, plain)).toBe(
      `7: veth0@if8: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc mq master br0 state DORMANT mode DORMANT group 987654 qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns blue
    uveth id veth0 end a peer eth0 peer-netns blue carrier on
    alias of the lab
    altname long`,
    )
    const [, address = '', pair] = linkText(seen, { ...short, details: true }, plain).split('\n')
    expect(address).toMatch(/ link-netns blue promiscuity 1 minmtu 68 maxmtu 65521$/)
    expect(pair).toContain(' quiet off addrgenmode none numtxqueues 256 workers 0,1 ')
  })

  test('with what is done to frames, in the words that orders take', () => {
    const impair = { delay: { time: 10, jitter: 2 }, loss: { random: 1 }, seed: 42 }
    const match = { udp: { dport: 53 }, nth: 3 }
    const rules = [{ id: 4, action: { kind: 'drop' } as const, match, matched: 5, hits: 1 }]
    const of = { ...pair, a: end('veth0', { impair, rules }) }
    const counted = { ...stats, inspected: counts(INSPECTED_COUNTS, { held: 2, delayed: 9 }) }
    const detail = { stats: false, details: true, oneline: false }
    expect(
      linkText(row(of, { stats: counted }), detail, plain, faultLines)
        .split('\n')
        .slice(2),
    ).toEqual([
      '    uveth id veth0 end a peer veth1 carrier on queues 1 quiet off workers 0,1 drops carrier 2 mtu 1 inspected held 2 delayed 9',
      '    impair delay 10ms 2ms loss 1% seed 42',
      '    rule 4: drop udp dport 53 nth 3 matched 5 hits 1',
    ])
    expect(linkText(row(of), short, plain)).not.toContain('impair')
    const json = linkJson(row(of), { stats: false })
    expect(json).toMatchObject({ linkinfo: { info_data: { impair, rules } } })
  })

  test('in one line', () => {
    expect(linkText(row(pair), { ...short, oneline: true }, plain)).toBe(
      '7: veth0@veth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000\\    link/ether 02:00:00:00:00:01\\    uveth id veth0 end a peer veth1 carrier on',
    )
  })

  test('brief', () => {
    expect(briefText(row(pair), plain)).toBe(
      'veth0@veth1      UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>',
    )
    expect(briefText(row(apart, { here: false }), plain)).toMatch(
      / <BROADCAST,MULTICAST,UP,LOWER_UP> netns \(home\)$/,
    )
  })

  test.each<[string, boolean, boolean, boolean, string, string]>([
    ['down', false, true, false, 'BROADCAST,MULTICAST', 'DOWN'],
    ['both down', false, false, false, 'BROADCAST,MULTICAST,M-DOWN', 'DOWN'],
    ['up, the peer down', true, false, false, 'NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN', 'DOWN'],
    ['up, unplugged', true, true, false, 'NO-CARRIER,BROADCAST,MULTICAST,UP', 'DOWN'],
    ['up, the peer down, carrier forced', true, false, true, 'BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN', 'UP'],
  ])('%s', (_, up, peerUp, carrier, flags, state) => {
    const view = { ...pair, carrier, a: end('veth0', { up }), b: end('veth1', { up: peerUp }) }
    expect(linkText(row(view), short, plain)).toContain(`: <${flags}> mtu 1500 state ${state} qlen 1000\n`)
  })

  test('colours change nothing but colours', () => {
    const coloured = linkText(row(pair), short, paint)
    expect(coloured).toContain('\u001b[36mveth0@veth1\u001b[39m')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
    expect(coloured.replace(/\u001b\[\d+m/g, '')).toBe(linkText(row(pair), short, plain))
  })
})

describe('JSON', () => {
  test("has iproute2's keys in its order", () => {
    const json = linkJson(row(apart, { stats }), { stats: true })
    expect(JSON.stringify(json)).toBe(
      JSON.stringify({
        ifindex: 7,
        link_index: 8,
        ifname: 'veth0',
        flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
        mtu: 1500,
        operstate: 'UP',
        txqlen: 1000,
        link_type: 'ether',
        address: '02:00:00:00:00:01',
        link_netns: 'blue',
        linkinfo: {
          info_kind: 'uveth',
          info_data: {
            id: 'veth0',
            end: 'a',
            netns: null,
            peer: 'eth0',
            peer_netns: 'blue',
            carrier: true,
            queues: 1,
            quiet: false,
            impair: null,
            schedule: null,
            rules: [],
            drops: counts(CAUSES_OF_END, { carrier: 2, mtu: 1 }),
            inspected: counts(INSPECTED_COUNTS),
            workers: [0, 1],
          },
        },
        stats64: {
          rx: { bytes: 1_234_567_890, packets: 10, errors: 0, dropped: 1, over_errors: 0, multicast: 5 },
          tx: { bytes: 2_000, packets: 20, errors: 0, dropped: 3, carrier_errors: 6, collisions: 7 },
        },
      }),
    )
  })

  test('has what the kernel says beside it, in its place', () => {
    const link = {
      ...{ num_tx_queues: 2, promiscuity: 1, master: 'br0', operstate: 'DORMANT', group: 0, qdisc: 'mq' },
      ...{ flags: 0x11043, slave_kind: 'bridge', altnames: ['long'], ifalias: 'of the lab' },
    }
    const json = linkJson(row(pair, { stats: { ...stats, link } }), { stats: false })
    expect(Object.keys(json).join(' ')).toBe(
      'ifindex link ifname flags mtu qdisc master operstate group txqlen link_type address promiscuity ' +
        'linkinfo num_tx_queues ifalias altnames',
    )
    expect(json).toMatchObject({
      ...{ qdisc: 'mq', operstate: 'DORMANT', group: 'default', altnames: ['long'] },
      linkinfo: { info_kind: 'uveth', info_slave_kind: 'bridge' },
    })
    const far = linkJson(row(pair, { stats: { ...stats, link: { flags: 0x10003, group: 987_654 } } }), {
      stats: false,
    })
    expect(far).toMatchObject({
      group: '987654',
      flags: ['NO-CARRIER', 'BROADCAST', 'UP', 'LOWER_UP'],
    })
  })

  test('has counters only with -stats', () => {
    expect(linkJson(row(pair, { stats }), { stats: false })).not.toHaveProperty('stats64')
  })

  test('brief', () => {
    expect(JSON.stringify(briefJson(row(pair)))).toBe(
      '{"link":"veth1","ifname":"veth0","operstate":"UP","address":"02:00:00:00:00:01","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"]}',
    )
  })
})

test.each<[Record<string, unknown>, string]>([
  [{ event: 'added', id: 'lan', a: 'veth0', b: 'veth1' }, 'added lan: veth0 <-> veth1'],
  [{ event: 'changed', id: 'lan', a: end('veth0'), b: end('x') }, 'changed lan: veth0 <-> x'],
  [
    {
      event: 'changed',
      id: 'lan',
      a: 'x',
      b: 'y',
      change: { carrier: 'off', a: { mtu: 1400, impair: null } },
    },
    'changed lan: x <-> y, carrier off, end a mtu 1400, end a impair none',
  ],
  [
    {
      event: 'changed',
      id: 'lan',
      a: 'x',
      b: 'y',
      change: { b: { impair: { delay: { time: 10 }, seed: 5 } } },
    },
    'changed lan: x <-> y, end b impair delay 10ms seed 5',
  ],
  [
    {
      ...{ event: 'state', id: 'lan', end: 'a', name: 'x' },
      before: { up: true, mtu: 1500, flags: 0x1003, txQueueLength: 1000 },
      after: { up: false, mtu: 1400, flags: 0x1182, txQueueLength: 50 },
    },
    'state lan: end a: x: up -> down, mtu 1500 -> 1400, noarp off -> on, promisc off -> on, txqueuelen 1000 -> 50',
  ],
  [{ event: 'carrier', id: 'lan', on: false }, 'carrier lan: off'],
  [
    { event: 'renamed', id: 'lan', end: 'a', name: 'x', previous: 'veth0' },
    'renamed lan: end a: veth0 is now x',
  ],
  [
    { event: 'moved', id: 'lan', end: 'b', name: 'x', netns: 'blue' },
    'moved lan: end b: x is now in netns blue',
  ],
  [
    { event: 'moved', id: 'lan', end: 'b', name: 'x', netns: null },
    'moved lan: end b: x is now in netns (home)',
  ],
  [{ event: 'removed', id: 'lan', reason: 'deleted' }, 'removed lan: deleted'],
  [{ event: 'invented', id: 'lan', by: 'whom' }, 'invented lan: {"by":"whom"}'],
])('the event %j', (event, text) => {
  expect(eventText(event, plain)).toBe(text)
})

test('when an event was, as ip has it', () => {
  const now = new Date(2026, 1, 3, 4, 5, 6, 78)
  expect(shortTime(now)).toBe('2026-02-03T04:05:06.078000')
  expect(longTime(now)).toBe('Timestamp: Tue Feb  3 04:05:06 2026 078000 usec\n')
})

describe('a failure', () => {
  const error = (fields: Partial<UvethError>) => new UvethError('EX: sentence', { code: 'EX', ...fields })

  test.each<[string, unknown, number]>([
    ['wrong use', new UsageError('sentence'), 1],
    ['a bad value', error({ attribute: 'a.mtu' }), 1],
    ['a bad value that the kernel was asked about', error({ attribute: 'a.netns', syscall: 'open' }), 1],
    ['no such device', error({ code: 'ENODEV', syscall: 'netlink(RTM_SETLINK)' }), 1],
    ['no daemon', error({ code: 'ENOENT', syscall: 'connect' }), 1],
    ['a socket that may not be opened', error({ code: 'EACCES', syscall: 'connect' }), 2],
    ['something unforeseen', new Error('sentence'), 1],
    ['a refusal by the kernel', error({ code: 'EEXIST', syscall: 'ioctl(TUNSETIFF)' }), 2],
  ])('%s', (_, thrown, code) => {
    expect(exitCodeOf(thrown)).toBe(code)
    expect(sentenceOf(thrown)).toMatch(/^uveth: .*sentence/)
  })
})
