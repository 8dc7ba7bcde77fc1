// Frames of every kind cross the cable byte for byte, in both directions.

import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Cable } from '../support/cable.js'
import { ETH_P, ethernet, everyKind, filler, tagged } from '../support/frames.js'
import { needs } from '../support/skip.js'

const it = needs('root', 'tun', 'netns', 'ip')
const directions = ['a to b', 'b to a'] as const

/** Sends one frame and answers what came out at the other end. */
async function carried(cable: Cable, direction: string, frame: Uint8Array): Promise<Uint8Array | undefined> {
  const [from, to] = direction === 'a to b' ? [cable.a, cable.b] : [cable.b, cable.a]
  from.send(frame)
  return await to.receive()
}

describe.each(directions)('%s', (direction) => {
  let cable: Cable
  beforeAll(async () => {
    cable = await Cable.lay()
  })
  afterAll(() => cable?.[Symbol.asyncDispose]())

  it.each(Object.entries(everyKind()))('%s crosses unchanged', async (_, frame) => {
    expect(await carried(cable, direction, frame)).toEqual(new Uint8Array(frame))
  })

  it('a frame of every length from 14 to 1,514 crosses unchanged', async () => {
    for (let length = 14; length <= 1_514; length++) {
      const frame = ethernet(ETH_P.EXPERIMENT, filler(length - 14, length))
      expect(await carried(cable, direction, frame)).toEqual(new Uint8Array(frame))
    }
  })
})

describe.each([9_000, 65_521])('at MTU %i', (mtu) => {
  it.each(directions)('%s: a frame of full size crosses unchanged, tagged or not', async (direction) => {
    await using cable = await Cable.lay({ a: { mtu }, b: { mtu } })
    const full = ethernet(ETH_P.EXPERIMENT, filler(mtu))
    // A packet socket lets a frame be longer by an 802.1Q tag, but not by any other.
    const shorter = ethernet(ETH_P.EXPERIMENT, filler(mtu - 4))
    for (const frame of [full, tagged(full, 5), tagged(shorter, 6, ETH_P.QINQ)]) {
      const got = await carried(cable, direction, frame)
      expect(Buffer.compare(got ?? new Uint8Array(), frame)).toBe(0)
    }
  })
})
