// The routes of a lab: the shortest way to each subnet, what a nat hides, and those that are given; and the commands
// that a node is told.

import { expect, test } from 'vitest'
import { linkLines, SETTINGS, setUpScript } from '../../../src/labs/commands.js'
import { type LabPlan, planLab } from '../../../src/labs/plan.js'

const router = { kind: 'router' } as const

function routesOf({ nodes }: LabPlan, name: string): string[] {
  return nodes.find((node) => node.name === name)?.routes.map(({ to, via }) => `${to} via ${via}`) ?? []
}

test('the shortest way to each subnet, of both versions, also in a ring', () => {
  const plan = planLab({
    nodes: { client: {}, r1: router, r2: router, r3: router, server: {} },
    cables: [
      ['client:eth0 10.0.0.2/24 fd00:0::2/64', 'r1:eth0 10.0.0.1/24 fd00:0::1/64'],
      ['r1:eth1 10.0.1.1/24', 'r2:eth1 10.0.1.2/24'],
      ['r2:eth2 10.0.2.2/24', 'r3:eth2 10.0.2.3/24'],
      ['r3:eth3 10.0.3.3/24 fd00:3::3/64', 'r1:eth3 10.0.3.1/24 fd00:3::1/64'],
      ['server:eth0 10.0.4.2/24 fd00:4::2/64', 'r3:eth4 10.0.4.1/24 fd00:4::1/64'],
    ],
  })
  expect(routesOf(plan, 'client')).toEqual([
    '10.0.1.0/24 via 10.0.0.1',
    '10.0.3.0/24 via 10.0.0.1',
    '10.0.2.0/24 via 10.0.0.1',
    '10.0.4.0/24 via 10.0.0.1',
    'fd00:3::/64 via fd00::1',
    'fd00:4::/64 via fd00::1',
  ])
  expect(routesOf(plan, 'r1')).toEqual([
    '10.0.2.0/24 via 10.0.1.2',
    '10.0.4.0/24 via 10.0.3.3',
    'fd00:4::/64 via fd00:3::3',
  ])
  expect(routesOf(plan, 'r2')).toContain('10.0.4.0/24 via 10.0.2.3')
})

test('hosts carry nothing on, and links that are down lead nowhere', () => {
  const plan = planLab({
    nodes: { client: {}, host: {}, server: {} },
    cables: [
      ['client:eth0 10.0.0.2/24', 'host:eth0 10.0.0.1/24'],
      ['host:eth1 10.0.1.1/24', 'server:eth0 10.0.1.2/24', { b: { up: false } }],
    ],
  })
  expect(plan.nodes.flatMap(({ routes }) => routes)).toEqual([])
})

test('what is behind a nat is not to be reached from its outside', () => {
  const home = (number: number) => ({ kind: 'nat', outside: `wan${number}` }) as const
  const plan = planLab({
    nodes: { a: {}, natA: home(0), internet: router, natB: home(1), b: {} },
    cables: [
      ['a:eth0 192.168.1.2/24', 'natA:lan0 192.168.1.1/24'],
      ['natA:wan0 192.0.2.2/24', 'internet:eth0 192.0.2.1/24'],
      ['internet:eth1 198.51.100.1/24', 'natB:wan1 198.51.100.2/24'],
      ['natB:lan0 192.168.1.1/24', 'b:eth0 192.168.1.2/24'],
    ],
  })
  expect(routesOf(plan, 'a')).toEqual(['192.0.2.0/24 via 192.168.1.1', '198.51.100.0/24 via 192.168.1.1'])
  expect(routesOf(plan, 'internet')).toEqual([])
  expect(routesOf(plan, 'natA')).toEqual(['198.51.100.0/24 via 192.0.2.1'])
})

test('given ones: by a node, in the versions that both have, or by an address', () => {
  const plan = planLab({
    nodes: { client: {}, r1: router, lan: { kind: 'bridge' } },
    cables: [
      ['client:eth0 10.0.0.2/24 fd00::2/64', 'lan:p1'],
      ['lan:p2', 'r1:eth0 10.0.0.1/24 fd00::1/64'],
    ],
    routes: { client: { default: 'r1', '172.16.0.0/12': '10.0.0.9' } },
  })
  expect(routesOf(plan, 'client')).toEqual([
    '0.0.0.0/0 via 10.0.0.1',
    '::/0 via fd00::1',
    '172.16.0.0/12 via 10.0.0.9',
  ])
  expect(routesOf(plan, 'r1')).toEqual([])
})

test.each([
  [
    'by its own address',
    { default: '10.0.0.2' },
    'default: 10.0.0.2 is not beside client, or of another version of IP',
  ],
  ['twice', { default: 'r1', '0.0.0.0/0': '10.0.0.9' }, '0.0.0.0/0: there is a way to 0.0.0.0/0 already'],
  [
    'twice, in two spellings',
    { '172.16.0.0/12': 'r1', '172.17.0.0/12': 'r1' },
    '172.17.0.0/12: there is a way to 172.16.0.0/12 already',
  ],
  ['to a subnet of its own', { '10.0.0.0/24': 'r1' }, '10.0.0.0/24: there is a way to 10.0.0.0/24 already'],
])('a route is refused that a kernel would refuse: %s', (_, client: Record<string, string>, says) => {
  const cables = [['client:eth0 10.0.0.2/24', 'r1:eth0 10.0.0.1/24']] as const
  expect(() => planLab({ nodes: { client: {}, r1: router }, cables, routes: { client } })).toThrow(
    `EINVAL: routes.client.${says}`,
  )
})

test('a node is told its routes and its neighbours, a bridge its ports', () => {
  const wish = {
    nodes: { client: {}, other: {}, lan: { kind: 'bridge' as const }, r: router },
    cables: [
      ['client:eth0 10.0.0.2/24', 'lan:p1'],
      ['other:eth0 10.0.0.3/24 fd00::3/64', 'lan:p2'],
      ['lan:p3', 'r:eth0 10.0.0.1/24'],
      ['r:eth1 10.0.1.1/24', 'r:eth2'],
    ],
  } as const
  const plan = planLab(wish)
  const lines = (name: string, of = plan) => {
    const node = of.nodes.find((one) => one.name === name)
    return node && linkLines(node, of, (end) => `mac-of-${end.node}-${end.name}`)
  }
  expect(lines('client')).toEqual([
    'route add 10.0.1.0/24 via 10.0.0.1',
    'neigh replace 10.0.0.3 lladdr mac-of-other-eth0 dev eth0 nud reachable',
    'neigh replace 10.0.0.1 lladdr mac-of-r-eth0 dev eth0 nud reachable',
  ])
  expect(lines('lan')).toEqual(['p1', 'p2', 'p3'].map((name) => `link set dev ${name} master br0`))
  expect(lines('client', planLab({ ...wish, neighbours: false }))).toEqual([
    'route add 10.0.1.0/24 via 10.0.0.1',
  ])
})

test('a nat names its outside in the rules', () => {
  const { nodes } = planLab({
    nodes: { nat: { kind: 'nat', outside: ['wan0', 'wan1'] }, isp: {} },
    cables: [
      ['nat:wan0', 'isp:eth0'],
      ['nat:wan1', 'isp:eth1', { id: 'second' }],
    ],
  })
  const [nat, isp] = nodes.map(setUpScript)
  expect(nat).toContain('oifname { "wan0", "wan1" } masquerade')
  expect(isp).toBe('')
  const forwarding = Object.entries(SETTINGS).filter(([, of]) => of.includes('net/ipv4/ip_forward=1'))
  expect(forwarding.map(([kind]) => kind)).toEqual(['router', 'nat'])
})
