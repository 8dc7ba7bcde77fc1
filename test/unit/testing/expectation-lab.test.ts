// What a lab has carried and dropped, against one that is made up: which cables and ends count, and what the messages
// call them.

import { expect, test } from 'vitest'
import { assertCarried, assertDropped, type Observed } from '../../../src/testing/index.js'
import { FakePair } from './fake-pair.js'

const dns = { udp: { dport: 53 } }
const within = 0

/** client:eth0 and router:lan0, router:wan0 and server:eth0. */
function fakeLab(observed = true) {
  const [near, far] = [new FakePair(), new FakePair()]
  if (observed) for (const pair of [near, far]) pair.observed()
  const nodes = {
    client: { name: 'client', ends: { eth0: near.a } },
    router: { name: 'router', ends: { lan0: near.b, wan0: far.a } },
    server: { name: 'server', ends: { eth0: far.b } },
  }
  const lab: unknown = { nodes, cables: { near, far } }
  return { near, far, lab: lab as Observed }
}

test('without an end all cables count', async () => {
  const { near, far, lab } = fakeLab()
  near.datagram(53)
  far.datagram(53).datagram(53, { end: 'b' })
  await assertCarried(lab, dns, { times: 3 })
  await assertDropped(lab, { match: dns, times: 0 })
})

test('at an end its cable counts, in both directions; from an end what that has sent', async () => {
  const { near, far, lab } = fakeLab()
  near.datagram(53)
  far.datagram(53).datagram(53, { end: 'b' }).datagram(53, { cause: 'loss', reason: undefined })
  await assertCarried(lab, dns, { at: 'client:eth0', times: 1 })
  await assertCarried(lab, dns, { at: 'server:eth0', times: 2 })
  await assertCarried(lab, dns, { at: 'router:wan0', times: 2 })
  await assertCarried(lab, dns, { from: 'server:eth0', times: 1 })
  await assertCarried(lab, dns, { at: 'server:eth0', from: 'router:wan0', times: 1 })
  await assertDropped(lab, { match: dns, from: 'router:wan0', times: 1 })
  await assertDropped(lab, { match: dns, at: 'client:eth0', times: 0 })
})

test('counters answer without a match', async () => {
  const { near, far, lab } = fakeLab(false)
  near.counted.b.rx_packets = 2
  far.counted.a.rx_packets = 3
  await assertCarried(lab, undefined, { times: 5 })
  await assertCarried(lab, undefined, { from: 'client:eth0', times: 2 })
  await assertCarried(lab, undefined, { from: 'server:eth0', times: 3 })
  await expect(assertCarried(lab, dns)).rejects.toThrow(/^EINVAL: nobody has looked at the frames/)
})

test('messages name ends, in the order of time', async () => {
  const { near, far, lab } = fakeLab()
  far.datagram(80, { time: Date.UTC(2025, 0, 1, 0, 0, 2) })
  near.datagram(81, { time: Date.UTC(2025, 0, 1, 0, 0, 1) })
  near.counted.a.tx_packets = 1
  near.counted.b.rx_packets = 1
  const error = await assertCarried(lab, dns, { within }).catch((error: Error) => error)
  expect((error as Error).message).toBe(
    [
      'expected the lab to have carried `udp dport 53`; it has carried 0 frames',
      '  client:eth0 has sent 1 frame: 1 delivered, 0 dropped',
      '  router:lan0 has sent 0 frames: 0 delivered, 0 dropped',
      '  router:wan0 has sent 0 frames: 0 delivered, 0 dropped',
      '  server:eth0 has sent 0 frames: 0 delivered, 0 dropped',
      '  of these, 0 frames matched when sent',
      '  last seen:',
      '    00:00:01.000 sent by client:eth0: 192.0.2.1 > 192.0.2.2 udp 40000 > 81, 62 bytes',
      '    00:00:01.000 delivered to router:lan0: 192.0.2.1 > 192.0.2.2 udp 40000 > 81, 62 bytes',
      '    00:00:02.000 sent by router:wan0: 192.0.2.1 > 192.0.2.2 udp 40000 > 80, 62 bytes',
      '    00:00:02.000 delivered to server:eth0: 192.0.2.1 > 192.0.2.2 udp 40000 > 80, 62 bytes',
    ].join('\n'),
  )
})

test('an end that is not there is refused', async () => {
  const { near, lab } = fakeLab()
  const known = 'client:eth0, router:lan0, router:wan0, server:eth0'
  await expect(assertCarried(lab, dns, { at: 'client:eth1' })).rejects.toThrow(
    `EINVAL: at must be one of ${known}, not "client:eth1"`,
  )
  await expect(assertCarried(lab, dns, { from: 'a' })).rejects.toThrow(
    `EINVAL: from must be one of ${known}, not "a"`,
  )
  await expect(assertCarried(near.pair, dns, { at: 'client:eth0' })).rejects.toThrow(
    'EINVAL: at is an end of a lab; of a pair say from',
  )
})
