// Frames that are held, and memory for them in small chunks, which a test fills: for unit tests of what holds them.

import { Cells } from '../../src/datapath/cells.js'
import { type Held, UNTIL, WAIT } from '../../src/datapath/held.js'
import { FrameMemory, Share } from '../../src/frame/memory.js'
import { LONGEST_FRAME, SLOTS_OFFSET, VNET_HDR_LEN } from '../../src/frame/slab.js'

export const SMALL_CHUNK = 512 * 1024
/** Frames of up to 1,981 bytes that it has cells for. */
export const IN_A_CHUNK = Math.floor((SMALL_CHUNK - SLOTS_OFFSET) / 2048)
/** Bytes for what is known of each frame, beside the chunks; less than a piece of one. */
const ENTRIES = 100 * 1024

/** `chunks` at most: a pair that is alone has half of what there is. */
export function smallCells(chunks: number, memory = new FrameMemory()): Cells {
  memory.bound = 2 * (chunks * SMALL_CHUNK + ENTRIES)
  return new Cells({ share: new Share(memory), chunk: SMALL_CHUNK })
}

export interface Wish {
  due: number
  length: number
  number: number
  queue?: number
  delay?: number
}

const bytes = new Uint8Array(VNET_HDR_LEN + LONGEST_FRAME)

export function hold(held: Held, { due, length, number, queue = 0, delay = 0 }: Wish): boolean {
  bytes.fill(number & 0xff, VNET_HDR_LEN, VNET_HDR_LEN + length)
  held.times[UNTIL] = due
  held.times[WAIT] = delay
  const done = held.hold(bytes, VNET_HDR_LEN, length, number, queue)
  held.flush()
  return done
}

/** Takes out the next one, and says what is known of it. */
export function take(held: Held): Wish & { fill: number[] } {
  const { next: due, nextLength: length, nextQueue: queue } = held
  const [numbers, delays] = [new Float64Array(1), new Float64Array(1)]
  held.tell({ numbers, delays, frames: new Int32Array(1), bytes: new Int32Array(1) }, 0)
  const [[number], [delay]] = [numbers, delays] as unknown as [[number], [number]]
  const { nextChunk: chunk, nextStart: start } = held
  const bytes = chunk.bytes.slice(start, start + length)
  held.pop()
  held.free(chunk, start)
  return { due, length, number, queue, delay, fill: [...new Set(bytes)] }
}

export function takeAll(held: Held): ReturnType<typeof take>[] {
  return Array.from({ length: held.count }, () => take(held))
}
