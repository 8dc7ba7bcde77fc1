// Qdiscs of ours among those of the kernel, as `tc qdisc show` lists all. src/iproute/qdisc-list.ts.

import { expect, test } from 'vitest'
import { listLines, listObjects } from '../../../src/iproute/qdisc-list.js'

const TEXT = `qdisc noqueue 0: dev lo root refcnt 2 
qdisc mq 0: dev a0 root 
qdisc fq_codel 0: dev a0 parent :2 limit 10240p
 Sent 0 bytes 0 pkt (dropped 0, overlimits 0 requeues 0) 
 backlog 0b 0p requeues 0
qdisc fq_codel 0: dev a0 parent :1 limit 10240p
qdisc ingress ffff: dev a0 parent ffff:fff1 ---------------- 
qdisc noqueue 0: dev a01 root refcnt 2 
`
const ours = [
  'qdisc netem 8001: dev a0 root refcnt 2 limit 1000\n Sent 1\n',
  'qdisc tbf 2: dev a0 parent 8001:\n',
]

test('text: in the place of all that the kernel has there; what comes in keeps its own', () => {
  expect(listLines(TEXT, new Map([['a0', ours]]))).toBe(`qdisc noqueue 0: dev lo root refcnt 2 
${ours.join('')}qdisc ingress ffff: dev a0 parent ffff:fff1 ---------------- 
qdisc noqueue 0: dev a01 root refcnt 2 
`)
})

test('JSON: the same', () => {
  const [lo, mq, leaf, ingress, other] = [
    { kind: 'noqueue', handle: '0:', dev: 'lo' },
    { kind: 'mq', handle: '0:', dev: 'a0' },
    { kind: 'fq_codel', handle: '0:', dev: 'a0', parent: ':1' },
    { kind: 'ingress', handle: 'ffff:', dev: 'a0' },
    { kind: 'noqueue', handle: '0:', dev: 'a01' },
  ]
  const own = { kind: 'netem', handle: '8001:', dev: 'a0' }
  const said = `${JSON.stringify([lo, mq, leaf, ingress, other])}\n`
  expect(JSON.parse(listObjects(said, new Map([['a0', [own]]])))).toEqual([lo, own, ingress, other])
})

test('one that the real tc does not know stands behind, also where that has said nothing', () => {
  const own = { kind: 'netem', dev: 'vxlan42:192.0.2.7' }
  const objects = new Map([[own.dev, [own]]])
  for (const said of ['', '[]\n', '[ ]']) expect(JSON.parse(listObjects(said, objects))).toEqual([own])
  expect(listLines('qdisc ingress ffff: dev a0 \n', new Map([['a0', ours]]))).toBe(
    `${ours.join('')}qdisc ingress ffff: dev a0 \n`,
  )
  expect(listLines('', new Map([['a0', ours]]))).toBe(ours.join(''))
})
