// The packet filter and the bridges of networks, as text.

import { expect, test } from 'vitest'
import type { Network } from '../../../src/docker/records.js'
import { bridgeLines, noRules, rulesFor } from '../../../src/docker/rules.js'

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

/** The rules of our chain in a table. */
function inTable(text: string, table: string): string[] {
  const lines = text.split('\n')
  const begin = lines.indexOf(`*${table}`)
  const part = lines.slice(begin, lines.indexOf('COMMIT', begin))
  return part.filter((line) => line.startsWith('-A UVETH ')).map((line) => line.slice('-A UVETH '.length))
}

test('a network is masqueraded, and reached only by answers', () => {
  const text = rulesFor('iptables', [OPEN], [])
  expect(inTable(text, 'nat')).toEqual(['-s 10.0.0.0/24 ! -o uv-open -j MASQUERADE'])
  expect(inTable(text, 'mangle').slice(0, 2)).toEqual([
    '-o uv-open ! -i uv-open -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN',
    '-o uv-open ! -i uv-open -j DROP',
  ])
  expect(inTable(text, 'filter')).toContain('-i uv-open -j ACCEPT')
  expect(inTable(rulesFor('ip6tables', [OPEN], []), 'nat')).toEqual([
    '-s fd00::/64 ! -o uv-open -j MASQUERADE',
  ])
})

test('an internal one neither, and one that does its own routing is not masqueraded', () => {
  const text = rulesFor('iptables', [CLOSED, { ...OPEN, masquerade: false }], [])
  expect(inTable(text, 'nat')).toEqual([])
  expect(inTable(text, 'mangle').slice(0, 2)).toEqual([
    '-i uv-closed ! -o uv-closed -j DROP',
    '-o uv-closed ! -i uv-closed -j DROP',
  ])
})

test('of a network of one pair the kernel hears nothing', () => {
  expect(rulesFor('iptables', [{ ...OPEN, p2p: true }], [])).not.toContain('uv-open')
})

test('our chains are called once, and go with the last network', () => {
  const first = rulesFor('iptables', [OPEN], ['mangle', 'filter', 'nat'])
  expect(first.match(/^-I .*$/gm)).toEqual([
    '-I FORWARD -j UVETH',
    '-I FORWARD -j UVETH',
    '-I POSTROUTING -j UVETH',
  ])
  expect(rulesFor('iptables', [OPEN], [])).not.toContain('-I ')
  expect(noRules([])).toContain('\n*nat\n:UVETH - [0:0]\n-D POSTROUTING -j UVETH\n-X UVETH\nCOMMIT\n')
  expect(noRules(['nat'])).toContain('\n*nat\n:UVETH - [0:0]\n-X UVETH\nCOMMIT\n')
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
