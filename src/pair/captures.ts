// The captures of a pair as the thread that owns the pair keeps them: arms the Probe of each (datapath/probe.ts) in
// the worker before anything else, starts the thread that writes it (capture/session.ts), and ends both. What the
// user holds is a Capture. Made by pair.ts.

import { CaptureSession, type CaptureSink } from '../capture/session.js'
import type { CaptureResult } from '../capture/setup.js'
import type { CapturePlan } from '../datapath/adjust.js'
import { invalid } from '../errors.js'
import { planMatch } from '../faults/match-plan.js'
import { parseMac } from '../frame/mac.js'
import type { RingStream, Sighting } from '../ring/stream.js'
import { CAPTURE, FILTER, SIGHTINGS, TARGET } from '../wishes/capture.js'
import { keepTo, take } from '../wishes/limits.js'
import { at, checked } from '../wishes/shape.js'
import type { CaptureDossier } from './dossier.js'
import type { End } from './end.js'
import type { Inspection } from './inspection.js'
import type { CaptureTarget, CaptureWish, SightingsWish } from './options.js'

/** Bytes of a frame; more than the longest has. */
const SNAPLEN = 262_144
/** Bytes between worker and writer thread: what a slow sink may be behind. */
const RING_BYTES = 4 * 1024 * 1024
/** Less might not hold the longest frame. */
const SMALLEST_RING = 256 * 1024

/** Recorded in the worker, not written yet. */
type Armed = CapturePlan
type GiveBack = () => void

/** Who hears how a capture that ran has ended; `path` is that of its file. */
interface Told {
  /** It could not be written on. */
  failed(path: string | undefined, error: Error): void
  /** It is complete but for so many frames. */
  lost(path: string | undefined, lost: number): void
}

/** A capture that runs. */
export class Capture implements AsyncDisposable {
  readonly #session: CaptureSession
  readonly #disarm: () => Promise<void>

  constructor(session: CaptureSession, disarm: () => Promise<void>) {
    this.#session = session
    this.#disarm = disarm
  }

  /** Resolves when the file is complete: stopped, the pair ended, or the reader of a pipe left. */
  get finished(): Promise<CaptureResult> {
    return this.#session.finished
  }

  /** Ends it: everything that passed before is in the file when it resolves. Any number of times. */
  async stop(): Promise<CaptureResult> {
    await this.#disarm()
    return await this.#session.end()
  }

  /** For its makers. */
  static session(capture: Capture): CaptureSession {
    return capture.#session
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

export class Captures {
  readonly #inspection: Inspection
  readonly #told: Told
  readonly #running = new Set<Capture>()
  /** What the limits count, by the capture's number: given back when its file is complete. */
  readonly #counted = new Map<number, GiveBack>()
  /** Of a pair that goes on as another one: recorded, and not written yet. */
  readonly #kept = new Map<number, Armed>()
  #over = false

  constructor(inspection: Inspection, told: Told) {
    this.#inspection = inspection
    this.#told = told
  }

  /** From here on frames are recorded, into memory at first. */
  arm(wish: CaptureWish, attribute = ''): Armed {
    const { ringBytes, ...wanted } = planCapture(wish, attribute)
    keepTo('pair_captures', this.#counted.size + 1)
    return this.#count(() => this.#inspection.addCapture(wanted, ringBytes, at(attribute, 'ringBytes')))
  }

  /** Those of an earlier pair, each with a ring of its own: they wait for again(). */
  keep(captures: readonly CaptureDossier[]): Armed[] {
    for (const { ringBytes, ...wanted } of captures) {
      const arm = () => ({ ...wanted, ring: this.#inspection.rings.open(ringBytes, 'ringBytes') })
      this.#kept.set(wanted.id, this.#count(arm))
    }
    return [...this.#kept.values()]
  }

  /** One of those, which is written from now on. */
  async again(id: number, sink: CaptureSink, a: End, b: End): Promise<Capture> {
    const armed = this.#kept.get(id)
    if (armed === undefined) throw invalid(`no capture ${id} waits to be written`, 'id', 'ENOENT')
    this.#kept.delete(id)
    return await this.start(armed, sink, a, b)
  }

  #count(arm: () => Armed): Armed {
    const giveBack = take('captures')
    try {
      const plan = arm()
      this.#counted.set(plan.id, () => {
        giveBack()
        this.#inspection.rings.close(plan.ring)
      })
      return plan
    } catch (error) {
      giveBack()
      throw error
    }
  }

  /** It was armed in vain, or has ended. */
  #giveBack(id: number): void {
    this.#counted.get(id)?.()
    this.#counted.delete(id)
  }

  /** The pair could not be made: nothing that was armed is started. */
  abandon(): void {
    for (const id of this.#counted.keys()) this.#giveBack(id)
  }

  /** Records without a file, for who reads them in this thread. */
  sightings(wish: SightingsWish): RingStream<Sighting> {
    const { ringBytes, ...wanted } = planCapture(checked(SIGHTINGS, wish))
    wanted.delivered = true
    return this.#inspection.sightings(this.#inspection.addCapture(wanted, ringBytes, 'ringBytes'))
  }

  /** Starts to write what is recorded. Resolves when the sink is open; on failure nothing is armed any more. */
  async start(armed: Armed, sink: CaptureSink, a: End, b: End): Promise<Capture> {
    const { id, ring, ends, snaplen } = armed
    const about = (letter: 'a' | 'b', end: End) => ({
      name: nameOf(end),
      mac: parseMac(end.address) as Uint8Array,
      description: `end ${letter}: ${placed(end)}, peer ${placed(end.peer)}`,
    })
    const interfaces = {
      ...(ends.a && { a: about('a', a) }),
      ...(ends.b && { b: about('b', b) }),
    }
    const disarm = () => this.#inspection.removeCapture(id)
    let session: CaptureSession
    try {
      session = new CaptureSession({ ring, sink, interfaces, snaplen })
    } catch (error) {
      this.#giveBack(id)
      await disarm()
      throw error
    }
    const capture = new Capture(session, disarm)
    this.#running.add(capture)
    const over = () => {
      this.#running.delete(capture)
      this.#giveBack(id)
      void disarm()
    }
    session.finished.then(over, over)
    if (this.#over) void session.end() // the pair ended while it was made
    await session.ready
    const path = typeof sink === 'object' && 'path' in sink ? sink.path : undefined
    session.finished.then(
      ({ lost }) => lost > 0 && this.#told.lost(path, lost),
      (error: Error) => this.#told.failed(path, error),
    )
    return capture
  }

  /** The pair has ended: resolves when all files are complete. */
  async close(): Promise<void> {
    this.#over = true
    for (const id of this.#kept.keys()) this.#giveBack(id)
    await Promise.allSettled([...this.#running].map((capture) => Capture.session(capture).end()))
  }
}

/** What a capture into a stream has written. Leaving the loop ends it, and `signal` does. */
export async function* chunksOf(capture: Capture, signal?: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const stop = () => void capture.stop().catch(() => {}) // whoever reads hears of it
  signal?.addEventListener('abort', stop, { once: true })
  try {
    if (signal?.aborted) stop()
    yield* Capture.session(capture).chunks()
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

/** Two ends of one name are told apart by where they are. */
function nameOf({ name, netns, peer }: End): string {
  return name === peer.name && netns !== null ? `${name}@${netns}` : name
}

function placed({ name, netns }: End): string {
  return netns === null ? name : `${name} netns ${netns}`
}

/** Checks where a capture goes, before anything starts. */
export function planTarget(
  target: string | CaptureTarget,
  attribute = '',
): { wish: CaptureWish; sink: CaptureSink } {
  const { path, rotate } = TARGET.read(target, attribute)
  const { path: _, rotate: __, ...wish } = typeof target === 'string' ? { path } : target
  return { wish, sink: { path, rotate } }
}

function planCapture(
  wish: CaptureWish,
  attribute = '',
): Omit<CapturePlan, 'id' | 'ring'> & { ringBytes: number } {
  const { end, both = false, snaplen = SNAPLEN, ringBytes = RING_BYTES } = CAPTURE.read(wish, attribute)
  if (both && end !== undefined)
    throw invalid(
      `both does not go with one end: ${end} has what it sends and what it is given`,
      at(attribute, 'both'),
    )
  return {
    ringBytes: Math.max(ringBytes, SMALLEST_RING),
    ends: { a: end !== 'b', b: end !== 'a' },
    delivered: both || end !== undefined,
    match: wish.match === undefined ? null : planMatch(wish.match, at(attribute, 'match'), FILTER),
    snaplen,
  }
}
