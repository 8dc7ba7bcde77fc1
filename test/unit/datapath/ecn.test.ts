// ECN: a frame that would be lost is marked instead, where its sender takes part; of super-frames as if they had been
// cut before. The receiver's reader (src/frames/read.ts) finds checksums that are wrong.

import { describe, expect, test } from 'vitest'
import { readFrame } from '../../../src/frames/read.js'
import { type Frame, frame } from '../../support/fake-port.js'
import { benchOf, impair } from '../../support/inspected.js'
import { cut, expectAlike, payload, send, tcp, whole } from '../../support/super-frames.js'
import { naiveChecksum } from '../frame/layers.js'
import type { Wish } from '../frame/super-frame.js'

const CE = 3

/** The frame with this in its ECN field, and a header checksum that fits. */
function capable({ bytes, ...rest }: Frame, ecn: number, { version, tags = [] }: Wish): Frame {
  const changed = Buffer.from(bytes)
  const l3 = 14 + 4 * tags.length
  if (version === 6) changed.writeUInt8((changed.readUInt8(l3 + 1) & 0xcf) | (ecn << 4), l3 + 1)
  else {
    changed.writeUInt8(ecn, l3 + 1)
    changed.writeUInt16BE(0, l3 + 10)
    changed.writeUInt16BE(naiveChecksum(changed.subarray(l3, l3 + 20)), l3 + 10)
  }
  return { bytes: changed, ...rest }
}

function marks(frames: readonly Uint8Array[]): number {
  const read = frames.map((frame) => readFrame(frame))
  const wrong = read.filter(({ ipv4, tcp }) => ipv4?.checksum !== undefined || tcp?.checksum !== undefined)
  expect(wrong).toEqual([])
  return read.filter(({ ipv4, ipv6 }) => (ipv4 ?? ipv6)?.ecn === CE).length
}

const LONG: Wish = { ...tcp, payload: payload(56_000) }
const FORMS: [string, Wish][] = [
  ['IPv4', LONG],
  ['IPv6', { ...LONG, version: 6 }],
  [
    'IPv4 behind two tags',
    {
      ...LONG,
      tags: [
        [0x88a8, 5],
        [0x8100, 6],
      ],
    },
  ],
]

describe.each(FORMS)('%s', (_, wish) => {
  const lossy = (options: object) => {
    const [one, other] = [benchOf(), benchOf()]
    for (const bench of [one, other]) impair(bench, { loss: 40, seed: 3, ...options })
    return { one, other }
  }

  test.each([1, 2])('ECT(%i): marked instead of lost, at their places, and counted', (ecn) => {
    const { one, other } = lossy({ ecn: true })
    send(one, [capable(whole(wish), ecn, wish)])
    send(
      other,
      cut(wish).map((frame) => capable(frame, ecn, wish)),
    )
    expectAlike(one.delivered, other.delivered)
    expect(one.counts).toEqual(other.counts)
    const marked = marks(one.delivered)
    expect(marked).toBeGreaterThan(5)
    expect(one.counts).toMatchObject({ sent: 40, drops: { loss: 0 }, inspected: { marked } })
    // The same frames as are lost without.
    const without = lossy({}).one
    send(without, [capable(whole(wish), ecn, wish)])
    expect(without.counts).toMatchObject({ sent: 40 - marked, drops: { loss: marked } })
  })

  test('who does not take part loses them; what is marked already passes', () => {
    const { one, other } = lossy({ ecn: true })
    send(one, [capable(whole(wish), 0, wish)])
    expect(marks(one.delivered)).toBe(0)
    expect(one.counts.drops.loss).toBeGreaterThan(5)
    expect(one.counts.inspected.marked).toBe(0)
    send(other, [capable(whole(wish), CE, wish)])
    expect(marks(other.delivered)).toBe(40)
    expect(other.counts).toMatchObject({ sent: 40, inspected: { marked: one.counts.drops.loss } })
  })
})

test('any header: the sum is changed by what the field is, also to and from 0 and 0xffff', () => {
  const bench = benchOf()
  impair(bench, { loss: 100, ecn: true })
  const ids = Array.from({ length: 65_536 / 32 }, (_, n) => n * 32 + (n % 32))
  for (const id of ids) {
    const wish: Wish = { ...tcp, payload: payload(10), id }
    bench.send(...cut(wish).map((frame) => capable(frame, 2, wish)))
  }
  const { delivered } = bench
  expect(delivered).toHaveLength(ids.length)
  expect(delivered.filter((frame) => naiveChecksum(frame.subarray(14, 34)) !== 0)).toEqual([])
})

test('what is no IP is lost', () => {
  const bench = benchOf()
  impair(bench, { loss: 100, ecn: true })
  bench.send(frame(new Uint8Array(60)))
  expect(bench.counts).toMatchObject({ sent: 0, drops: { loss: 1 } })
})
