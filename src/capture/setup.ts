// What the main thread (session.ts, writer.ts) and the writer thread (thread.ts) say to each other. Plain data. The
// end is not said here but in the ring, which is what the writer thread waits for.

import type { WireError } from '../errors.js'
import type { InterfaceInfo } from '../pcapng/blocks.js'
import type { ROTATION } from '../wishes/capture.js'
import type { Given } from '../wishes/shape.js'

/** When to go on in another file; at least one of bytes and seconds. */
export type Rotation = { [K in keyof Given<typeof ROTATION>]: Given<typeof ROTATION>[K] | undefined }

/** Where the blocks go. */
export type SinkPlan =
  /** A file or a named pipe; with `rotate`, files `name-00001.pcapng` and so on. */
  | { kind: 'path'; path: string; rotate?: Rotation | undefined }
  /** An open descriptor, which stays the caller's. */
  | { kind: 'fd'; fd: number }
  /** Chunks for the main thread; `credit` is a StreamCredit's memory. */
  | { kind: 'stream'; credit: SharedArrayBuffer }

export interface RecorderSetup {
  ring: SharedArrayBuffer
  sink: SinkPlan
  /** Of end a and of end b; null where that end is not captured. */
  interfaces: [a: InterfaceInfo | null, b: InterfaceInfo | null]
  snaplen: number
}

export interface CaptureResult {
  /** Frames written. */
  records: number
  /** Frames that found no room in the ring, because the sink was slow. */
  lost: number
  /** Bytes written, in all files together. */
  bytes: number
  /** The files, in their order, without those that were removed; empty for a descriptor or a stream. */
  files: string[]
}

/** A message, and the number of the capture that it is about. */
export type Said = CaptureMessage & { id: number }

export type CaptureMessage =
  /** The sink is open, or waits for its reader; the section's header is on its way. */
  | { event: 'ready' }
  | { event: 'chunk'; bytes: Uint8Array }
  | { event: 'finished'; result: CaptureResult }
  | { event: 'failed'; error: WireError }
