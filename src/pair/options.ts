// What users ask for of pairs and their ends, checked by its shape (wishes/) and completed with defaults: makes the
// link thread's plans. Called by pair.ts and end.ts, before anything native is entered.

import { invalid, UvethError } from '../errors.js'
import { ETH_HLEN } from '../frame/ethernet.js'
import { LONGEST_FRAME } from '../frame/slab.js'
import type { EndChange, EndPlan, PairPlan } from '../link/protocol.js'
import { type NetnsPlace, placeOf } from '../netns/names.js'
import type { CAPTURE, CAPTURE_STREAM, SIGHTINGS, TARGET } from '../wishes/capture.js'
import { type END, NETNS, type Netns, PAIR, SETTING } from '../wishes/end.js'
import { type Given, type Read, wrong } from '../wishes/shape.js'
import { FLAP, WAIT } from '../wishes/times.js'

export type PairOptions = Given<typeof PAIR>
export type EndOptions = Given<typeof END>
/** What can be changed of an end; the same meanings as in EndOptions. */
export type EndSettings = Given<typeof SETTING>
/** What is captured, and how much of it. */
export type CaptureWish = Given<typeof CAPTURE>
export type SightingsWish = Given<typeof SIGHTINGS>
export type CaptureTarget = Exclude<Given<typeof TARGET>, string>
export type CaptureStreamWish = Given<typeof CAPTURE_STREAM>
export type WaitOptions = Given<typeof WAIT>

const DEFAULT_NAME = 'veth%d'
const DEFAULT_MTU = 1500
/**
 * What veth takes at once from a program is to find room while the worker is on its way: of 20,000 datagrams some 6,000
 * wait for it; with the kernel's 1000 the others of them were dropped. A queue fills only when the worker is late: in a
 * flood of short frames a ping then waited some 30 ms instead of 5. An end has 8 bytes for each place in four arrays,
 * which the kernel makes as large as the next power of two: 0.6 MB for a pair (0.16 with 1000, 1.1 with 10,000).
 */
const DEFAULT_TX_QUEUE_LENGTH = 8192

export function planPair(options: PairOptions): PairPlan {
  const { a = {}, b = {}, queues = 1, quiet = false, inline = false } = PAIR.read(options, '')
  if (inline && queues > 1) throw invalid('an inline pair has one queue', 'queues')
  return { ends: [planEnd(a), planEnd(b)], queues, quiet, inline }
}

/** What is done to frames is planned by chain.ts. */
function planEnd({ impair: _, schedule: __, rules: ___, netns = null, ...end }: Read<typeof END>): EndPlan {
  const defaults = {
    name: DEFAULT_NAME,
    mtu: DEFAULT_MTU,
    txQueueLength: DEFAULT_TX_QUEUE_LENGTH,
    up: false,
    addresses: [],
    dad: false,
  }
  return {
    ...defaults,
    ifindex: undefined,
    address: undefined,
    ...end,
    netns: placeOf(netns),
  }
}

/** Checks settings of an end; `end` is what messages call it. */
export function planChange(options: EndSettings, end: string): EndChange {
  return SETTING.read(options, end)
}

export function planNetns(netns: Netns, attribute: string): NetnsPlace {
  return placeOf(NETNS.read(netns, attribute))
}

const DEFAULT_WAIT = 5_000
/** ms; 25 days. Node's timers go off at once when they are asked for more. */
const LONGEST_TIMER = 2 ** 31 - 1

export function planWait(options: WaitOptions): { timeout: number; signal: AbortSignal | undefined } {
  const { timeout = DEFAULT_WAIT, signal } = WAIT.read(options, '')
  return { timeout: timeout === 0 || timeout > LONGEST_TIMER ? Number.POSITIVE_INFINITY : timeout, signal }
}

export function planFrame(frame: Uint8Array): Uint8Array {
  if (!(frame instanceof Uint8Array)) throw wrong('frame', 'a Uint8Array', frame)
  if (frame.length < ETH_HLEN || frame.length > LONGEST_FRAME) {
    const range = `${ETH_HLEN} to ${LONGEST_FRAME} bytes long, its Ethernet header included`
    throw invalid(`a frame is ${range}: this one has ${frame.length}`, 'frame')
  }
  return frame
}

/** Carrier goes for `ms`, `times` times. */
export type FlapPlan = Required<Given<typeof FLAP>>

export function planFlap(ms: number, times: number): FlapPlan {
  return { times, ...FLAP.read({ ms, times }, '') }
}

/** A module that import() takes: not a relative path, which would mean one of ours. */
export function hookUrl(url: URL | string): string {
  const text = String(url)
  if (url instanceof URL || /^(file|data|node):/.test(text)) return text
  throw wrong('hook', 'the URL of a module, as new URL(path, import.meta.url) makes it', url)
}

/** In one line: `why` may be a stack. */
export function hookError(url: string, why: string): UvethError {
  const [reason = ''] = why.split('\n')
  const name = url.startsWith('data:') ? 'data:…' : url
  return new UvethError(`EINVAL: the hook ${name} cannot be used: ${reason}`, {
    code: 'EINVAL',
    attribute: 'hook',
  })
}

/** As a module in another thread gets them. */
export function plainOptions(options: unknown): unknown {
  try {
    return structuredClone(options)
  } catch (error) {
    throw invalid(
      `a hook's options cross threads, so they are plain data: ${(error as Error).message}`,
      'options',
    )
  }
}
