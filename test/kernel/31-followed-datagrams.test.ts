// The packet filter looks at its rules for the first datagram of a connection only: who sends to a port on is sent where he
// was sent before, whatever the rules say now, until the connection is forgotten.
// Relied on by src/docker/publish.ts, by way of src/netlink/conntrack.ts.

import { closeSync, openSync } from 'node:fs'
import { expect } from 'vitest'
import { forgetUdp } from '../../src/netlink/conntrack.js'
import { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'netns', 'ip', 'iptables', 'ipv6', 'python3')

/** Always from the same port. */
const SEND = `
import socket, sys
for family, host in (socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1'):
  for port in sys.argv[1:]:
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sender.bind((host, 777))
    sender.sendto(b'', (host, int(port)))
`
const FAMILIES = ['iptables', 'ip6tables'] as const

it('until it is forgotten; those of other ports stay', () => {
  using netns = Netns.create('followed')
  netns.ip('link', 'set', 'lo', 'up')
  const send = () => netns.exec('python3', '-c', SEND, '7000', '7001')
  /** Datagrams that a rule which translates has met. */
  const met = () =>
    FAMILIES.map((family) =>
      Number(
        /\[(\d+):\d+\] -A OUTPUT.*--dport 7000/.exec(netns.exec(`${family}-save`, '-c', '-t', 'nat'))?.[1],
      ),
    )
  for (const family of FAMILIES) {
    const target = family === 'iptables' ? '127.0.0.1:99' : '[::1]:99'
    // Without one, nothing is followed.
    netns.exec(family, '-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '-j', 'DNAT', '--to-destination', target)
  }
  send()
  for (const family of FAMILIES) {
    const target = family === 'iptables' ? '127.0.0.1:99' : '[::1]:99'
    const rule = ['-p', 'udp', '--dport', '7000', '-j', 'DNAT', '--to-destination', target]
    netns.exec(family, '-t', 'nat', '-A', 'OUTPUT', ...rule)
  }
  send()
  expect(met()).toEqual([0, 0])
  const fd = openSync(netns.path, 'r')
  const forget = (...ports: number[]) => ([4, 6] as const).map((version) => forgetUdp(version, ports, fd))
  try {
    expect(forget(7000)).toEqual([1, 1])
    send()
    expect(met()).toEqual([1, 1])
    expect([forget(7002), forget(7002, 7003), forget(7001)].flat()).toEqual([0, 0, 0, 0, 1, 1])
    send()
    expect([forget(7001, 7002, 7000), forget(7000)].flat()).toEqual([2, 2, 0, 0])
  } finally {
    closeSync(fd)
  }
})
