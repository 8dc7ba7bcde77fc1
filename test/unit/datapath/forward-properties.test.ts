// What holds for forward() whatever comes: every frame received is delivered or dropped for one cause, bytes
// agree, order is kept. Random bursts against a model that says per frame what is to become of it. A failure
// prints its seed: run it again with { seed, path } beside numRuns.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  allocateCounters,
  blockOf,
  CARRIER,
  MTU,
  readBlock,
  stateOf,
} from '../../../src/datapath/counters.js'
import { Met } from '../../../src/datapath/direction.js'
import { forward } from '../../../src/datapath/forward.js'
import { errno } from '../../../src/errors.js'
import { Slab } from '../../../src/frame/slab.js'
import { balance, NO_DROPS, NOT_INSPECTED } from '../../support/counts.js'
import { FakePort, type Frame, frame, UNINSPECTED } from '../../support/fake-port.js'

interface Case {
  frame: Frame
  /** 0, or what the kernel answers when it is written. */
  refusal: number
}

interface Burst {
  cases: Case[]
  carrier: boolean
  mtu: number
}

const slab = new Slab()
let serial = 0

const anyCase: fc.Arbitrary<Case> = fc
  .record({
    length: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 14, max: 200 }) },
      // around the borders of the MTUs below
      { weight: 3, arbitrary: fc.integer({ min: 1510, max: 1530 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 65_543 }) },
    ),
    type: fc.constantFrom(0x0800, 0x8100, 0x88a8, 0x88b5),
    gso: fc.constantFrom(0, 0, 0, 1, 4),
    refusal: fc.constantFrom(0, 0, 0, 0, errno.EIO, errno.EINVAL, errno.EBADFD),
  })
  .map(({ length, type, gso, refusal }) => {
    const bytes = new Uint8Array(length)
    const view = new DataView(bytes.buffer)
    if (length >= 14) view.setUint16(12, type)
    if (length >= 20) view.setUint32(16, serial++)
    return { frame: frame(bytes, gso), refusal }
  })

const anyBurst: fc.Arbitrary<Burst> = fc.record({
  cases: fc.array(anyCase, { maxLength: 64 }),
  carrier: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
  mtu: fc.constantFrom(68, 1500, 1501, 9000, 65_521),
})

type Fate = 'sent' | 'carrier' | 'mtu' | 'down' | 'error'

/** The rule, frame by frame. */
function fateOf({ frame: { bytes, gso }, refusal }: Case, { carrier, mtu }: Burst): Fate {
  const tagged = [0x8100, 0x88a8].includes(((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0))
  if (!carrier) return 'carrier'
  if (gso === 0 && bytes.length > mtu + 18 + (tagged ? 4 : 0)) return 'mtu'
  if (refusal === errno.EIO) return 'down'
  return refusal < 0 ? 'error' : 'sent'
}

function run(bursts: Burst[]) {
  const memory = allocateCounters(1)
  const state = stateOf(memory)
  const rx = new FakePort()
  const tx = new FakePort()
  const direction = { ...UNINSPECTED, rx, tx, state, mtu: MTU[0], counters: blockOf(memory, 0, 1) }
  for (const { cases, carrier, mtu } of bursts) {
    state[CARRIER] = carrier ? 1 : 0
    state[MTU[0]] = mtu
    rx.incoming.push(cases.map((one) => one.frame))
    tx.refuse = (slot) => cases[slot]?.refusal ?? 0
    expect(forward(direction, slab, new Met())).toBe(cases.length)
  }
  return { counts: readBlock(memory, 0, 1), delivered: tx.delivered }
}

const bytesOf = (frames: Frame[]) => frames.reduce((sum, { bytes }) => sum + bytes.length, 0)

// Faster than toEqual by a factor of hundreds.
function isSame(one: Frame, other: Frame | undefined): boolean {
  return other !== undefined && one.gso === other.gso && Buffer.compare(one.bytes, other.bytes) === 0
}

test('received = sent + dropped; what is delivered is what the rule lets pass, in order and unchanged', () => {
  fc.assert(
    fc.property(fc.array(anyBurst, { maxLength: 6 }), (bursts) => {
      const { counts, delivered } = run(bursts)
      const all = bursts.flatMap((burst) =>
        burst.cases.map((one) => ({ frame: one.frame, fate: fateOf(one, burst) })),
      )
      const having = (fate: Fate) => all.filter((one) => one.fate === fate).map((one) => one.frame)
      expect(delivered.length).toBe(having('sent').length)
      expect(having('sent').findIndex((sent, at) => !isSame(sent, delivered[at]))).toBe(-1)
      expect(counts).toEqual({
        received: all.length,
        received_bytes: bytesOf(all.map((one) => one.frame)),
        sent: having('sent').length,
        sent_bytes: bytesOf(having('sent')),
        drops: {
          ...NO_DROPS,
          carrier: having('carrier').length,
          down: having('down').length,
          mtu: having('mtu').length,
          error: having('error').length,
        },
        inspected: NOT_INSPECTED,
      })
      const [came, went] = balance(counts)
      expect(came).toBe(went)
    }),
    { numRuns: 200 },
  )
})
