// Hooks of users as tests write them: a module from its source, and frames that a hook can tell apart.

import { expect } from 'vitest'
import type { Cable } from './cable.js'
import { atRest } from './cable.js'
import { missing, sumOf } from './counts.js'
import { ETH_P, ethernet, filler } from './frames.js'

/** The URL of a module with this source. */
export function moduleOf(source: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}

/** The URL of a module whose hook does `body` to each frame: `burst`, `i` and `options` are there. */
export function perFrame(body: string): URL {
  return moduleOf(`export default (options) => (burst) => {
    for (let i = 0; i < burst.count; i++) { ${body} }
  }`)
}

/** A frame that nobody's stack looks at; its first byte behind the header is `mark`. */
export function marked(mark: number, length = 100): Buffer {
  const frame = ethernet(ETH_P.EXPERIMENT, filler(length - 14))
  frame[14] = mark
  return frame
}

/** The marks of the frames that have come to b, once `count` have (or none comes for `patience` ms). */
export async function marksAtB(cable: Cable, count: number, patience = 3_000): Promise<number[]> {
  const marks: number[] = []
  while (marks.length < count) {
    const frame = await cable.b.receive(patience)
    if (frame === undefined) break
    marks.push(frame[14] as number)
  }
  return marks
}

/** Sends frames marked with these numbers from a. */
export function sendMarks(cable: Cable, ...marks: number[]): void {
  for (const mark of marks) cable.a.send(marked(mark))
}

/** At rest every frame is accounted for, in both directions; the statistics. `cut`: super-frames may have been. */
export async function expectBalanced({ pair }: Pick<Cable, 'pair'>, { cut = false } = {}) {
  const stats = await atRest(pair)
  expect([stats.a.tx_packets, stats.b.tx_packets]).toEqual([stats.b.rx_packets, stats.a.rx_packets])
  for (const end of [stats.a, stats.b]) {
    if (cut) expect(missing(end)).toBeLessThanOrEqual(0)
    else expect(missing(end)).toBe(0)
    expect(sumOf(end.drops)).toBe(end.tx_dropped)
  }
  return stats
}
