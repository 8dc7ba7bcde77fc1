// Prefixes: what is taken and refused, their canonical text, and what they contain.

import { BlockList, isIPv4 } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from '../../../src/frame/address.js'

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.3', '10.1.2.3'],
  ['10.1.2.3/32', '10.1.2.3'],
  ['255.255.255.255/0', '0.0.0.0/0'],
  ['255.255.255.255/31', '255.255.255.254/31'],
  ['FD00:0::1/9', 'fd00::/9'],
  ['::ffff:10.0.0.1/128', '::ffff:a00:1'],
  ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
])('%s is %s', (text, canonical) => {
  const prefix = parsePrefix(text)
  expect(prefix && formatPrefix(prefix)).toBe(canonical)
})

test.each([
  ...[
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
  ],
  ...[
    '10.0.0',
    '010.0.0.1',
    'fd00::/129',
    'fe80::1%eth0/64',
    '[fd00::1]',
    'fd00:::1',
    ' 10.0.0.1',
    'localhost',
  ],
])('refuses %j', (text) => {
  expect(parsePrefix(text)).toBeUndefined()
})

const ip = fc.oneof(fc.ipV4(), fc.ipV6())

test('a prefix contains the addresses that Node says it contains', () => {
  fc.assert(
    fc.property(ip, ip, fc.nat(128), fc.nat(128), (one, other, bits, flipped) => {
      const width = isIPv4(one) ? 32 : 128
      const length = bits % (width + 1)
      const prefix = parsePrefix(`${one}/${length}`)
      if (prefix === undefined) throw new Error(`${one}/${length} was refused`)
      // The address with one bit changed is next to it; another one is anywhere.
      const near = prefix.address.map((byte) => byte)
      near[(flipped % width) >> 3]! ^= 0x80 >> (flipped & 7)
      const family = width === 32 ? 'ipv4' : 'ipv6'
      const list = new BlockList()
      list.addSubnet(one, length, family)
      const far = parseAddress(other)
      for (const address of [near, far?.length === near.length ? far : near]) {
        const inside = address.every((byte, at) => (byte & prefix.mask[at]!) === prefix.address[at])
        expect(inside).toBe(list.check(formatAddress(address), family))
      }
    }),
    { numRuns: 500 },
  )
})
