// One inspected direction, a to b, between two fake ports: for unit tests of datapath/inspector.ts.

import {
  allocateCounters,
  blockOf,
  CARRIER,
  effectsOf,
  MTU,
  readBlock,
  stateOf,
} from '../../src/datapath/counters.js'
import { type Direction, Met } from '../../src/datapath/direction.js'
import { forward } from '../../src/datapath/forward.js'
import type { Held } from '../../src/datapath/held.js'
import { Inspector } from '../../src/datapath/inspector.js'
import type { Port } from '../../src/datapath/port.js'
import type { StepDone } from '../../src/datapath/timeline.js'
import { planImpair } from '../../src/faults/impair-plan.js'
import type { Burst } from '../../src/frame/burst.js'
import { wireFrames } from '../../src/frame/segment.js'
import { Slab, VNET_HDR_LEN } from '../../src/frame/slab.js'
import { FakePort, type Frame, frame, UNINSPECTED } from './fake-port.js'

const slab = new Slab()
const scratch = new Slab()
const met = new Met()

export class InspectedBench {
  readonly rx: Port
  readonly tx: FakePort[]
  readonly memory = allocateCounters(1)
  readonly state = stateOf(this.memory)
  /** What watches found: the marks of single frames, and ids of rings. */
  readonly found: Uint8Array[] = []
  /** What a schedule has told. */
  readonly steps: StepDone[] = []
  readonly inspector: Inspector
  /** How often forward() has asked to do without the inspector, because it is idle. */
  asked = 0
  readonly #direction: Direction

  /** `queues`: of the receiving end. With other ports there is nothing to send, and nothing is delivered. */
  constructor({ queues = 1, rx, tx, held }: { queues?: number; rx?: Port; tx?: Port; held?: Held } = {}) {
    this.rx = rx ?? new FakePort()
    this.tx = Array.from({ length: queues }, () => new FakePort())
    this.state[CARRIER] = 1
    this.state[MTU[1]] = 1500
    const watcher = {
      frame: (_: number, frame: Uint8Array) => void this.found.push(frame),
      frames: () => undefined,
    }
    const counters = blockOf(this.memory, 0, 0)
    const ports = tx === undefined ? this.tx : [tx]
    const effects = effectsOf(this.memory, 0, 0)
    const stepped = (_: 0 | 1, done: StepDone) => void this.steps.push(done)
    const wiring = { stepped, effects, ports, state: this.state, mtu: MTU[1], counters, scratch, watcher }
    this.inspector = new Inspector({ end: 0, ...wiring }, held && (() => held))
    const ends = { rx: this.rx, tx: ports[0] as Port }
    const follow = () => {
      this.asked++
    }
    const adjustable = { ...UNINSPECTED.adjustable, follow }
    this.#direction = { ...UNINSPECTED, adjustable, ...ends, state: this.state, mtu: MTU[1], counters }
    this.#direction.inspector = this.inspector
  }

  /** The end sends a burst. */
  send(...frames: Frame[]): void {
    ;(this.rx as FakePort).incoming.push(frames)
    this.forward()
  }

  forward(): void {
    forward(this.#direction, slab, met)
  }

  /** What was delivered on queue 0, as the wire frames that a receiver makes of it, finished. */
  get delivered(): Buffer[] {
    const { delivered, headers } = this.tx[0] as FakePort
    return delivered.flatMap(({ bytes }, at) => {
      const whole = Buffer.concat([headers[at] as Uint8Array, bytes])
      return wireFrames(whole, VNET_HDR_LEN, bytes.length).map((frame) => Buffer.from(frame))
    })
  }

  /** Sends everything that is held, however long it still had. */
  releaseAll(): number {
    return this.inspector.release(Number.MAX_VALUE)
  }

  get counts() {
    return readBlock(this.memory, 0, 0)
  }
}

export type Judge = (burst: Burst, frame: number) => void

/** A hook that does `judge` to each frame. */
export const each = (judge: Judge) => ({
  judge: (burst: Burst) => {
    for (let i = 0; i < burst.count; i++) judge(burst, i)
  },
})

export function benchOf(judge?: Judge, queues = 1, held?: Held): InspectedBench {
  const bench = new InspectedBench({ queues, ...(held && { held }) })
  if (judge !== undefined) bench.inspector.hooks = [each(judge)]
  bench.inspector.compose()
  return bench
}

/** 60 bytes; the last one is `mark`. */
export function marked(mark: number, length = 60): Frame {
  const bytes = new Uint8Array(length)
  bytes[length - 1] = mark
  return frame(bytes)
}

/** Frames as they stand in a slab after a receive. */
export function received(...frames: Frame[]): { slab: Slab; count: number } {
  const slab = new Slab()
  return { slab, count: new FakePort(frames).receive(slab) }
}

export const marksOf = (frames: Buffer[]) => frames.map((bytes) => bytes.at(-1))
export const lastOf = (burst: Burst, i: number) => burst.frame(i).at(-1) as number

export function impair(bench: InspectedBench, options: object): void {
  const plan = planImpair({ seed: 1, ...options }, 'impair')
  bench.inspector.impair(plan)
  bench.inspector.compose()
}

/** From now on the kernel of the receiving end answers this for each place of a burst. */
export function refusing(bench: InspectedBench, refuse: (slot: number) => number): void {
  ;(bench.tx[0] as FakePort).refuse = refuse
}
