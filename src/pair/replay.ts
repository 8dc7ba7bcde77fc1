// A recording that is put on a cable again, with its own times. Frame after frame goes the way of End.inject(), so
// everything meets them that meets what a kernel sends. Called by end.ts, and by the command, which sends them to a daemon.

import { createReadStream } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { UvethError } from '../errors.js'
import { ETH_HLEN } from '../frame/ethernet.js'
import { formatMac, parseMac } from '../frame/mac.js'
import { LONGEST_FRAME } from '../frame/slab.js'
import { type RecordedPacket, recordedPackets } from '../pcapng/recorded.js'
import { REPLAY } from '../wishes/replay.js'
import type { Given, Read } from '../wishes/shape.js'

export type ReplayOptions = Given<typeof REPLAY>

/** A file, or its bytes as they come. */
export type Recording = string | URL | AsyncIterable<Uint8Array>

export interface ReplayResult {
  /** Put on the cable. */
  frames: number
  /** Not kept whole in the recording, or no frame that a cable carries: left out. */
  unfit: number
}

/** ms. What is due sooner goes at once: timers are no finer. */
const SOON = 1
/** ms. A timer for longer goes off at once. */
const LONGEST_WAIT = 2 ** 31 - 1
/** Frames on their way to the worker. */
const WAITING = 64

/** `inject` resolves when the frame has been judged. `ended`: there is nobody any more to give frames to. */
export async function replay(
  file: Recording,
  options: ReplayOptions,
  inject: (frame: Uint8Array) => Promise<void>,
  ended?: AbortSignal,
): Promise<ReplayResult> {
  const { signal, ...manner } = REPLAY.read(options, '')
  const over = AbortSignal.any([signal, ended].filter((one) => one !== undefined))
  over.throwIfAborted()
  let leave = () => {}
  // Also while bytes of the recording are waited for.
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(over.reason)
    over.addEventListener('abort', leave)
  })
  try {
    return await Promise.race([play(file, manner, inject, over), left])
  } finally {
    over.removeEventListener('abort', leave)
  }
}

async function play(
  file: Recording,
  { speed = 1, from }: Read<typeof REPLAY>,
  inject: (frame: Uint8Array) => Promise<void>,
  signal: AbortSignal,
): Promise<ReplayResult> {
  const result = { frames: 0, unfit: 0 }
  const waiting = new Set<Promise<void>>()
  const begun = performance.now()
  let first: bigint | undefined
  let failure: { error: unknown } | undefined
  for await (const packet of packetsOf(file)) {
    signal.throwIfAborted()
    if (failure !== undefined) break
    // Of the whole recording, so that both ends can play their parts of it at once.
    first ??= packet.time
    if (!isFrom(packet, from)) continue
    if (packet.bytes.length < packet.length || !fits(packet.bytes)) {
      result.unfit++
      continue
    }
    const due = begun + Number(packet.time - first) / 1e6 / speed
    await until(due, signal)
    const judged = inject(packet.bytes)
      .catch((error) => {
        failure ??= { error }
      })
      .finally(() => waiting.delete(judged))
    waiting.add(judged)
    result.frames++
    if (waiting.size >= WAITING) await Promise.all(waiting)
  }
  await Promise.all(waiting)
  if (failure !== undefined) throw failure.error
  return result
}

/** The file is closed when nobody asks for more. */
async function* packetsOf(file: Recording): AsyncGenerator<RecordedPacket> {
  const pieces = piecesOf(file)
  try {
    yield* recordedPackets(pieces)
  } finally {
    await pieces.return(undefined)
  }
}

async function* piecesOf(file: Recording): AsyncGenerator<Uint8Array> {
  try {
    const pieces = typeof file === 'string' || file instanceof URL ? createReadStream(file) : file
    for await (const piece of pieces) yield piece as Uint8Array
  } catch (error) {
    const { code = 'EIO', message } = error as NodeJS.ErrnoException
    throw new UvethError(message, { code, attribute: 'file' })
  }
}

async function until(due: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const wait = due - performance.now()
    if (wait < SOON) return
    await setTimeout(Math.min(wait, LONGEST_WAIT), undefined, { signal })
  }
}

function fits({ length }: Uint8Array): boolean {
  return length >= ETH_HLEN && length <= LONGEST_FRAME
}

/** A frame that came in at an interface was not sent by it. */
function isFrom({ bytes, on, inbound }: RecordedPacket, from: Read<typeof REPLAY>['from']): boolean {
  if (from === undefined) return true
  if (parseMac(from) === undefined) return on === from && !inbound
  return bytes.length >= 12 && formatMac(bytes.subarray(6, 12)) === from.toLowerCase()
}
