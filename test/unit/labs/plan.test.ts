// What a lab is planned to be: names, wires, kinds of nodes.

import { describe, expect, test } from 'vitest'
import { planLab } from '../../../src/labs/plan.js'

const left = 'client:eth0 192.0.2.2/24'
const right = 'server:eth0 192.0.2.1/24'
const hosts = { client: {}, server: {} }

describe('a plan', () => {
  test('names cables by their nodes, or by their id, and completes their ends', () => {
    const { cables, neighbours } = planLab({
      nodes: hosts,
      cables: [
        [left, right, { a: { impair: { delay: '1ms' } } }],
        ['client:eth1', 'server:eth1', { id: 'second', quiet: false, b: { up: false } }],
      ],
    })
    expect(cables).toEqual([
      {
        name: 'client-server',
        pair: {
          quiet: true,
          a: { up: true, name: 'eth0', addresses: ['192.0.2.2/24'], impair: { delay: '1ms' } },
          b: { up: true, name: 'eth0', addresses: ['192.0.2.1/24'] },
        },
      },
      {
        name: 'second',
        pair: {
          quiet: false,
          a: { up: true, name: 'eth1', addresses: [] },
          b: { up: false, name: 'eth1', addresses: [] },
        },
      },
    ])
    expect(neighbours).toBe(true)
  })

  test('has what bridges join on one wire', () => {
    const { ends } = planLab({
      nodes: { ...hosts, other: {}, one: { kind: 'bridge' }, two: { kind: 'bridge' } },
      cables: [
        ['client:eth0', 'one:p1'],
        ['one:p2', 'two:p1'],
        ['server:eth0', 'two:p2'],
        ['other:eth0', 'server:eth1'],
      ],
    })
    const segments = ends.map(({ segment }) => segment)
    expect(new Set(segments.slice(0, 6)).size).toBe(1)
    expect(segments[6]).toBe(segments[7])
    expect(segments[6]).not.toBe(segments[0])
  })

  test('has none on the wire of a tunnel but what is here, also behind a bridge', () => {
    const vxlan = { id: 42, remote: '192.0.2.7' }
    const { cables, ends } = planLab({
      nodes: { lan: { kind: 'bridge' }, client: {}, server: {} },
      cables: [
        ['lan:p1', { vxlan, rules: [{ action: { kind: 'drop' } }] }],
        ['client:eth0 192.0.2.2/24', 'lan:p2'],
        ['server:eth0 192.0.2.1/24', { vxlan: { ...vxlan, id: 43, port: 8472 } }, { id: 'far' }],
        ['client:eth1 10.0.0.1/24', 'server:eth1 10.0.0.2/24'],
      ],
    })
    expect(cables.map(({ name }) => name)).toEqual(['lan-vxlan42', 'client-lan', 'far', 'client-server'])
    expect(cables[0]?.pair.b).toEqual({ vxlan, rules: [{ action: { kind: 'drop' } }] })
    expect(ends.map(({ node, name, segment }) => [`${node}:${name}`, segment])).toEqual([
      ['lan:p1', 'bridge lan'],
      ['client:eth0', 'bridge lan'],
      ['lan:p2', 'bridge lan'],
      ['server:eth0', 'cable 2'],
      ['client:eth1', 'cable 3'],
      ['server:eth1', 'cable 3'],
    ])
  })

  test('a host that forwards is a router', () => {
    const { nodes } = planLab({ nodes: { r: { forward: true }, h: { forward: false } }, cables: [] })
    expect(nodes.map(({ kind }) => kind)).toEqual(['router', 'host'])
  })
})
