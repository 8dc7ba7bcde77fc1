// Every wish for a lab that is refused, in one sentence, before anything is made.

import { describe, expect, test } from 'vitest'
import { planLab } from '../../../src/labs/plan.js'
import { PAIR } from '../../../src/wishes/end.js'
import { CABLE_OPTIONS, LAB_NODE, type LabWish } from '../../../src/wishes/lab.js'

const left = 'client:eth0 192.0.2.2/24'
const right = 'server:eth0 192.0.2.1/24'
const hosts = { client: {}, server: {} }
const bridges = { one: { kind: 'bridge' }, two: { kind: 'bridge' } }
const TEXT = 'NODE:INTERFACE and addresses, like "client:eth0 192.0.2.2/24 2001:db8::2/64"'

const REFUSED: [what: string, wish: object, attribute: string, says: string][] = [
  ['no nodes', { cables: [] }, 'nodes', 'nodes is missing'],
  ['no cables', { nodes: hosts }, 'cables', 'cables is missing'],
  ['a list of nodes', { nodes: ['client'], cables: [] }, 'nodes', 'nodes must be an object, not an array'],
  [
    'a name that is none of a file',
    { nodes: { 'a/b': {} }, cables: [] },
    'nodes',
    'nodes: "a/b" is not 1 to 32 letters, digits, "_", "." and "-", the first one a letter or a digit',
  ],
  [
    'an unknown kind',
    { nodes: { client: { kind: 'switch' } }, cables: [] },
    'nodes.client.kind',
    'nodes.client.kind must be one of host, router, bridge, nat, not "switch"',
  ],
  [
    'an unknown attribute of a node',
    { nodes: { client: { forwards: true } }, cables: [] },
    'nodes.client.forwards',
    'unknown attribute nodes.client.forwards: there are kind, forward, outside, container',
  ],
  [
    'a container that is to be something',
    { nodes: { db: { container: 'x', forward: true } }, cables: [] },
    'nodes.db',
    'nodes.db: a container stays as it is: leave kind, forward and outside away',
  ],
  [
    'a bridge that forwards',
    { nodes: { lan: { kind: 'bridge', forward: true } }, cables: [] },
    'nodes.lan.forward',
    'nodes.lan.forward: whether a bridge forwards is known',
  ],
  [
    'a nat without an outside',
    { nodes: { nat: { kind: 'nat' } }, cables: [] },
    'nodes.nat.outside',
    'nodes.nat.outside is missing: which interface of the nat leads outside?',
  ],
  [
    'an outside of a host',
    { nodes: { client: { outside: 'eth0' } }, cables: [] },
    'nodes.client.outside',
    'nodes.client.outside is for nodes of kind nat',
  ],
  [
    'an outside that is no interface',
    { nodes: { ...hosts, nat: { kind: 'nat', outside: 'wan0' } }, cables: [[left, 'nat:lan0']] },
    'nodes.nat.outside',
    'nodes.nat.outside must be of lan0, not wan0',
  ],
  [
    'an empty outside',
    { nodes: { nat: { kind: 'nat', outside: [] } }, cables: [] },
    'nodes.nat.outside',
    'nodes.nat.outside must be a name of an interface or several, not an empty array',
  ],
  [
    'an empty container',
    { nodes: { db: { container: 5 } }, cables: [] },
    'nodes.db.container',
    'nodes.db.container must be a name or an id, not 5',
  ],
  [
    'a cable with one end',
    { nodes: hosts, cables: [[left]] },
    'cables.0',
    'cables.0 must be an array of two ends and perhaps options, not an array',
  ],
  [
    'an end without an interface',
    { nodes: hosts, cables: [['client', right]] },
    'cables.0.a',
    `cables.0.a must be ${TEXT}, not "client"`,
  ],
  [
    'an end that is none',
    { nodes: hosts, cables: [[left, 7]] },
    'cables.0.b',
    `cables.0.b must be ${TEXT}, not 7`,
  ],
  [
    'a name that the kernel chooses',
    { nodes: hosts, cables: [['client:eth%d', right]] },
    'cables.0.a',
    `cables.0.a must be ${TEXT}, with the whole name of the interface, not "client:eth%d"`,
  ],
  [
    'a name that is too long',
    { nodes: hosts, cables: [[`client:${'x'.repeat(16)}`, right]] },
    'cables.0.a',
    '',
  ],
  [
    'an address that is none',
    { nodes: hosts, cables: [[left, 'server:eth0 192.0.2/24']] },
    'cables.0.b',
    `cables.0.b must be ${TEXT}, not "server:eth0 192.0.2/24"`,
  ],
  [
    'the loopback interface',
    { nodes: hosts, cables: [[left, 'server:lo 192.0.2.1/24']] },
    'cables.0.b',
    'cables.0.b: the node has an interface lo of its own',
  ],
  [
    'a port of a bridge that is called as the bridge itself',
    { nodes: { ...hosts, ...bridges }, cables: [[left, 'one:br0']] },
    'cables.0.b',
    'cables.0.b: the node has an interface br0 of its own',
  ],
  [
    'IPv6 over too small an MTU',
    { nodes: hosts, cables: [['client:eth0 fd00::1/64', right, { a: { mtu: 1279 } }]] },
    'cables.0.a.mtu',
    'cables.0.a.mtu: IPv6 takes 1280 or more, not 1279',
  ],
  [
    'an unknown node',
    { nodes: hosts, cables: [[left, 'srever:eth0']] },
    'cables.0.b',
    'cables.0.b: there is no node srever, only client, server',
  ],
  [
    'an interface that is used twice',
    {
      nodes: hosts,
      cables: [
        [left, right],
        ['client:eth0', 'server:eth1'],
      ],
    },
    'cables.1.a',
    'cables.1.a: client:eth0 is an end of cable 0 already',
  ],
  [
    'an address that is used twice on a cable',
    { nodes: hosts, cables: [[left, 'server:eth0 192.0.2.2/24']] },
    'cables.0.b',
    'cables.0.b: client:eth0 has 192.0.2.2 on the same wire',
  ],
  [
    'an address that is used twice across a bridge, in another spelling',
    {
      nodes: { ...hosts, ...bridges },
      cables: [
        ['client:eth0 fd00::1/64', 'one:p1'],
        ['one:p2', 'two:p1'],
        ['two:p2', 'server:eth0 fd00:0::1/64'],
      ],
    },
    'cables.2.b',
    'cables.2.b: client:eth0 has fd00::1 on the same wire',
  ],
  [
    'a ring of bridges',
    {
      nodes: bridges,
      cables: [
        ['one:p1', 'two:p1'],
        ['one:p2', 'two:p2'],
      ],
    },
    'cables.1',
    'cables.1: one and two are joined already: in a ring of bridges frames never end',
  ],
  [
    'an address of a port',
    { nodes: { ...hosts, ...bridges }, cables: [[left, 'one:p1 192.0.2.3/24']] },
    'cables.0.b',
    'cables.0.b: a port of a bridge has no address',
  ],
  [
    'two cables of one name',
    {
      nodes: hosts,
      cables: [
        [left, right],
        ['client:eth1', 'server:eth1'],
      ],
    },
    'cables.1.id',
    'cables.1: there is a cable client-server already: give this one an id',
  ],
  [
    'an id that is no name',
    { nodes: hosts, cables: [[left, right, { id: 'a b' }]] },
    'cables.0.id',
    'cables.0.id must be 1 to 32 letters, digits, "_", "." and "-", the first one a letter or a digit, not "a b"',
  ],
  [
    'a wrong option',
    { nodes: hosts, cables: [[left, right, { a: { mtu: 1 } }]] },
    'cables.0.a.mtu',
    'cables.0.a.mtu must be a whole number from 68 to 65521, not 1',
  ],
  [
    'an impairment that cannot be',
    { nodes: hosts, cables: [[left, right, { b: { impair: { reorder: 5 } } }]] },
    'cables.0.b.impair.reorder',
    '',
  ],
  [
    'a rule that cannot be',
    { nodes: hosts, cables: [[left, right, { b: { rules: [{}] } }]] },
    'cables.0.b.rules.0.action',
    '',
  ],
  [
    'a name in the options',
    { nodes: hosts, cables: [[left, right, { a: { name: 'x' } }]] },
    'cables.0.a.name',
    '',
  ],
  [
    'routes of another kind',
    { nodes: hosts, cables: [], routes: 'none' },
    'routes',
    'routes must be "auto" or the routes of each node, not "none"',
  ],
  [
    'routes of an unknown node',
    { nodes: hosts, cables: [[left, right]], routes: { cleint: { default: 'server' } } },
    'routes.cleint',
    'routes.cleint: there is no node cleint, only client, server',
  ],
  [
    'routes of a bridge',
    { nodes: bridges, cables: [], routes: { one: { default: 'two' } } },
    'routes.one',
    'routes.one: a bridge has no routes',
  ],
  [
    'a destination that is none',
    { nodes: hosts, cables: [[left, right]], routes: { client: { everywhere: 'server' } } },
    'routes.client.everywhere',
    'routes.client.everywhere: a destination is "default" or a prefix like 10.0.0.0/8',
  ],
  [
    'a way by nobody',
    { nodes: hosts, cables: [[left, right]], routes: { client: { default: 'srever' } } },
    'routes.client.default',
    'routes.client.default: srever is neither a node nor an address',
  ],
  [
    'a way by a node that is not beside it',
    { nodes: { ...hosts, far: {} }, cables: [[left, right]], routes: { client: { default: 'far' } } },
    'routes.client.default',
    'routes.client.default: far has no address on a subnet of client',
  ],
  [
    'a way by an address of elsewhere',
    { nodes: hosts, cables: [[left, right]], routes: { client: { '10.0.0.0/8': '198.51.100.1' } } },
    'routes.client.10.0.0.0/8',
    'routes.client.10.0.0.0/8: 198.51.100.1 is not beside client, or of another version of IP',
  ],
  [
    'IPv6 by a node that has none',
    { nodes: hosts, cables: [[left, right]], routes: { client: { 'fd00::/8': 'server' } } },
    'routes.client.fd00::/8',
    'routes.client.fd00::/8: server has no address for it on a subnet of client',
  ],
]

test.each(REFUSED)('refused: %s', (_, wish, attribute, says) => {
  let error: unknown
  try {
    planLab(wish as LabWish)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toMatchObject({ code: 'EINVAL', attribute })
  if (says !== '') expect(error).toMatchObject({ message: `EINVAL: ${says}` })
})

describe('every attribute has a line', () => {
  const lines = REFUSED.map(([, , attribute]) => attribute)

  test('of a node', () => {
    const missing = Object.keys(LAB_NODE.parts).filter(
      (key) => !lines.some((line) => line.endsWith(`.${key}`)),
    )
    expect(missing).toEqual([])
  })

  test('of a cable; the others are those of a pair', () => {
    const own = Object.keys(CABLE_OPTIONS.parts).filter((key) => key === 'id' || !(key in PAIR.parts))
    expect(own.filter((key) => !lines.includes(`cables.0.${key}`))).toEqual([])
  })
})
