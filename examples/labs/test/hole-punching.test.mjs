// Two hosts, each behind a NAT of its own, in the same private network: they find each other by a meeting point on the
// internet, and talk without it.

import assert from 'node:assert'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertCarried, available, lab } from 'uveth/testing'

const src = fileURLToPath(new URL('../src', import.meta.url))
const skip = available()

/** 192.0.2.0/24 and 198.51.100.0/24 are the internet. */
const homes = {
  nodes: {
    alice: {},
    natA: { kind: 'nat', outside: 'wan0' },
    internet: { kind: 'router' },
    meeting: {},
    natB: { kind: 'nat', outside: 'wan0' },
    bob: {},
  },
  cables: [
    ['alice:eth0 192.168.1.2/24', 'natA:lan0 192.168.1.1/24'],
    ['natA:wan0 192.0.2.2/24', 'internet:eth0 192.0.2.1/24', { a: { impair: { delay: '10ms' } } }],
    ['internet:eth1 198.51.100.1/24', 'natB:wan0 198.51.100.2/24', { b: { impair: { delay: '15ms' } } }],
    ['natB:lan0 192.168.1.1/24', 'bob:eth0 192.168.1.2/24'],
    ['internet:eth2 203.0.113.1/24', 'meeting:eth0 203.0.113.2/24'],
  ],
}

test('each hears the other one, from the address of its NAT', { skip }, (t) =>
  lab({ ...homes, name: t.name, signal: t.signal }, async (net) => {
    const { alice, bob, meeting } = net.nodes
    await meeting.spawn('node', [`${src}/meeting.mjs`, meeting.ip, '4000']).line('ready')
    const peers = [alice, bob].map((node) =>
      node.spawn('node', [`${src}/peer.mjs`, node.name, meeting.ip, '4000']),
    )
    const [toAlice, toBob] = await Promise.all(peers.map((peer) => peer.line(/^heard/, { timeout: 60_000 })))
    assert.equal(toAlice, 'heard bob from 198.51.100.2')
    assert.equal(toBob, 'heard alice from 192.0.2.2')
    const direct = { ip: { src: '192.0.2.2', dst: '198.51.100.2' }, udp: {} }
    await assertCarried(net, direct, { from: 'internet:eth1' })
    await assertCarried(net, { ip: { src: '192.168.1.0/24' } }, { at: 'internet:eth0', times: 0 })
  }),
)

test('what nobody has asked for does not come in', { skip }, (t) =>
  lab({ ...homes, name: t.name, signal: t.signal }, async (net) => {
    const send =
      'const s = require("dgram").createSocket("udp4"); s.send("hello", 5000, "198.51.100.2", () => s.close())'
    await net.nodes.alice.exec('node', ['-e', send])
    await assertCarried(net, { udp: { dport: 5000 } }, { from: 'internet:eth1' })
    await assertCarried(net, { udp: {} }, { at: 'bob:eth0', times: 0 })
  }),
)
