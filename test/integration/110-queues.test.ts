// Several queues and several forwarding workers: flows spread over them and keep their order. Alone in its
// file because the number of workers is fixed for a process by its first pair.

import { configure, createPair } from 'uveth'
import { beforeAll, expect } from 'vitest'
import { atRest, Cable, stream } from '../support/cable.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'
import { joinAsNobody, joinQueue } from '../support/stranger.js'

const it = needs('root', 'tun', 'netns', 'ip')
const FLOWS = Array.from({ length: 16 }, (_, flow) => flow)
const unhurt = { damaged: 0, disordered: 0, skipped: 0 }

beforeAll(() => configure({ workers: 2 }))

it('more queues than workers are shared out over them, and each carries its flows in their order', async () => {
  await using cable = await Cable.lay({ queues: 5 })
  const ledger = await stream(cable.a, cable.b, { count: 500, flows: FLOWS })
  expect(ledger.summary).toEqual({ ...unhurt, received: 8_000 })
  const { a } = await atRest(cable.pair)
  expect(a.workers.map(({ worker }) => worker)).toEqual([0, 1])
})

it('another number of workers is refused with EBUSY once a pair was made', async () => {
  await using _cable = await Cable.lay()
  expect(() => configure({ workers: 3 })).toThrow(expect.objectContaining({ code: 'EBUSY' }))
})

it('sixteen flows over two queues keep their order, each way', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  const wish = { count: 1_500, flows: FLOWS }
  const ledgers = await Promise.all([stream(cable.a, cable.b, wish), stream(cable.b, cable.a, wish)])
  for (const ledger of ledgers) expect(ledger.summary).toEqual({ ...unhurt, received: 24_000 })
})

it('both workers carry flows, and their counters add up to those of the end', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  await stream(cable.a, cable.b, { count: 300, flows: FLOWS })
  const { a, b } = await atRest(cable.pair)
  expect(a.workers.map(({ worker }) => worker)).toEqual([0, 1])
  for (const worker of a.workers) expect(worker.tx_packets).toBeGreaterThan(0)
  for (const key of ['tx_packets', 'tx_bytes'] as const) {
    expect(a.workers.reduce((sum, worker) => sum + worker[key], 0)).toBe(a[key])
  }
  expect(a.tx_packets).toBe(300 * FLOWS.length)
  expect(b.workers.map(({ rx_packets }) => rx_packets)).toEqual(a.workers.map(({ tx_packets }) => tx_packets))
})

it('a flow stays with one worker', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  await stream(cable.a, cable.b, { count: 500, flows: [7] })
  const { a } = await atRest(cable.pair)
  expect(a.workers.map(({ tx_packets }) => tx_packets).sort((one, other) => one - other)).toEqual([0, 500])
})

it('replies take the queue that the flow came by', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  await stream(cable.a, cable.b, { count: 200, flows: [3] })
  await stream(cable.b, cable.a, { count: 200, flows: [3] })
  const { a } = await atRest(cable.pair)
  const busy = a.workers.filter(({ tx_packets }) => tx_packets > 0)
  expect(busy.map(({ tx_packets, rx_packets }) => [tx_packets, rx_packets])).toEqual([[200, 200]])
})

it('a queue that somebody else attaches is told, and does not keep the interface', async () => {
  await using cable = await Cable.lay({ queues: 2 })
  const { pair, right } = cable
  const counts: unknown[] = []
  pair.on('foreignQueues', ({ end, count }) => counts.push([end === pair.b ? 'b' : 'a', count]))
  const passing = await joinQueue(right.name, 'x1')
  await until('it is seen', () => pair.b.foreignQueues === 1)
  await passing[Symbol.asyncDispose]()
  await until('it is seen to leave', () => pair.b.foreignQueues === 0)
  await using _staying = await joinQueue(right.name, 'x1')
  await until('it is seen again', () => pair.b.foreignQueues === 1)
  const first = ['b', 1]
  expect(counts).toEqual([first, ['b', 0], first])
  expect(pair.a.foreignQueues).toBe(0)
  await pair.close()
  expect(right.has('x1')).toBe(false)
})

needs(
  'root',
  'tun',
  'setpriv',
)('nobody without CAP_NET_ADMIN can attach one', async () => {
  await using pair = await createPair({ queues: 2 })
  expect(joinAsNobody(pair.a.name)).toBe(-1)
  expect(pair.a.foreignQueues).toBe(0)
})

it('pairs with one queue are shared out over the workers', async () => {
  await using one = await Cable.lay()
  await using other = await Cable.lay()
  for (const cable of [one, other]) await stream(cable.a, cable.b, { count: 100 })
  const carriedBy = async ({ pair }: Cable) =>
    (await atRest(pair)).a.workers.findIndex(({ tx_packets }) => tx_packets === 100)
  expect([await carriedBy(one), await carriedBy(other)].sort()).toEqual([0, 1])
})
