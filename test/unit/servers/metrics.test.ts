// What Prometheus reads, over pairs that a test makes up: every end with its labels, and nothing of a pair that has
// gone.

import { beforeEach, expect, test, vi } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { FAMILIES } from '../../../src/servers/figures.js'
import { openMetrics } from '../../../src/servers/metrics.js'
import { promtool } from '../../support/promtool.js'
import { needs } from '../../support/skip.js'

const judged = needs('promtool')

const counters = (tx_packets: number) => ({
  rx_packets: 1,
  rx_bytes: 100,
  tx_packets,
  tx_bytes: 60 * tx_packets,
  drops: { mtu: 2, rule: 3 },
  inspected: { held: 4, delayed: 5 },
})

function pair(id: string) {
  const rule = { id: 7, action: { kind: 'drop' }, matched: 20, hits: 10 }
  return {
    id,
    carrier: true,
    closed: undefined as string | undefined,
    stats: async () => ({ a: counters(11), b: counters(22) }),
    a: { name: `${id}a`, netns: null, isUp: true, mtu: 1400, foreignQueues: 0, rules: () => [rule] },
    b: { name: `${id}b`, netns: 'blue', isUp: false, mtu: 1500, foreignQueues: 0, rules: () => [] },
  }
}

let pairs: ReturnType<typeof pair>[]
const list = vi.fn(() => pairs.map((pair) => ({ pair, carrierChanges: 3 })))
const metrics = openMetrics({ list } as unknown as PairRegistry, () => ({ waiting: 17, lost: 3, refused: 5 }))
const read = async () => (await metrics.read().toArray()).join('')

beforeEach(() => {
  pairs = [pair('one'), pair('two')]
})

async function lines(): Promise<string[]> {
  return (await read()).split('\n').filter((line) => /^uveth_(?!limit|build)/.test(line))
}

test('each end by its name and namespace, from its own point of view', async () => {
  const said = await lines()
  const a = 'pair="one",end="a",name="onea",device="onea",netns=""'
  const b = 'pair="one",end="b",name="oneb",device="oneb",netns="blue"'
  expect(said).toEqual(
    expect.arrayContaining([
      'uveth_pairs 2',
      'uveth_memory_used_bytes 0',
      'uveth_memory_refused_total 0',
      'uveth_pair_carrier{pair="two"} 1',
      'uveth_pair_carrier_changes_total{pair="two"} 3',
      `uveth_end_up{${a}} 1`,
      `uveth_end_up{${b}} 0`,
      `uveth_end_mtu_bytes{${a}} 1400`,
      `uveth_end_tx_packets_total{${a}} 11`,
      `uveth_end_tx_bytes_total{${b}} 1320`,
      `uveth_end_dropped_total{${b},cause="rule"} 3`,
      `uveth_end_held{${a}} 4`,
      `uveth_end_inspected_total{${a},what="delayed"} 5`,
      `uveth_rule_matched_total{${a},rule="7",action="drop"} 20`,
      `uveth_rule_hits_total{${a},rule="7",action="drop"} 10`,
    ]),
  )
  // What is held now is no count of what has been.
  expect(said.filter((line) => line.includes('what="held"'))).toEqual([])
})

test('asked twice it says the same, and a pair that has gone is not told any more', async () => {
  expect(await lines()).toEqual(await lines())
  pairs[0]!.closed = 'close'
  expect((await lines()).filter((line) => line.includes('one'))).toEqual([])
  pairs = []
  const left = (await lines()).filter((line) => !line.startsWith('uveth_memory_'))
  expect(left).toEqual([
    'uveth_pairs 0',
    'uveth_listeners_waiting_bytes 17',
    'uveth_log_lost_lines_total 3',
    'uveth_netlink_refused_total 5',
  ])
})

test('two that ask at once get one page, a third one later its own', async () => {
  list.mockClear()
  await Promise.all([read(), read()])
  const once = list.mock.calls.length
  await read()
  expect(list.mock.calls.length).toBe(2 * once)
})

test('others have their turns of the event loop while it is made of many pairs, each of which takes long', async () => {
  pairs = Array.from({ length: 20 }, (_, n) => pair(`p${n}`))
  let turns = 0
  for (const each of pairs) {
    const { stats } = each
    each.stats = () => {
      for (const begun = performance.now(); performance.now() - begun < 6; );
      return stats()
    }
  }
  const count = () => {
    turns++
    counting = setImmediate(count)
  }
  let counting = setImmediate(count)
  await lines()
  clearImmediate(counting)
  expect(turns).toBeGreaterThanOrEqual(20)
})

test('names that nobody would choose come whole', async () => {
  pairs = [pair('a"b\\c')]
  expect(await lines()).toContain('uveth_pair_carrier{pair="a\\"b\\\\c"} 1')
})

test('limits and the build, and every family with its help and type', async () => {
  const text = await read()
  expect(text).toMatch(/^uveth_build_info\{version="\d+\.\d+\.\d+",node="\d+\.\d+\.\d+"\} 1$/m)
  expect(text).toMatch(/^uveth_limit\{limit="captures"\} 64$/m)
  expect(text).toMatch(/^uveth_limit_used\{limit="listeners"\} \d+$/m)
  expect(text).not.toMatch(/^uveth_limit_used\{limit="addresses"/m)
  expect(text).toMatch(/^uveth_limit_refused_total\{limit="backlog"\} \d+$/m)
  for (const name of Object.keys(FAMILIES)) {
    expect(text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'))
    expect(text).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge)$`, 'm'))
  }
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(new Set(samples.map((line) => line.split(' ')[0])).size).toBe(samples.length)
})

judged('promtool finds nothing wrong with it', async () => {
  const { status, stdout, stderr } = promtool(['check', 'metrics'], await read())
  expect([status, stdout, stderr]).toEqual([0, '', ''])
})
