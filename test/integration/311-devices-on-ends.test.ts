// What else the kernel can put on an end, or an end into: VLANs and their tags in tags, bonds that see its carrier, VRFs,
// bridges that filter by VLAN, address translation and flow tables between two pairs. Not every kernel has them; those
// that scripts/kernels boots do.

import type { Readable } from 'node:stream'
import { createPair, type Pair, type PairOptions } from 'uveth'
import { describe, expect } from 'vitest'
import { A, addressed, B, Cable } from '../support/cable.js'
import { says } from '../support/iperf.js'
import { Netns, until } from '../support/netns.js'
import { pings } from '../support/ping.js'
import { needs } from '../support/skip.js'

const itTags = needs('root', 'tun', 'netns', 'ip', 'ping', 'vlan')
const itBonds = needs('root', 'tun', 'netns', 'ip', 'ping', 'bond')
const itVrfs = needs('root', 'tun', 'netns', 'ip', 'ping', 'vrf')
const itTranslates = needs('root', 'tun', 'netns', 'ip', 'ping', 'nft', 'curl', 'python3', 'flow table')

/** Adds a link on `dev` and gives it an address: the words of `ip link add link DEV name NAME`. */
function onTop(netns: Netns, dev: string, name: string, address: string, ...words: string[]): void {
  netns.ip('link', 'add', 'link', dev, 'name', name, ...words)
  if (address !== '') netns.ip('address', 'add', address, 'dev', name)
  netns.ip('link', 'set', name, 'up')
}

describe('VLANs', () => {
  itTags('on both ends: frames cross with their tag, and another VLAN does not hear them', async () => {
    await using cable = await Cable.addressed()
    onTop(cable.left, 'x0', 'v5', '10.78.5.1/24', 'type', 'vlan', 'id', '5')
    onTop(cable.right, 'x1', 'v5', '10.78.5.2/24', 'type', 'vlan', 'id', '5')
    onTop(cable.right, 'x1', 'v6', '10.78.6.2/24', 'type', 'vlan', 'id', '6')
    await until('an answer', () => pings(cable.left, '10.78.5.2'))
    await until('an answer without a tag', () => pings(cable.left, B))
    const heard = () => Number(cable.right.exec('cat', '/sys/class/net/v6/statistics/rx_packets'))
    const before = heard()
    expect(pings(cable.left, '10.78.5.2')).toBe(true)
    expect(heard()).toBe(before)
  })

  itTags('a tag in a tag (802.1ad) crosses', async () => {
    await using cable = await Cable.addressed()
    for (const [netns, dev, host] of [[cable.left, 'x0', 1] as const, [cable.right, 'x1', 2] as const]) {
      onTop(netns, dev, 's9', '', 'type', 'vlan', 'proto', '802.1ad', 'id', '9')
      onTop(netns, 's9', 'c5', `10.78.7.${host}/24`, 'type', 'vlan', 'id', '5')
    }
    await until('an answer', () => pings(cable.left, '10.78.7.2'))
  })

  itTags('one on an end loses carrier with it', async () => {
    await using cable = await Cable.addressed()
    onTop(cable.left, 'x0', 'v5', '', 'type', 'vlan', 'id', '5')
    await until('up', () => cable.left.link('v5').operstate === 'UP')
    cable.right.ip('link', 'set', 'x1', 'down')
    await until('no carrier', () => cable.left.link('v5').operstate === 'LOWERLAYERDOWN')
    cable.right.ip('link', 'set', 'x1', 'up')
    await until('up again', () => cable.left.link('v5').operstate === 'UP')
  })

  itTags('a bridge that filters lets its VLAN through an end, and no other', async () => {
    await using cable = await Cable.addressed({ a: { addresses: [] }, b: { addresses: [] } })
    const { left, right } = cable
    left.ip('link', 'add', 'br0', 'type', 'bridge', 'vlan_filtering', '1', 'vlan_default_pvid', '0')
    left.ip('link', 'set', 'x0', 'master', 'br0')
    left.ip('link', 'set', 'br0', 'up')
    for (const words of [
      ['dev', 'x0'],
      ['dev', 'br0', 'self'],
    ])
      left.exec('bridge', 'vlan', 'add', 'vid', '5', ...words)
    for (const vid of [5, 6]) {
      onTop(left, 'br0', `v${vid}`, `10.78.${vid}.1/24`, 'type', 'vlan', 'id', `${vid}`)
      onTop(right, 'x1', `v${vid}`, `10.78.${vid}.2/24`, 'type', 'vlan', 'id', `${vid}`)
    }
    await until('an answer', () => pings(left, '10.78.5.2'))
    expect(pings(left, '10.78.6.2')).toBe(false)
  })
})

/** Two pairs between two namespaces, each end in its namespace's bond. */
class Bonded implements AsyncDisposable {
  readonly left = Netns.create('left')
  readonly right = Netns.create('right')
  pairs: Pair[] = []

  static async lay(...mode: string[]): Promise<Bonded> {
    const bonded = new Bonded()
    const { left, right } = bonded
    for (const name of ['x', 'y']) {
      const options: PairOptions = {
        quiet: true,
        a: { name: `${name}0`, netns: left.name },
        b: { name: `${name}1`, netns: right.name },
      }
      bonded.pairs.push(await createPair(options))
    }
    for (const [netns, end, address] of [[left, 0, A] as const, [right, 1, B] as const]) {
      netns.ip('link', 'add', 'bond0', 'type', 'bond', 'miimon', '20', ...mode)
      for (const name of ['x', 'y']) netns.ip('link', 'set', `${name}${end}`, 'master', 'bond0')
      netns.ip('address', 'add', `${address}/24`, 'dev', 'bond0')
      netns.ip('link', 'set', 'bond0', 'up')
    }
    return bonded
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.pairs) await pair.close()
    for (const netns of [this.left, this.right]) netns[Symbol.dispose]()
  }
}

/** A line of /proc/net/bonding/bond0. */
function lineOf(netns: Netns, start: string): string | undefined {
  const lines = netns.exec('cat', '/proc/net/bonding/bond0').split('\n')
  return lines
    .find((line) => line.startsWith(start))
    ?.slice(start.length)
    .trim()
}

describe('bonds of two pairs', () => {
  itBonds('active-backup: the other end takes over when one loses carrier', async () => {
    await using bonded = await Bonded.lay('mode', 'active-backup')
    const { left, pairs } = bonded
    await until('an answer', () => pings(left, B))
    const before = lineOf(left, 'Currently Active Slave:')
    const [x, y] = pairs
    const active = before === 'x0' ? x : y
    await active?.setCarrier('off')
    await until(
      'the other',
      () => lineOf(left, 'Currently Active Slave:') === (before === 'x0' ? 'y0' : 'x0'),
    )
    await until('an answer over the other', () => pings(left, B))
  })

  itBonds('LACP: both are in one aggregate, and either carries it alone', async () => {
    await using bonded = await Bonded.lay('mode', '802.3ad', 'lacp_rate', 'fast')
    const { left, right, pairs } = bonded
    for (const netns of [left, right])
      await until('an aggregate of two', () => lineOf(netns, '\tNumber of ports:') === '2')
    await until('an answer', () => pings(left, B))
    for (const pair of pairs) {
      await pair.setCarrier('off')
      await until('an answer over the other', () => pings(left, B))
      await pair.setCarrier('auto')
      await until('both', () => lineOf(left, '\tNumber of ports:') === '2')
    }
  })
})

itVrfs('an end in a VRF: reached from within it, and not from outside', async () => {
  await using cable = await Cable.addressed({ a: { addresses: [] } })
  const { left } = cable
  left.ip('link', 'add', 'red', 'type', 'vrf', 'table', '10')
  left.ip('link', 'set', 'red', 'up')
  left.ip('link', 'set', 'x0', 'master', 'red')
  left.ip('address', 'add', `${A}/24`, 'dev', 'x0')
  const within = () => {
    try {
      left.exec('ping', '-n', '-c', '2', '-i', '0.1', '-W', '1', '-I', 'red', B)
      return true
    } catch {
      return false
    }
  }
  await until('an answer', within)
  expect(pings(left, B)).toBe(false)
})

/** What is in the flow table no longer comes to the chain, nor to its counter. */
const TRANSLATES = `
table ip t {
  flowtable f { hook ingress priority 0; devices = { x1, y0 }; }
  chain forward {
    type filter hook forward priority 0
    meta l4proto tcp counter flow add @f
  }
  chain post {
    type nat hook postrouting priority 100
    oifname "y0" masquerade
  }
}`

/** Answers each with the address that it came from, and 800,000 blanks. */
const WHO = `
import http.server
class Who(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        self.wfile.write(self.client_address[0].encode() + b' ' * 800_000)
    def log_message(self, *_): pass
server = http.server.HTTPServer(('10.77.1.2', 8080), Who)
print('listening')
server.serve_forever()`

itTranslates('a router between two pairs translates addresses, and a flow table takes its work', async () => {
  await using cable = await Cable.addressed()
  const { left, right: router } = cable
  using far = Netns.create('far')
  const ends = {
    a: { name: 'y0', netns: router.name, up: true },
    b: { name: 'y1', netns: far.name, up: true },
  }
  const { a, b } = addressed({}, 1)
  await using _ = await createPair({ quiet: true, a: { ...a, ...ends.a }, b: { ...b, ...ends.b } })
  router.exec('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  left.ip('route', 'add', 'default', 'via', B)
  router.exec('nft', TRANSLATES)
  await until('an answer', () => pings(left, '10.77.1.2'))
  await says(far.spawn('python3', ['-uc', WHO]).stdout as Readable, 'listening')
  const page = left.exec('curl', '-sf', 'http://10.77.1.2:8080/')
  expect([page.trim(), page.length]).toEqual(['10.77.1.1', '10.77.1.1'.length + 800_000])
  const [, chain] = /counter packets (\d+)/.exec(router.exec('nft', 'list', 'table', 't')) ?? []
  const crossed = router.link('x1').stats64.rx.packets + router.link('y0').stats64.rx.packets
  expect(Number(chain)).toBeGreaterThan(0)
  expect(Number(chain)).toBeLessThan(crossed / 2)
})
