// Copies that do not go with their frame: src/datapath/inspector.ts with fake ports.

import { expect, test } from 'vitest'
import { Held } from '../../../src/datapath/held.js'
import { NO_DROPS } from '../../support/counts.js'
import { IN_A_CHUNK, smallCells } from '../../support/held-frames.js'
import { benchOf, type Judge, lastOf, marked, marksOf } from '../../support/inspected.js'

test('a copy with a time of its own leaves alone, whether its frame waits or not', () => {
  const bench = benchOf((burst, i) => {
    const mark = lastOf(burst, i)
    burst.duplicate(i, mark)
    if (mark === 2) burst.hold(i, 1e9)
    burst.copyDelays[i] = 1e6
  })
  bench.send(marked(1), marked(2))
  expect(marksOf(bench.delivered)).toEqual([1])
  expect(bench.counts.inspected.held).toBe(4)
  bench.inspector.release(performance.now() + 1e7)
  expect(marksOf(bench.delivered)).toEqual([1, 1, 2])
  bench.inspector.release(performance.now() + 1e10)
  expect(marksOf(bench.delivered)).toEqual([1, 1, 2, 2, 2])
  expect(bench.counts).toMatchObject({ sent: 5, inspected: { copied: 3, held: 0 } })
})

test('one that finds no memory is not sent, and its frame is', () => {
  const judge: Judge = (burst, i) => {
    burst.duplicate(i)
    burst.copyDelays[i] = 1e6
  }
  const bench = benchOf(judge, 1, new Held(smallCells(1)))
  for (let sent = 0; sent <= IN_A_CHUNK; sent++) bench.send(marked(1))
  expect(bench.delivered).toHaveLength(IN_A_CHUNK + 1)
  expect(bench.counts.inspected).toMatchObject({ held: IN_A_CHUNK, copied: IN_A_CHUNK })
  expect(bench.counts.drops).toEqual(NO_DROPS)
})
