// Addresses: what is taken, what is refused, and that text and bytes say the same.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatAddress, formatCidr, parseAddress, parseCidr } from '../../../src/frame/address.js'
import { hex } from '../netlink/bytes.js'

test.each<[string, string, number]>([
  ['10.0.0.1/24', '0a 00 00 01', 24],
  ['10.0.0.1', '0a 00 00 01', 32],
  ['0.0.0.0/0', '00 00 00 00', 0],
  ['255.255.255.255/32', 'ff ff ff ff', 32],
  ['fd00::1/64', 'fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01', 64],
  ['fd00::1', 'fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01', 128],
  ['::/0', '00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00', 0],
  ['::1', '00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01', 128],
  ['2001:DB8::', '20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 00', 128],
  ['1:2:3:4:5:6:7:8', '00 01 00 02 00 03 00 04 00 05 00 06 00 07 00 08', 128],
  ['1:0:0:2:0:0:0:3', '00 01 00 00 00 00 00 02 00 00 00 00 00 00 00 03', 128],
  ['1::3:4:5:6:7:8', '00 01 00 00 00 03 00 04 00 05 00 06 00 07 00 08', 128],
  ['::ffff:10.0.0.1', '00 00 00 00 00 00 00 00 00 00 ff ff 0a 00 00 01', 128],
])('%s', (text, address, prefixLength) => {
  expect(parseCidr(text)).toEqual({ address: hex(address), prefixLength })
})

test.each([
  '',
  '/24',
  '10.0.0.1/',
  '10.0.0.1/33',
  '10.0.0.1/-1',
  '10.0.0.1/+8',
  '10.0.0.1/08',
  '10.0.0.1/8.0',
  '10.0.0.1/1e1',
  '10.0.0.1/255.255.255.0',
  '10.0.0.1/24/24',
  ' 10.0.0.1',
  '10.0.0.1 ',
  '10.0.0.1\n',
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  '0x0a000001',
  '10.0.0.1.',
  'fd00::1/129',
  'fd00::1::2',
  'fd00:::1',
  'fd00::12345',
  'fe80::1%eth0',
  'fe80::1%eth0/64',
  '[fd00::1]/64',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  'localhost',
])('refuses %j', (text) => {
  expect(parseCidr(text)).toBeUndefined()
})

test('formats canonically', () => {
  expect(formatAddress(hex('0a 00 00 01'))).toBe('10.0.0.1')
  expect(formatAddress(hex('fd 00', '00'.repeat(12), '00 01'))).toBe('fd00::1')
  expect(formatCidr({ address: hex('0a 00 00 01'), prefixLength: 24 })).toBe('10.0.0.1/24')
})

test('every address survives its text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Mostly zeros: where '::' goes.
    fc
      .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
      .map((array) => Uint8Array.from(array)),
  )
  const survives = (address: Uint8Array) => {
    expect(parseAddress(formatAddress(address))).toEqual(address)
  }
  fc.assert(fc.property(bytes, survives))
})

test('every spelling of IPv6 is taken, and no text throws', () => {
  const taken = (text: string) => {
    expect(parseAddress(text)?.length).toBe(16)
  }
  const harmless = (text: string) => {
    parseCidr(text)
  }
  fc.assert(fc.property(fc.ipV6(), taken))
  fc.assert(fc.property(fc.string(), harmless))
  fc.assert(fc.property(fc.stringMatching(/^[0-9a-f:.%/[\]]{0,40}$/), harmless))
})
