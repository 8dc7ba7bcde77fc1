// Impairments on a real cable: what is lost is the same every time, what is delayed comes when it should, and a
// rate is kept. The statistics of each impairment are shown by the unit tests, over simulated time. Whatever
// depends on the clock may be tried ten times: other programs are busy, too.

import type { ImpairOptions, Pair, Sighting } from 'uveth'
import { describe, expect } from 'vitest'
import { Cable, stream } from '../support/cable.js'
import { numbered } from '../support/frames.js'
import { expectBalanced, marked, marksAtB, sendMarks } from '../support/hooks.js'
import { ownLateness } from '../support/lateness.js'
import { until } from '../support/netns.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const unhurt = { damaged: 0, disordered: 0, skipped: 0 }

const layImpaired = (impair: ImpairOptions) => Cable.lay({ a: { impair } })

/** Everything that becomes of `count` frames of `length` bytes that a sends, `batch` at once. */
async function fates(cable: Cable, count: number, length = 100, batch = 200): Promise<Sighting[]> {
  const seen = cable.pair.sightings()
  const before = asked(cable.pair)
  const all: Sighting[] = []
  const take = () => {
    for (let one = seen.now(); one !== undefined; one = seen.now()) all.push(one)
  }
  for (let sent = 0; sent < count; ) {
    for (const next = Math.min(count, sent + batch); sent < next; sent++) {
      cable.a.send(numbered(0, sent, length))
    }
    await until('judged', () => asked(cable.pair) >= before + sent)
    take()
  }
  await until('nothing is held', () => cable.pair.counters().a.inspected.held === 0)
  await cable.pair.a.settled()
  take()
  await seen.return()
  return all
}

function asked(pair: Pair): number {
  const { tx_packets, tx_dropped, inspected } = pair.counters().a
  return tx_packets + tx_dropped + inspected.held - inspected.copied
}

const lostOf = (all: Sighting[]) => all.filter(({ cause }) => cause === 'loss').map(({ id }) => id / 2)

/** ms from when each frame was sent until it was delivered. */
function delaysOf(all: Sighting[]): number[] {
  const sent = new Map(all.filter(({ sent }) => sent).map(({ id, time }) => [id, time]))
  return all.filter(({ sent }) => !sent).map(({ id, time }) => time - (sent.get(id) ?? Number.NaN))
}

function median(values: number[]): number {
  return values.sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN
}

/**
 * ms by which the best of up to ten tries is later than `good`, or than this machine itself is with what it wakes; negative:
 * it is not.
 */
async function lateBeyond(good: number, measure: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let n = 0; n < 10 && least >= 0; n++)
    least = Math.min(least, (await measure()) - Math.max(good, 3 * ownLateness()))
  return least
}

describe('which frames are hit', () => {
  it('is the same for the same seed, on another pair and in other bursts', async () => {
    const lost: number[][] = []
    for (const seed of [7, 7, 8]) {
      await using cable = await layImpaired({ loss: 10, seed })
      lost.push(lostOf(await fates(cable, 2_000)))
      await expectBalanced(cable)
    }
    expect(lost[0]?.length).toBeGreaterThan(140)
    expect(lost[0]?.length).toBeLessThan(270)
    expect(lost[1]).toEqual(lost[0])
    expect(lost[2]).not.toEqual(lost[0])
  })

  it('does not depend on what else is impaired', async () => {
    const lost: number[][] = []
    for (const more of [{}, { delay: '2ms' }, { rate: '100mbit', corrupt: 5 }]) {
      await using cable = await layImpaired({ loss: { gemodel: { p: 5, r: 30 } }, seed: 3, ...more })
      lost.push(lostOf(await fates(cable, 1_000)))
    }
    expect(lost[0]?.length).toBeGreaterThan(50)
    expect(lost[1]).toEqual(lost[0])
    expect(lost[2]).toEqual(lost[0])
  })

  it('a seed that was chosen is told, and gives the same again', async () => {
    await using cable = await Cable.lay()
    const plan = await cable.pair.a.impair({ loss: 20 })
    const first = lostOf(await fates(cable, 300))
    expect(await cable.pair.a.impair({ loss: 20, seed: plan?.seed ?? -1 })).toEqual(plan)
    const again = lostOf(await fates(cable, 300))
    expect(again.map((number) => number - 300)).toEqual(first)
  })

  it('0 % is none and 100 % is all', async () => {
    await using none = await layImpaired({ loss: 0, duplicate: 0, corrupt: 0, seed: 1 })
    expect((await stream(none.a, none.b, { count: 5_000 })).summary).toEqual({ ...unhurt, received: 5_000 })
    await using all = await layImpaired({ loss: 100, seed: 1 })
    expect(lostOf(await fates(all, 500))).toHaveLength(500)
    await using doubled = await layImpaired({ duplicate: 100, seed: 1 })
    sendMarks(doubled, 1, 2, 3)
    expect(await marksAtB(doubled, 6)).toEqual([1, 1, 2, 2, 3, 3])
    await expectBalanced(doubled)
  })

  it('100 % corruption flips one bit of each frame', async () => {
    await using cable = await layImpaired({ corrupt: 100, seed: 1 })
    for (let n = 0; n < 50; n++) {
      const frame = marked(n)
      cable.a.send(frame)
      const came = await cable.b.receive()
      const flipped = frame.map((byte, at) => byte ^ (came?.[at] as number)).filter((byte) => byte !== 0)
      expect(flipped).toHaveLength(1)
      expect(Math.log2(flipped[0] as number) % 1).toBe(0)
    }
  })

  it('each end has its own', async () => {
    const impair = { loss: 30, seed: 5 }
    await using cable = await Cable.lay({ a: { impair }, b: { impair } })
    const from = async (one: Cable['a'], other: Cable['b']) => {
      for (let mark = 0; mark < 200; mark++) one.send(marked(mark))
      await expectBalanced(cable)
      return other.drain().map((frame) => frame[14])
    }
    const [ab, ba] = [await from(cable.a, cable.b), await from(cable.b, cable.a)]
    expect(ab.length).toBeLessThan(180)
    expect(ba).not.toEqual(ab)
  })
})

describe('delay', () => {
  it.each([1, 10, 100])(
    'of %i ms: the median frame is at most 0.3 ms late, and none is early',
    async (ms) => {
      await using cable = await layImpaired({ delay: ms, seed: 1 })
      const late = await lateBeyond(0.3, async () => {
        const delays = delaysOf(await fates(cable, 100))
        expect(delays).toHaveLength(100)
        expect(Math.min(...delays)).toBeGreaterThanOrEqual(ms - 0.01)
        return median(delays) - ms
      })
      expect(late).toBeLessThan(0)
    },
  )

  it('that is constant keeps the order of 10,000 frames', async () => {
    await using cable = await layImpaired({ delay: '3ms', seed: 1 })
    const { summary } = await stream(cable.a, cable.b, { count: 10_000 })
    expect(summary).toEqual({ ...unhurt, received: 10_000 })
    expect((await expectBalanced(cable)).a.inspected.delayed).toBe(10_000)
  })

  it('with jitter puts frames out of order, and loses none', async () => {
    await using cable = await layImpaired({ delay: { time: 5, jitter: 4 }, seed: 1 })
    const { received, disordered } = await stream(cable.a, cable.b, { count: 1_000 })
    expect(received).toBe(1_000)
    expect(disordered).toBeGreaterThan(50)
  })

  it('with reordering: those that jump come first', async () => {
    await using cable = await layImpaired({ delay: 30, reorder: { probability: 100, gap: 5 }, seed: 1 })
    sendMarks(cable, 1, 2, 3, 4, 5)
    expect(await marksAtB(cable, 5)).toEqual([5, 1, 2, 3, 4])
    const { a } = await expectBalanced(cable)
    expect(a.inspected).toMatchObject({ reordered: 1, delayed: 4 })
  })

  it('holds no more than its limit: 1,000 of 5,000', async () => {
    await using cable = await layImpaired({ delay: '60s', limit: 1_000, seed: 1 })
    for (let sent = 0; sent < 5_000; ) {
      for (const next = sent + 250; sent < next; sent++) cable.a.send(marked(1, 1_500))
      await until('judged', () => asked(cable.pair) === sent)
    }
    const { a } = await expectBalanced(cable)
    expect(a).toMatchObject({ drops: { limit: 4_000 }, inspected: { held: 1_000 } })
    await cable.pair.a.impair(null)
    sendMarks(cable, 9)
    expect(await marksAtB(cable, 1_001)).toEqual([...Array(1_000).fill(1), 9])
  })
})

describe('rate', () => {
  it.each([
    ['10mbit', 1_250, 200],
    ['100mbit', 1_250, 1_000],
  ])(
    '%s: frames of %i bytes take the time that they should, and at most 2 %% more',
    async (rate, length, count) => {
      await using cable = await Cable.lay()
      const each = (8 * length) / (Number.parseInt(rate, 10) * 1_000)
      const times = (await fates(cable, count, length)).map(({ time }) => time)
      const alone = Math.max(...times) - Math.min(...times)
      await cable.pair.a.impair({ rate, limit: 10_000, seed: 1 })
      // A machine that takes as long for them without a rate keeps none.
      const good = 0.02 * count * each + (2 * alone > count * each ? 3 * alone : 0)
      const late = await lateBeyond(good, async () => {
        const all = await fates(cable, count, length)
        const first = all.find(({ sent }) => sent)?.time ?? Number.NaN
        const delivered = all.filter(({ sent }) => !sent)
        expect(delivered).toHaveLength(count)
        const lates = delivered.map(({ time }, n) => time - first - (n + 1) * each)
        expect(Math.min(...lates)).toBeGreaterThanOrEqual(-0.01)
        // A worker that had to wait for a processor makes up for it: the last tenth tells of the rate.
        return Math.min(...lates.slice(-count / 10))
      })
      expect(late).toBeLessThan(0)
    },
  )

  it('keeps the order', async () => {
    await using cable = await layImpaired({ rate: '50mbit', limit: 10_000, seed: 1 })
    const { summary } = await stream(cable.a, cable.b, { count: 2_000 })
    expect(summary).toEqual({ ...unhurt, received: 2_000 })
  })
})

it('taken away, what is held comes in front of what passes at once', async () => {
  await using cable = await layImpaired({ delay: '60s', seed: 1 })
  sendMarks(cable, 1)
  await until('held', () => cable.pair.counters().a.inspected.held === 1)
  await cable.pair.a.impair(null)
  sendMarks(cable, 2)
  expect(await marksAtB(cable, 2)).toEqual([1, 2])
  await expectBalanced(cable)
})
