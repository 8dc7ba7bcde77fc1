// The addresses that a tunnel may have, and those that no datagram would come to: src/wishes/vxlan.ts. What else is
// refused of a tunnel: test/integration/312.

import { expect, test } from 'vitest'
import { VXLAN } from '../../../src/wishes/vxlan.js'

const read = (remote: string) => VXLAN.read({ id: 1, remote }, 'b.vxlan').remote.length

test.each(['192.0.2.1', '127.0.0.1', '2001:db8::1', '::1', '64:ff9b::192.0.2.1'])(
  '%s is a host',
  (remote) => {
    expect(read(remote)).toBe(remote.includes(':') ? 16 : 4)
  },
)

test.each([
  ...['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', 'ff02::1', 'fe80::1', 'febf::1', 'host'],
  // IPv4 in words of IPv6: a socket of IPv6 alone sends nothing there.
  ...['::ffff:192.0.2.1', '::FFFF:c000:201'],
])('%s is none', (remote) => {
  expect(() => read(remote)).toThrow(/b.vxlan.remote must be an IP address of a host/)
})
