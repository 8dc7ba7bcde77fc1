// A cable of a lab of the test kit that is a tunnel to another host: traffic, faults, assertions and what a failing test says.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { createPair } from 'uveth'
import { assertCarried, assertDropped, lab } from 'uveth/testing'
import { afterAll, expect } from 'vitest'
import { Netns } from '../support/netns.js'
import { needs } from '../support/skip.js'
import { failureOf } from '../support/testing-kit.js'

const test = needs('root', 'tun', 'netns', 'ip', 'ping', 'vxlan')
const artifacts = mkdtempSync(`${tmpdir()}/uveth-925-`)

afterAll(() => rmSync(artifacts, { recursive: true }))

test('a cable to another host: a kernel’s vxlan in a namespace of its own', async () => {
  using other = Netns.create('other')
  const [name, wire, port] = [
    `t${process.pid}`,
    `198.18.${process.pid % 250}`,
    20_000 + (process.pid % 10_000),
  ]
  const way = await createPair({
    quiet: true,
    a: { name, up: true, addresses: [`${wire}.1/24`] },
    b: { name: 'eth0', netns: other.name, up: true, addresses: [`${wire}.2/24`] },
  })
  try {
    const tunnel = ['id', '42', 'remote', `${wire}.1`, 'dstport', `${port}`]
    other.ip('link', 'add', 'vx0', 'type', 'vxlan', ...tunnel)
    other.ip('addr', 'add', '10.42.0.2/24', 'dev', 'vx0')
    other.ip('link', 'set', 'vx0', 'up')
    const vxlan = { id: 42, remote: `${wire}.2`, port } as const
    const rules = [{ action: { kind: 'drop' }, match: { icmp: { type: 0 }, nth: 1 } }] as const
    const error = await failureOf(
      lab(
        {
          nodes: { a: {} },
          cables: [['a:eth0 10.42.0.1/24', { vxlan, rules }]],
          name: 'tunnel',
          artifacts,
        },
        async (net) => {
          await net.nodes.a.exec('ping', ['-n', '-c', '2', '-i', '0.1', '-w', '60', '10.42.0.2'])
          await assertCarried(net, { icmp: { type: 8 } }, { from: 'a:eth0' })
          const from = net.cables['a-vxlan42'].b.name
          expect(from).toBe(`vxlan42:${wire}.2:${port}`)
          await assertDropped(net, { cause: 'rule', from: from as `${string}:${string}`, times: 1 })
          throw new Error('seen')
        },
      ),
    )
    expect(error.message).toMatch(/^seen\n/)
    expect(error.message).toMatch(/tunnel: vxlan42:.*, up, .*sent \d+ frames, of which 1 dropped \(1 rule\)/)
    expect(existsSync(`${artifacts}/tunnel-a-vxlan42.pcapng`)).toBe(true)
  } finally {
    await way.close()
  }
})
