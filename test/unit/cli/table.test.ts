// The statistics table that `uveth run` prints for people: src/cli/table.ts. Values in, text out; whole
// lines are compared, so that a change of the layout is seen. The numbers themselves are stats.test.ts's
// business.

import { expect, test } from 'vitest'
import { formatStats } from '../../../src/cli/table.js'
import { INSPECTED_COUNTS } from '../../../src/datapath/counters.js'
import { CAUSES } from '../../../src/frame/cause.js'
import type { EndStats } from '../../../src/pair/stats.js'

const CAUSES_OF_END = [...CAUSES, 'queue'] as const

/** A number for each name, 0 for those that are not given. */
function counts<K extends string>(
  names: readonly K[],
  some: Partial<Record<K, number>> = {},
): Record<K, number> {
  return { ...(Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>), ...some }
}

function end(numbers: Partial<EndStats>): EndStats {
  return {
    rx_packets: 0,
    rx_bytes: 0,
    tx_packets: 0,
    tx_bytes: 0,
    rx_dropped: 0,
    tx_dropped: 0,
    rx_errors: 0,
    tx_errors: 0,
    drops: counts(CAUSES_OF_END),
    inspected: counts(INSPECTED_COUNTS),
    rules: [],
    workers: [],
    kernel: null,
    ...numbers,
  }
}

test('two rows under their headings: numbers to the right, texts to the left', () => {
  const a = end({
    rx_packets: 12,
    rx_bytes: 123_456_789_012,
    tx_dropped: 9,
    drops: counts(CAUSES_OF_END, { carrier: 7, mtu: 2 }),
  })
  expect(formatStats(['veth0', 'a-longer-name'], { a, b: end({}) })).toBe(
    [
      'end            rx_packets      rx_bytes  rx_dropped  tx_packets  tx_bytes  tx_dropped  drops',
      'veth0                  12  123456789012           0           0         0           9  carrier 7, mtu 2',
      'a-longer-name           0             0           0           0         0           0  -',
    ].join('\n'),
  )
})

test('under them what to do about drops that nobody has ordered', () => {
  const a = end({ tx_dropped: 12, drops: counts(CAUSES_OF_END, { limit: 5, queue: 7 }) })
  const b = end({ tx_dropped: 3, drops: counts(CAUSES_OF_END, { loss: 3 }) })
  expect(formatStats(['veth0', 'veth1'], { a, b }).split('\n').slice(1)).toEqual([
    expect.stringMatching(/12 {2}limit 5, queue 7$/),
    expect.stringMatching(/3 {2}loss 3$/),
    'veth0: dropped by limit: 5: raise limit, or the memory for frames that wait',
    'veth0: dropped by queue: 7: raise txqueuelen',
  ])
})

test('no line ends in a space', () => {
  const stats = { a: end({ drops: counts(CAUSES_OF_END, { carrier: 1, rule: 3 }) }), b: end({}) }
  for (const line of formatStats(['a', 'b'], stats).split('\n')) expect(line).not.toMatch(/\s$/)
})

test('what was done to frames has columns where there is something to say', () => {
  const a = end({
    drops: counts(CAUSES_OF_END, { loss: 4, rule: 1 }),
    inspected: counts(INSPECTED_COUNTS, { delayed: 3, copied: 2 }),
  })
  const b = end({
    rules: [
      { id: 3, action: { kind: 'drop' }, match: {}, matched: 5, hits: 2 },
      { id: 4, action: { kind: 'delay', ms: 1 }, match: {}, matched: 5, hits: 0 },
    ],
  })
  const lines = formatStats(['veth0', 'veth1'], { a, b }).split('\n')
  expect(lines.map((line) => line.slice(line.search(/drops|loss|-/)))).toEqual([
    'drops           inspected            rules',
    'loss 4, rule 1  copied 2, delayed 3  -',
    '-               -                    3 drop 2',
  ])
})
