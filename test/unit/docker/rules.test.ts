// The packet filter and the bridges of networks, as text.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Network, Published } from '../../../src/docker/records.js'
import * as rules from '../../../src/docker/rules.js'
import { bridgeLines, changeOf, type Family, noRules } from '../../../src/docker/rules.js'

const OPEN: Network = {
  id: '0123456789ab'.repeat(5),
  bridge: 'uv-open',
  internal: false,
  p2p: false,
  masquerade: true,
  subnets: [
    { pool: '10.0.0.0/24', gateway: '10.0.0.1/24' },
    { pool: 'fd00::/64', gateway: 'fd00::1/64' },
  ],
  endpoints: {},
}
const CLOSED = { ...OPEN, bridge: 'uv-closed', internal: true }

const rulesFor = (...given: Parameters<typeof rules.rulesFor>) =>
  rules
    .rulesFor(...given)
    .map(({ text }) => text)
    .join('')

/** The rules of our chain in a table. */
function inTable(text: string, table: string, chain = 'UVETH'): string[] {
  const lines = text.split('\n')
  const begin = lines.indexOf(`*${table}`)
  const part = lines.slice(begin, lines.indexOf('COMMIT', begin))
  return part
    .filter((line) => line.startsWith(`-A ${chain} `))
    .map((line) => line.slice(`-A ${chain} `.length))
}

test('a network is masqueraded, and reached only by answers', () => {
  const text = rulesFor('iptables', [OPEN], '')
  expect(inTable(text, 'nat')).toEqual(['-s 10.0.0.0/24 ! -o uv-open -j MASQUERADE'])
  expect(inTable(text, 'mangle').slice(0, 2)).toEqual([
    '-o uv-open ! -i uv-open -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j RETURN',
    '-o uv-open ! -i uv-open -j DROP',
  ])
  expect(inTable(text, 'filter')).toContain('-i uv-open -j ACCEPT')
  expect(inTable(rulesFor('ip6tables', [OPEN], ''), 'nat')).toEqual([
    '-s fd00::/64 ! -o uv-open -j MASQUERADE',
  ])
})

test('an internal one neither, and one that does its own routing is not masqueraded', () => {
  const text = rulesFor('iptables', [CLOSED, { ...OPEN, masquerade: false }], '')
  expect(inTable(text, 'nat')).toEqual([])
  expect(inTable(text, 'mangle').slice(0, 2)).toEqual([
    '-i uv-closed ! -o uv-closed -j DROP',
    '-o uv-closed ! -i uv-closed -j DROP',
  ])
})

test('from an internal network nobody gets out by what another one lets in, whichever was there first', () => {
  for (const networks of [
    [OPEN, CLOSED],
    [CLOSED, OPEN],
  ]) {
    const mangle = inTable(rulesFor('iptables', networks, ''), 'mangle')
    expect(mangle.indexOf('-i uv-closed ! -o uv-closed -j DROP')).toBe(0)
    expect(mangle.findIndex((rule) => rule.endsWith('DNAT -j RETURN'))).toBe(2)
  }
})

test('of a network of one pair the kernel hears nothing', () => {
  expect(rulesFor('iptables', [{ ...OPEN, p2p: true }], '')).not.toContain('uv-open')
})

const CALLS = [
  ['mangle', 'INPUT', 'UVETH-LOCAL'],
  ['mangle', 'FORWARD', 'UVETH'],
  ['filter', 'FORWARD', 'UVETH'],
  ['nat', 'POSTROUTING', 'UVETH'],
  ['nat', 'PREROUTING', 'UVETH-PORTS'],
  ['nat', 'OUTPUT', 'UVETH-PORTS'],
] as const
/** As iptables-save has it. */
const saved = (calls: readonly (readonly string[])[]) =>
  ['mangle', 'filter', 'nat']
    .map((table) => {
      const mine = calls.filter(([at]) => at === table)
      return `*${table}\n${mine.map(([, hook, chain]) => `-A ${hook} -j ${chain}\n`).join('')}COMMIT\n`
    })
    .join('')

test('our chains are called once, and go with the last network', () => {
  const words = (text: string, word: string) =>
    [...text.matchAll(/^\*(\w+)\n([^*]*)/gm)].flatMap(([, table, lines = '']) =>
      lines
        .split('\n')
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => [table, ...line.split(' ').filter((_, at) => at === 1 || at === 3)]),
    )
  const sorted = (calls: unknown[]) => calls.map(String).sort()
  expect(sorted(words(rulesFor('iptables', [OPEN], saved([])), '-I'))).toEqual(sorted([...CALLS]))
  expect(words(rulesFor('iptables', [OPEN], saved(CALLS)), '-I')).toEqual([])
  // Somebody has emptied one chain of the kernel's.
  expect(words(rulesFor('iptables', [OPEN], saved(CALLS.slice(1))), '-I')).toEqual([[...CALLS[0]]])
  expect(sorted(words(noRules(saved(CALLS)), '-D'))).toEqual(sorted([...CALLS]))
  expect(words(noRules(saved([])), '-D')).toEqual([])
  expect(words(noRules(saved([])), '-X')).toHaveLength(5)
})

test('a published port leads to its container, at the addresses and of the family that were asked for', () => {
  const published = (...ports: Published[]) => {
    const one = { mac: '', addresses: ['10.0.0.2/24', 'fd00::2/64'], ports }
    return (family: Family) =>
      inTable(rulesFor(family, [{ ...OPEN, endpoints: { one } }], ''), 'nat', 'UVETH-PORTS')
  }
  const port: Published = { protocol: 'tcp', port: 80, hostPort: 8080 }
  const local = '-p tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination'
  for (const [hostAddress, ...rules] of [
    [undefined, [`${local} 10.0.0.2:80`], [`${local} [fd00::2]:80`]],
    ['0.0.0.0', [`${local} 10.0.0.2:80`], []],
    ['::', [], [`${local} [fd00::2]:80`]],
    ['127.0.0.1', [`-d 127.0.0.1 ${local} 10.0.0.2:80`], []],
    ['fd01::1', [], [`-d fd01::1 ${local} [fd00::2]:80`]],
  ] as const) {
    const rulesOf = published({ ...port, ...(hostAddress && { hostAddress }) })
    expect([rulesOf('iptables'), rulesOf('ip6tables')]).toEqual(rules)
  }
  expect(published({ protocol: 'udp', port: 53, hostPort: 53 })('iptables')[0]).toMatch(/^-p udp --dport 53 /)
})

test('a table that is as it was left is known by its calls and the number of its rules', () => {
  const present = (lines: string, calls: readonly (readonly string[])[] = CALLS) =>
    rules
      .rulesFor('iptables', [OPEN], saved(calls).replace('*nat\n', `*nat\n${lines}`))
      .map((table) => table.present)
  expect(present('-A UVETH -s 10.0.0.0/24 ! -o uv-open -j MASQUERADE\n')).toEqual([0, 0, 1])
  expect(present('', CALLS.slice(1))).toEqual([undefined, 0, 0])
})

describe('what differs is changed', () => {
  const table = (name: string, given: readonly string[]) => ({
    table: name,
    rules: given,
    present: 0,
    text: '',
  })

  test('and nothing where nothing does', () => {
    const mine = ['-A UVETH one', '-A UVETH-LOCAL two']
    expect(changeOf(table('mangle', mine), mine)).toBe('')
  })

  test('by adding one, taking one away, and both', () => {
    const before = ['-A UVETH a', '-A UVETH b', '-A UVETH-PORTS c']
    const to = (...given: string[]) => changeOf(table('nat', given), before)
    expect(to(...before, '-A UVETH-PORTS d')).toBe('*nat\n-I UVETH-PORTS 2 d\nCOMMIT\n')
    expect(to('-A UVETH a', '-A UVETH-PORTS c')).toBe('*nat\n-D UVETH 2\nCOMMIT\n')
    expect(to('-A UVETH x', '-A UVETH b')).toBe('*nat\n-D UVETH 1\n-I UVETH 1 x\n-D UVETH-PORTS 1\nCOMMIT\n')
  })

  test('to every other list, as the kernel would do it', () => {
    const lists = fc.array(
      fc.tuple(fc.constantFrom('UVETH', 'UVETH-LOCAL'), fc.constantFrom('a', 'b', 'c')),
      {
        maxLength: 8,
      },
    )
    fc.assert(
      fc.property(lists, lists, (before, after) => {
        const chains: Record<string, string[]> = { UVETH: [], 'UVETH-LOCAL': [] }
        for (const [chain, rule] of before) chains[chain]?.push(rule)
        const given = [before, after].map((list) => list.map(([chain, rule]) => `-A ${chain} ${rule}`))
        for (const line of changeOf(table('mangle', given[1] ?? []), given[0] ?? []).split('\n')) {
          const [word, chain = '', number, rule = ''] = line.split(' ')
          const at = Number(number) - 1
          if (word === '-D') expect(chains[chain]?.splice(at, 1)).toHaveLength(1)
          if (word === '-I') {
            expect(at).toBeLessThanOrEqual(chains[chain]?.length ?? 0)
            chains[chain]?.splice(at, 0, rule)
          }
        }
        for (const chain of ['UVETH', 'UVETH-LOCAL'])
          expect(chains[chain]).toEqual(after.filter(([of]) => of === chain).map(([, rule]) => rule))
      }),
      { seed: 7 },
    )
  })
})

test('loopback addresses are reached by answers only', () => {
  expect(inTable(rulesFor('iptables', [OPEN], ''), 'mangle', 'UVETH-LOCAL')).toEqual([
    '-i uv-open -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP',
  ])
})

test('a port that is published at a loopback address is reached by no neighbour who sends to that', () => {
  const ports: Published[] = [{ protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '127.0.0.1' }]
  const network = { ...OPEN, endpoints: { one: { mac: '', addresses: ['10.0.0.2/24'], ports } } }
  // Before the rule that lets in who comes by a published port.
  expect(inTable(rulesFor('iptables', [network], ''), 'mangle').slice(0, 2)).toEqual([
    '-o uv-open -m conntrack --ctorigdst 127.0.0.0/8 -j DROP',
    expect.stringMatching(/DNAT -j RETURN$/),
  ])
  for (const [family, given] of [
    ['ip6tables', network],
    ['iptables', OPEN],
  ] as const)
    expect(rulesFor(family, [given], '')).not.toContain('ctorigdst')
})

test('a bridge has its gateways, an address that stays, and the MTU that was asked for', () => {
  expect(bridgeLines({ ...OPEN, mtu: 1400 })).toEqual([
    expect.stringMatching(/^link add name uv-open address 02:42(:[0-9a-f]{2}){4} type bridge$/),
    'link set dev uv-open mtu 1400',
    'address add 10.0.0.1/24 dev uv-open',
    'address add fd00::1/64 dev uv-open nodad',
    'link set dev uv-open up',
  ])
})
