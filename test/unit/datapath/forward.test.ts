// forward() with fake ports: what it passes on, what it drops for which cause, and what it counts. One
// example for each rule of src/datapath/forward.ts; frames are given without their virtio-net headers. The
// properties that hold for every burst are in forward-properties.test.ts.

import { describe, expect, test } from 'vitest'
import {
  ADJUSTED,
  allocateCounters,
  blockOf,
  CARRIER,
  MTU,
  readBlock,
  stateOf,
} from '../../../src/datapath/counters.js'
import { type Direction, Met } from '../../../src/datapath/direction.js'
import { forward } from '../../../src/datapath/forward.js'
import { errno } from '../../../src/errors.js'
import { Slab } from '../../../src/frame/slab.js'
import { store } from '../../../src/frame/words.js'
import { NO_DROPS, NOT_INSPECTED } from '../../support/counts.js'
import { FakePort, type Frame, frame, UNINSPECTED } from '../../support/fake-port.js'

const slab = new Slab()

/** One direction, a to b, with carrier, and an MTU of 1500 over there. */
class Bench {
  readonly rx: FakePort
  readonly tx = new FakePort()
  readonly memory = allocateCounters(1)
  readonly state = stateOf(this.memory)
  readonly direction: Direction
  readonly met = new Met()

  constructor(...incoming: (Frame[] | number)[]) {
    this.rx = new FakePort(...incoming)
    const { rx, tx, state, memory } = this
    this.direction = { ...UNINSPECTED, rx, tx, state, mtu: MTU[1], counters: blockOf(memory, 0, 0) }
    this.state[CARRIER] = 1
    this.state[MTU[0]] = 68 // the sender's own does not count
    this.state[MTU[1]] = 1500
  }

  forward(): number {
    return forward(this.direction, slab, this.met)
  }

  get counts() {
    return readBlock(this.memory, 0, 0)
  }
}

function tagged(length: number, tpid = 0x8100): Uint8Array {
  const bytes = new Uint8Array(length)
  new DataView(bytes.buffer).setUint16(12, tpid)
  return bytes
}

describe('what is ordered while a burst is being received', () => {
  /** Raises the word as the owner's thread would, in the moment before the frames are read. */
  function raised(word: typeof ADJUSTED, value: number): { bench: Bench; seen: number[] } {
    const bench = new Bench([frame(60), frame(60)])
    const { rx, tx, state } = bench
    const seen: number[] = []
    const receive = rx.receive.bind(rx)
    rx.receive = (slab) => {
      store(state, word, value)
      return receive(slab)
    }
    const adjust = () => void seen.push(tx.transmits)
    const direction = { ...bench.direction, adjustable: { adjusted: 0, adjust, follow: () => undefined } }
    forward(direction, slab, bench.met)
    return { bench, seen }
  }

  test('an adjustment is taken before those frames are judged, once', () => {
    const { bench, seen } = raised(ADJUSTED, 1)
    expect(seen).toEqual([0])
    expect(bench.counts.sent).toBe(2)
  })

  test('without carrier none of them is delivered', () => {
    const { bench } = raised(CARRIER, 0)
    expect(bench.counts).toMatchObject({ received: 2, sent: 0, drops: { ...NO_DROPS, carrier: 2 } })
  })
})

describe('passing on', () => {
  test('an empty port: 0, nothing is sent or counted', () => {
    const bench = new Bench()
    expect(bench.forward()).toBe(0)
    expect(bench.tx.transmits).toBe(0)
    expect(bench.counts).toMatchObject({ received: 0, sent: 0, drops: NO_DROPS })
    expect(bench.met).toEqual({ bytes: 0, down: 0 })
  })

  test('one frame crosses unchanged; bytes are counted without the virtio-net header', () => {
    const bytes = Uint8Array.from({ length: 60 }, (_, at) => at)
    const bench = new Bench([frame(bytes)])
    expect(bench.forward()).toBe(1)
    expect(bench.tx.delivered).toEqual([frame(bytes)])
    expect(bench.counts).toEqual({
      received: 1,
      received_bytes: 60,
      sent: 1,
      sent_bytes: 60,
      drops: NO_DROPS,
      inspected: NOT_INSPECTED,
    })
  })

  test('a full burst crosses in order, by one call', () => {
    const frames = Array.from({ length: 64 }, (_, n) => frame(new Uint8Array(60 + n).fill(n)))
    const bench = new Bench(frames)
    expect(bench.forward()).toBe(64)
    expect(bench.tx.delivered).toEqual(frames)
    expect(bench.tx.transmits).toBe(1)
  })

  test('counts add up over bursts', () => {
    const bench = new Bench([frame(60)], [frame(100), frame(40)])
    while (bench.forward() > 0);
    expect(bench.counts).toMatchObject({ received: 3, received_bytes: 200, sent: 3, sent_bytes: 200 })
  })

  test('runts are the kernel’s business', () => {
    const bench = new Bench([frame(20), frame(14)])
    bench.forward()
    expect(bench.tx.delivered.map(({ bytes }) => bytes.length)).toEqual([20, 14])
  })
})

describe('no carrier', () => {
  test('what is read is dropped, and never written', () => {
    const bench = new Bench([frame(60), frame(60)])
    bench.state[CARRIER] = 0
    expect(bench.forward()).toBe(2)
    expect(bench.tx.transmits).toBe(0)
    expect(bench.counts).toEqual({
      received: 2,
      received_bytes: 120,
      sent: 0,
      sent_bytes: 0,
      drops: { ...NO_DROPS, carrier: 2 },
      inspected: NOT_INSPECTED,
    })
  })

  test('each frame has one cause: a too long one is dropped for carrier as well', () => {
    const bench = new Bench([frame(9000), frame(60)])
    bench.state[CARRIER] = 0
    bench.forward()
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, carrier: 2 })
  })

  test('is read after the receive: carrier that goes off meanwhile stops the burst', () => {
    const bench = new Bench([frame(60)])
    const receive = bench.rx.receive.bind(bench.rx)
    bench.rx.receive = (into) => {
      const received = receive(into)
      bench.state[CARRIER] = 0
      return received
    }
    bench.forward()
    expect(bench.tx.delivered).toEqual([])
    expect(bench.counts.drops.carrier).toBe(1)
  })
})

describe('MTU of the receiving end', () => {
  test.each<[name: string, passes: boolean, sent: Frame]>([
    ['1518 bytes untagged', true, frame(1500 + 18)],
    ['1519 bytes untagged', false, frame(1500 + 19)],
    ['1522 bytes with 802.1Q', true, frame(tagged(1500 + 22))],
    ['1523 bytes with 802.1Q', false, frame(tagged(1500 + 23))],
    ['1522 bytes with 802.1ad', true, frame(tagged(1500 + 22, 0x88a8))],
    ['1523 bytes with 802.1ad', false, frame(tagged(1500 + 23, 0x88a8))],
    ['1522 bytes with another type', false, frame(tagged(1500 + 22, 0x9100))],
    ['a super-frame of 65,000 bytes', true, frame(65_000, 1)],
    ['a super-frame just above the limit', true, frame(1519, 5)],
    ['a wire frame of 65,000 bytes', false, frame(65_000)],
  ])('%s: passes %s', (_, passes, sent) => {
    const bench = new Bench([sent])
    expect(bench.forward()).toBe(1)
    expect(bench.tx.delivered).toEqual(passes ? [sent] : [])
    expect(bench.counts).toMatchObject({ sent: passes ? 1 : 0, sent_bytes: passes ? sent.bytes.length : 0 })
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, mtu: passes ? 0 : 1 })
  })

  test('follows the shared word', () => {
    const bench = new Bench([frame(9018)], [frame(9018)], [frame(9019)])
    bench.forward()
    bench.state[MTU[1]] = 9000
    bench.forward()
    bench.forward()
    expect(bench.counts).toMatchObject({ received: 3, sent: 1, drops: { mtu: 2 } })
  })

  test('long frames in a burst are left out, and the others keep their order', () => {
    const burst = [frame(60), frame(2000), frame(61), frame(3000), frame(62)]
    const bench = new Bench(burst)
    bench.forward()
    expect(bench.tx.delivered.map(({ bytes }) => bytes.length)).toEqual([60, 61, 62])
    expect(bench.counts).toEqual({
      received: 5,
      received_bytes: 60 + 2000 + 61 + 3000 + 62,
      sent: 3,
      sent_bytes: 60 + 61 + 62,
      drops: { ...NO_DROPS, mtu: 2 },
      inspected: NOT_INSPECTED,
    })
  })
})

describe('refusals of the kernel', () => {
  test('EIO, the peer is not up: dropped as down, for each frame', () => {
    const bench = new Bench([frame(60), frame(70)])
    bench.tx.refuse = () => errno.EIO
    expect(bench.forward()).toBe(2)
    expect(bench.counts).toEqual({
      received: 2,
      received_bytes: 130,
      sent: 0,
      sent_bytes: 0,
      drops: { ...NO_DROPS, down: 2 },
      inspected: NOT_INSPECTED,
    })
  })

  test('in the middle of a burst: the bytes of the frames that went are counted, and no others', () => {
    const bench = new Bench([frame(60), frame(70), frame(80), frame(90)])
    bench.tx.refuse = (slot) => (slot >= 2 ? errno.EIO : 0)
    bench.forward()
    expect(bench.counts).toMatchObject({ sent: 2, sent_bytes: 130, drops: { ...NO_DROPS, down: 2 } })
    expect(bench.met).toEqual({ bytes: 300, down: 2 })
  })

  test('what the last call met is told, not what those before it did', () => {
    const bench = new Bench([frame(60)], [frame(70)], [])
    bench.tx.refuse = () => (bench.rx.incoming.length === 2 ? errno.EIO : 0)
    bench.forward()
    expect(bench.met).toEqual({ bytes: 60, down: 1 })
    bench.forward()
    expect(bench.met).toEqual({ bytes: 70, down: 0 })
    bench.forward()
    expect(bench.met).toEqual({ bytes: 0, down: 0 })
  })

  test('anything else is an error: EBADFD, EINVAL, ENOMEM', () => {
    const bench = new Bench([frame(60), frame(60), frame(60)])
    bench.tx.refuse = (slot) => [errno.EBADFD, errno.EINVAL, -12][slot] ?? 0
    bench.forward()
    expect(bench.counts.drops).toEqual({ ...NO_DROPS, error: 3 })
  })

  test('all causes in one burst', () => {
    const bench = new Bench([frame(60), frame(2000), frame(70), frame(80), frame(90)])
    bench.tx.refuse = (slot) => [0, 0, errno.EIO, errno.EINVAL, 0][slot] ?? 0
    expect(bench.forward()).toBe(5)
    expect(bench.counts).toEqual({
      received: 5,
      received_bytes: 60 + 2000 + 70 + 80 + 90,
      sent: 2,
      sent_bytes: 150,
      drops: { ...NO_DROPS, down: 1, mtu: 1, error: 1 },
      inspected: NOT_INSPECTED,
    })
  })
})

describe('the port is gone', () => {
  test.each([errno.EBADFD, errno.EBADF])('%i is answered, and nothing is counted', (error) => {
    const bench = new Bench(error)
    expect(bench.forward()).toBe(error)
    expect(bench.tx.transmits).toBe(0)
    expect(bench.counts).toMatchObject({ received: 0, received_bytes: 0, sent: 0, drops: NO_DROPS })
  })
})
