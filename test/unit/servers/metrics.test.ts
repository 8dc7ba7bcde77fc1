// What Prometheus reads, over pairs that a test makes up: every end with its labels, and nothing of a pair that has
// gone.

import { beforeEach, expect, test } from 'vitest'
import type { PairRegistry } from '../../../src/orders/handlers.js'
import { openMetrics } from '../../../src/servers/metrics.js'

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
    counters: () => ({ a: counters(11), b: counters(22) }),
    a: { name: `${id}a`, netns: null, rules: () => [rule] },
    b: { name: `${id}b`, netns: 'blue', rules: () => [] },
  }
}

let pairs: ReturnType<typeof pair>[]
const metrics = openMetrics({ list: () => pairs.map((pair) => ({ pair })) } as unknown as PairRegistry)

beforeEach(() => {
  pairs = [pair('one'), pair('two')]
})

async function lines(): Promise<string[]> {
  return (await metrics.metrics()).split('\n').filter((line) => line.startsWith('uveth_'))
}

test('each end by its name and namespace, from its own point of view', async () => {
  const said = await lines()
  const a = 'pair="one",end="a",name="onea",netns=""'
  const b = 'pair="one",end="b",name="oneb",netns="blue"'
  expect(said).toEqual(
    expect.arrayContaining([
      'uveth_pairs 2',
      'uveth_pair_carrier{pair="two"} 1',
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
  pairs = []
  expect(await lines()).toEqual(['uveth_pairs 0'])
})
