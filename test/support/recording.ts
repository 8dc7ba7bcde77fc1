// Recordings without a cable: the frames of a test go to a capture's writer thread as a worker's would.
// Needs the built package (the writer thread's entry) and no root.

import { CaptureSession, type SessionOptions } from '../../dist/capture/session.js'
import { Probe } from '../../dist/datapath/probe.js'
import { Burst } from '../../dist/frame/burst.js'
import { Slab } from '../../dist/frame/slab.js'
import { createRing } from '../../dist/ring/ring.js'
import { ETH_P, ethernet, filler } from './frames.js'

const interfaces = {
  a: { name: 'veth0', mac: Uint8Array.of(2, 0, 0, 0, 0, 1), description: 'end a of veth0' },
  b: { name: 'veth1', mac: Uint8Array.of(2, 0, 0, 0, 0, 2) },
}
/** Of 1,000 bytes. */
export const FRAME = ethernet(ETH_P.EXPERIMENT, filler(986))

interface Wish {
  sink: SessionOptions['sink']
  snaplen?: number
  ringBytes?: number
}

const slab = new Slab()

/** Records frames as if end a had sent them in one burst. */
export class Recording {
  readonly session: CaptureSession
  readonly probe: Probe
  number = 0

  constructor({ sink, snaplen = 262_144, ringBytes = 2 ** 22 }: Wish) {
    const ring = createRing(ringBytes)
    this.session = new CaptureSession({ ring, sink, interfaces, snaplen })
    this.probe = new Probe({ id: 1, ring, ends: { a: true, b: true }, delivered: true, match: null, snaplen })
  }

  static async start(wish: Wish): Promise<Recording> {
    const recording = new Recording(wish)
    await recording.session.ready
    return recording
  }

  send(frame: Uint8Array = FRAME, judge: (burst: Burst) => void = () => {}): void {
    const burst = new Burst()
    burst.begin(slab, performance.now())
    slab.bytes.set(frame, 4160)
    burst.push(4160, frame.length, this.number++)
    judge(burst)
    this.probe.sent(burst, 0)
    if (burst.passes(0)) {
      this.probe.delivered(
        1,
        slab.bytes,
        4160,
        frame.length,
        Float64Array.of(this.number - 1, performance.now(), burst.delays[0] as number, 1),
      )
    }
    this.probe.flush()
  }

  /** Frames of which each has one record. */
  sendOnly(count: number): void {
    for (let i = 0; i < count; i++) this.send(FRAME, (burst) => burst.drop(0, 'loss'))
  }
}
