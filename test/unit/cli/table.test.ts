// The statistics table that `uveth run` prints for people: src/cli/table.ts. Values in, text out; whole
// lines are compared, so that a change of the layout is seen. The numbers themselves are stats.test.ts's
// business.

import { expect, test } from 'vitest'
import { formatStats } from '../../../src/cli/table.js'
import type { EndStats } from '../../../src/stats.js'

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
    drops: { carrier: 0, down: 0, mtu: 0, error: 0 },
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
    drops: { carrier: 7, down: 0, mtu: 2, error: 0 },
  })
  expect(formatStats(['veth0', 'a-longer-name'], { a, b: end({}) })).toBe(
    [
      'end            rx_packets      rx_bytes  rx_dropped  tx_packets  tx_bytes  tx_dropped  drops',
      'veth0                  12  123456789012           0           0         0           9  carrier 7, mtu 2',
      'a-longer-name           0             0           0           0         0           0  -',
    ].join('\n'),
  )
})

test('no line ends in a space', () => {
  const stats = { a: end({ drops: { carrier: 1, down: 1, mtu: 1, error: 1 } }), b: end({}) }
  for (const line of formatStats(['a', 'b'], stats).split('\n')) expect(line).not.toMatch(/\s$/)
})
