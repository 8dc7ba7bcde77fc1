// An IPv6 address can be bound at once when it was added with IFA_F_NODAD; otherwise it is tentative for
// about a second after the link has got carrier, and binding it is refused.
// Relied on by src/link/requests.ts (carryOut): a resolved createPair() means that addresses can be bound.

import { createServer } from 'node:net'
import { expect } from 'vitest'
import { type Cidr, parseCidr } from '../../src/frame/address.js'
import { NETLINK_ROUTE } from '../../src/netlink/constants.js'
import { addAddress, getLink } from '../../src/netlink/route.js'
import { NetlinkSocket } from '../../src/netlink/socket.js'
import { run } from '../support/netns.js'
import { RawTap } from '../support/raw-tap.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'ip', 'ipv6')

/** A unique local address that no other test has. */
function address(): string {
  const group = () => Math.floor(Math.random() * 0xffff).toString(16)
  return `fd00:${group()}:${group()}::1`
}

function add(tap: RawTap, host: string, nodad: boolean): void {
  using home = NetlinkSocket.open(NETLINK_ROUTE)
  addAddress(home, getLink(home, { name: tap.name }).ifindex, parseCidr(`${host}/64`) as Cidr, nodad)
}

function bind(host: string): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    server.listen(0, host, () => server.close(() => resolve('bound')))
  })
}

it('without DAD: bound at once', async () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'up')
  const host = address()
  add(tap, host, true)
  expect(await bind(host)).toBe('bound')
})

it('with DAD: refused at first', async () => {
  using tap = RawTap.open()
  run('ip', 'link', 'set', tap.name, 'up')
  const host = address()
  add(tap, host, false)
  expect(await bind(host)).toBe('EADDRNOTAVAIL')
})
