// Tunnels in a lab, of the test kit or of a file: what is refused, and what becomes of one that is there. src/labs/plan.ts,
// file-plan.ts, file-actions.ts.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { applyActions, type Present, type PresentEnd } from '../../../src/labs/file-actions.js'
import { planFile } from '../../../src/labs/file-plan.js'
import { planLab } from '../../../src/labs/plan.js'
import type { LabWish } from '../../../src/wishes/lab.js'

const TUNNEL = { vxlan: { id: 42, remote: '192.0.2.7' } }

function file(link: object = { endpoints: ['left:eth1', 'right:eth1'] }): object {
  return { name: 'lab', topology: { nodes: { left: null, right: null }, links: [link] } }
}

test.each([
  [
    file({ endpoints: [TUNNEL, 'left:eth1'] }),
    'topology.links.0.endpoints.0: a tunnel is the second endpoint of its link',
  ],
  [
    file({ endpoints: ['left:eth1', { ...TUNNEL, interface: 'eth1' }] }),
    'unknown attribute topology.links.0.endpoints.1.interface: there are vxlan, impair, rules, schedule',
  ],
  [
    file({ endpoints: ['left:eth1', { vxlan: { id: 42 } }] }),
    'topology.links.0.endpoints.1.vxlan.remote is missing',
  ],
  [
    file({ endpoints: ['left:eth1', { vxlan: { id: -1, remote: '192.0.2.7' } }] }),
    'topology.links.0.endpoints.1.vxlan.id must be a whole number from 0',
  ],
  [
    file({ endpoints: ['left:eth1', TUNNEL], queues: 2 }),
    'topology.links.0.queues: a pair with a tunnel has one queue',
  ],
  [
    {
      name: 'lab',
      topology: {
        nodes: { left: null },
        links: [{ endpoints: ['left:eth1', TUNNEL] }, { endpoints: ['left:eth2', TUNNEL] }],
      },
    },
    'topology.links.1.endpoints.1: a tunnel to 192.0.2.7 by port 4789 is an end of link 0 already',
  ],
])('misuse: %j: %s', (wish, sentence) => {
  expect(() => planFile(wish)).toThrow(sentence)
})

const [left, right] = ['left:eth1', 'right:eth1']
test.each<[cables: unknown[], attribute: string, says: string]>([
  [[[TUNNEL, left]], 'cables.0.a', 'cables.0.a: a tunnel is the second end of its cable'],
  [[[left, { vxlan: { id: 42 } }]], 'cables.0.b.vxlan.remote', 'cables.0.b.vxlan.remote is missing'],
  [
    [[left, { ...TUNNEL, mtu: 1400 }]],
    'cables.0.b.mtu',
    'unknown attribute cables.0.b.mtu: there are vxlan, impair, rules, schedule',
  ],
  [
    [[left, TUNNEL, { b: { impair: { loss: 1 } } }]],
    'cables.0.b',
    'cables.0.b: impair, rules and schedule of a tunnel stand beside its vxlan, and no more',
  ],
  [[[left, TUNNEL, { queues: 2 }]], 'cables.0.queues', 'cables.0.queues: a pair with a tunnel has one queue'],
  [[[left, { ...TUNNEL, impair: { reorder: 5 } }]], 'cables.0.b.impair.reorder', 'reorder'],
  [
    [
      [left, TUNNEL],
      [right, { vxlan: { ...TUNNEL.vxlan, id: 43, port: 4789 } }],
    ],
    'cables.1.b',
    'cables.1.b: there is a tunnel to 192.0.2.7 by port 4789 already',
  ],
])('misuse in the test kit: %j: %s', (cables, attribute, says) => {
  const wish = { nodes: { left: {}, right: {} }, cables }
  const refused = { code: 'EINVAL', attribute, message: expect.stringContaining(says) }
  expect(() => planLab(wish as LabWish)).toThrow(expect.objectContaining(refused))
})

const planned = (vxlan: object) => planFile(file({ endpoints: ['left:eth1', { vxlan }] }))
const present = (vxlan: PresentEnd['vxlan']): Present => {
  const [link] = planned(TUNNEL.vxlan).links
  const common = { address: '', mtu: 1500, txQueueLength: 8192, addresses: [] }
  const free = { ...common, up: true, impair: null, rules: [], schedule: null }
  const a = { ...free, name: 'eth1', inode: 1 }
  const b = { ...free, name: 'vxlan42:192.0.2.7', inode: 9, ...(vxlan && { vxlan }) }
  const places = new Map([['left', 1]])
  return { namespaces: ['lab-left', 'lab-right'], places, pairs: [{ id: link?.id ?? '', queues: 1, a, b }] }
}
const is = { id: 42, remote: '192.0.2.7', local: null, port: 4789, keepalive: null }

test('as wished stays, whatever words say so', () => {
  expect(applyActions(planned(TUNNEL.vxlan), present(is))).toEqual([])
  expect(applyActions(planned({ ...TUNNEL.vxlan, port: 4789 }), present(is))).toEqual([])
})

test.each([{ id: 43 }, { remote: '192.0.2.8' }, { local: '192.0.2.1' }, { port: 8472 }, { keepalive: 2000 }])(
  'what it is made with is not changed: %o',
  (more) => {
    const { length, 0: gone, 1: come } = applyActions(planned({ ...TUNNEL.vxlan, ...more }), present(is))
    expect([length, gone?.do, come?.do]).toEqual([2, 'pair.del', 'pair.add'])
  },
)

test('is called as it will be', () => {
  const lines = [{ port: 4789 }, { port: 8472 }, { remote: '2001:db8::7', port: 8472 }].map(
    (more) => applyActions(planned({ ...TUNNEL.vxlan, ...more }), present(undefined))[1],
  )
  expect(lines.map((action) => action?.line)).toEqual([
    '+ link left:eth1 vxlan42:192.0.2.7',
    '+ link left:eth1 vxlan42:192.0.2.7:8472',
    '+ link left:eth1 vxlan42:[2001:db8::7]:8472',
  ])
})

test('in the place of an interface, and back', () => {
  expect(applyActions(planned(TUNNEL.vxlan), present(undefined)).map((one) => one.do)).toEqual([
    'pair.del',
    'pair.add',
  ])
  expect(applyActions(planFile(file()), present(is)).map((one) => one.do)).toEqual(['pair.del', 'pair.add'])
})

test('the example is two halves of one wire', () => {
  for (const name of ['left', 'right']) {
    const text = readFileSync(new URL(`../../../examples/two-hosts/${name}.yaml`, import.meta.url), 'utf8')
    const [link] = planFile(parse(text)).links
    expect([link?.a.node, link?.b.vxlan?.id]).toEqual([name, 42])
  }
})
