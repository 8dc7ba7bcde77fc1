// Recordings without a cable: the frames of a test go to a capture's writer thread as a worker's would.
// Needs the built package (the writer thread's entry) and no root.

import { type CaptureOptions, type CaptureSession, startCapture } from '../../dist/capture/session.js'
import { Probe } from '../../dist/datapath/probe.js'
import { Burst } from '../../dist/frame/burst.js'
import { Slab } from '../../dist/frame/slab.js'
import { ETH_P, ethernet, filler } from './frames.js'

export const interfaces = {
  a: { name: 'veth0', mac: Uint8Array.of(2, 0, 0, 0, 0, 1), description: 'end a of veth0' },
  b: { name: 'veth1', mac: Uint8Array.of(2, 0, 0, 0, 0, 2) },
}
/** Of 1,000 bytes. */
export const FRAME = ethernet(ETH_P.EXPERIMENT, filler(986))

const slab = new Slab()

/** Records frames as if end a had sent them in one burst. */
export class Recording {
  readonly session: CaptureSession
  readonly probe: Probe
  number = 0

  constructor(session: CaptureSession) {
    this.session = session
    this.probe = new Probe(session.plan)
  }

  static async start(options: Partial<CaptureOptions> & Pick<CaptureOptions, 'sink'>): Promise<Recording> {
    return new Recording(await startCapture({ id: 1, interfaces, ...options }))
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
        Float64Array.of(this.number - 1, performance.now(), burst.delays[0] as number),
      )
    }
    this.probe.flush()
  }

  /** Frames of which each has one record. */
  sendOnly(count: number): void {
    for (let i = 0; i < count; i++) this.send(FRAME, (burst) => burst.drop(0, 'loss'))
  }
}
