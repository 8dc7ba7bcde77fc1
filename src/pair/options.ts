// What users may ask for: types with their defaults, and the checks that refuse bad wishes before
// anything native is entered. Called by pair.ts and end.ts; makes the link thread's plans.

import type { Rotation } from '../capture/setup.js'
import { invalid, UvethError } from '../errors.js'
import type { ImpairOptions } from '../faults/impair-plan.js'
import type { Match } from '../faults/match.js'
import type { RuleOptions } from '../faults/rule-plan.js'
import { ETH_HLEN, MAX_MTU, MIN_MTU } from '../frame/ethernet.js'
import { isUnicast, parseMac, randomMac } from '../frame/mac.js'
import { LONGEST_FRAME } from '../frame/slab.js'
import { workerCount } from '../link/link.js'
import type { EndChange, EndPlan, PairPlan } from '../link/protocol.js'
import { type Cidr, parseCidr } from '../netlink/address.js'
import type { NetnsPath } from '../netns/names.js'

/**
 * A network namespace: a name made with `ip netns add`, a path of a namespace file (it contains a
 * `/`), a process id, or null for the namespace that this process started in.
 */
export type Netns = string | number | null

export interface EndOptions {
  /** 1 to 15 bytes; `%d` asks the kernel for a free number. Default `veth%d`. */
  name?: string
  /** Default: null, the namespace that this process started in. */
  netns?: Netns
  /** Interface index, 1 to 2^31 - 1, free in the end's namespace. Default: the kernel chooses. */
  ifindex?: number
  /** Addresses with prefix length: `10.0.0.1/24`, `fd00::1/64`. */
  addresses?: string[]
  /** Set the link up. Default false, as after `ip link add`. */
  up?: boolean
  /** MAC address. Default: random, locally administered. */
  address?: string
  /** L3 payload in bytes, 68 to 65,521. Default 1500. */
  mtu?: number
  /**
   * Frames that the kernel keeps for us before it drops. Default 1000; for both ends of a pair that is made with
   * an impairment, a rule or a capture 10,000, since TCP without offloads overflows 1000.
   */
  txQueueLength?: number
  /** Do duplicate address detection for IPv6 addresses; they are not usable for about a second. */
  dad?: boolean
  /** Degrades what this end sends, from its first frame (End.impair). */
  impair?: ImpairOptions
  /** For single frames that this end sends, in their order, from its first frame (End.addRule). */
  rules?: readonly RuleOptions[]
}

/** The part of pino's interface that is used; a pino logger fits. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface PairOptions {
  /** What the pair is called: unique in this process. Default: the name of `a`, with a suffix if need be. */
  id?: string
  a?: EndOptions
  b?: EndOptions
  /** Queues of each end, at most the number of workers. Default 1. */
  queues?: number
  /** No IPv6 chatter from fresh links (addr_gen_mode none). Default false. */
  quiet?: boolean
  /**
   * Forward on the event loop of the thread that calls, so that hooks can be functions of it (End.use).
   * While that thread is busy nothing is forwarded. Default false.
   */
  inline?: boolean
  /** Capture into this file from the first frame (Pair.capture). */
  capture?: string | CaptureTarget
  /** Default: silent. */
  logger?: Logger
  /** Ends the pair, or its creation. */
  signal?: AbortSignal
}

/** What can be changed of an end; the same meanings as in EndOptions. */
export type EndSettings = Omit<EndOptions, 'netns' | 'ifindex' | 'impair' | 'rules'>

/** What is captured, and how much of it. */
export interface CaptureWish {
  /** Default: both ends, each an interface of the file. */
  end?: 'a' | 'b'
  /** Only frames that match (without nth, every and first). */
  match?: Match
  /** Bytes kept of each frame; default: all. */
  snaplen?: number
  /** Bytes that may wait for the file; default 4 MiB. What finds no room is lost, and counted. */
  ringBytes?: number
}

/** Into a file, which is replaced, or a named pipe. */
export interface CaptureTarget extends CaptureWish {
  path: string
  /** A ring of files by size or time. */
  rotate?: Rotation
}

export interface CaptureStreamWish extends CaptureWish {
  /** Ends it. */
  signal?: AbortSignal
}

export interface WaitOptions {
  /** ms. Default 5,000; 0 or Infinity: no end. */
  timeout?: number
  signal?: AbortSignal
}

const DEFAULT_NAME = 'veth%d'
const DEFAULT_MTU = 1500
const DEFAULT_TX_QUEUE_LENGTH = 1000
/**
 * Of a pair that is inspected from the beginning: without offloads a TCP stream overflows 1000 in every run and
 * 10,000 in none, and changing it later loses frames (test/kernel/25).
 */
const INSPECTED_TX_QUEUE_LENGTH = 10_000
const MAX_TX_QUEUE_LENGTH = 1_000_000
const MAX_IFINDEX = 2 ** 31 - 1
/** IFNAMSIZ, without the terminator. */
const MAX_NAME_BYTES = 15

const END_KEYS = ['name', 'netns', 'addresses', 'up', 'address', 'mtu', 'txQueueLength', 'dad']
const PAIR_KEYS = ['id', 'a', 'b', 'queues', 'quiet', 'inline', 'capture', 'logger', 'signal']

export function planPair(options: PairOptions): PairPlan {
  refuseUnknown(options, PAIR_KEYS, '')
  if (options.id !== undefined) checkId(options.id)
  const queues = options.queues ?? 1
  const workers = workerCount()
  if (!Number.isInteger(queues) || queues < 1 || queues > workers) {
    throw invalid(`queues must be from 1 to the number of workers (${workers}), not ${queues}`, 'queues')
  }
  const quiet = boolean(options.quiet, 'quiet') ?? false
  const inline = boolean(options.inline, 'inline') ?? false
  if (inline && queues > 1) throw invalid('an inline pair has one queue', 'queues')
  const { a = {}, b = {}, capture } = options
  const wishes = [a.impair, b.impair, a.rules?.[0], b.rules?.[0], capture]
  const inspected = wishes.some((wish) => wish !== undefined)
  const txqlen = inspected ? INSPECTED_TX_QUEUE_LENGTH : DEFAULT_TX_QUEUE_LENGTH
  return { ends: [planEnd(a, 'a', txqlen), planEnd(b, 'b', txqlen)], queues, quiet, inline }
}

function planEnd(options: EndOptions, end: string, txqlen: number): EndPlan {
  refuseUnknown(options, [...END_KEYS, 'ifindex', 'impair', 'rules'], end)
  const { ifindex, impair: _, rules: __, ...settings } = options // chain.ts plans what is done to frames
  const change = planChange(settings, end)
  return {
    name: change.name ?? DEFAULT_NAME,
    netns: netnsPath(options.netns ?? null, `${end}.netns`),
    ifindex: ifindex === undefined ? undefined : integer(ifindex, 1, MAX_IFINDEX, `${end}.ifindex`),
    address: change.address ?? randomMac(),
    mtu: change.mtu ?? DEFAULT_MTU,
    txQueueLength: change.txQueueLength ?? txqlen,
    up: change.up ?? false,
    addresses: change.addresses ?? [],
    dad: change.dad ?? false,
  }
}

/** Checks settings of an end; `end` is what messages call it. */
export function planChange(options: EndSettings, end: string): EndChange {
  refuseUnknown(options, END_KEYS, end)
  const at = (key: string) => `${end}.${key}`
  const { name, address, mtu, txQueueLength, addresses } = options
  return {
    name: name === undefined ? undefined : checkName(name, at('name')),
    address: address === undefined ? undefined : checkMac(address, at('address')),
    mtu: mtu === undefined ? undefined : integer(mtu, MIN_MTU, MAX_MTU, at('mtu')),
    txQueueLength:
      txQueueLength === undefined
        ? undefined
        : integer(txQueueLength, 1, MAX_TX_QUEUE_LENGTH, at('txQueueLength')),
    up: boolean(options.up, at('up')),
    dad: boolean(options.dad, at('dad')),
    addresses: addresses === undefined ? undefined : checkAddresses(addresses, at('addresses')),
  }
}

export function netnsPath(netns: Netns, attribute: string): NetnsPath {
  if (netns === null) return null
  if (typeof netns === 'number') {
    if (Number.isInteger(netns) && netns > 0) return `/proc/${netns}/ns/net`
  } else if (typeof netns === 'string') {
    if (netns.includes('\0')) throw invalid('a namespace path has no NUL', attribute)
    if (netns.includes('/')) return netns
    if (netns !== '' && netns !== '.' && netns !== '..') return `/run/netns/${netns}`
  }
  throw invalid(
    `${show(netns)} is no network namespace: give a name, a path, a process id or null`,
    attribute,
  )
}

const DEFAULT_WAIT = 5_000
/** ms; 25 days. Node's timers go off at once when they are asked for more. */
const LONGEST_TIMER = 2 ** 31 - 1

export function planWait(options: WaitOptions): { timeout: number; signal: AbortSignal | undefined } {
  refuseUnknown(options, ['timeout', 'signal'], 'options')
  const { timeout = DEFAULT_WAIT, signal } = options
  if (typeof timeout !== 'number' || !(timeout >= 0))
    throw invalid(`timeout must be milliseconds, 0 or more, not ${show(timeout)}`, 'timeout')
  return { timeout: timeout === 0 || timeout > LONGEST_TIMER ? Number.POSITIVE_INFINITY : timeout, signal }
}

export function planFrame(frame: Uint8Array): Uint8Array {
  if (!(frame instanceof Uint8Array)) throw invalid(`frame must be a Uint8Array, not ${show(frame)}`, 'frame')
  if (frame.length < ETH_HLEN || frame.length > LONGEST_FRAME) {
    const range = `${ETH_HLEN} to ${LONGEST_FRAME} bytes long, its Ethernet header included`
    throw invalid(`a frame is ${range}: this one has ${frame.length}`, 'frame')
  }
  return frame
}

const MAX_FLAPS = 1_000_000

export function planFlap(ms: number, times: number): { ms: number; times: number } {
  if (typeof ms !== 'number' || !(ms > 0 && ms <= 86_400_000))
    throw invalid(`a flap takes milliseconds, more than 0 and at most a day, not ${show(ms)}`, 'flap')
  return { ms, times: integer(times, 1, MAX_FLAPS, 'times') }
}

/** A module that import() takes: not a relative path, which would mean one of ours. */
export function hookUrl(url: URL | string): string {
  const text = String(url)
  if (url instanceof URL || /^(file|data|node):/.test(text)) return text
  throw invalid(`${show(url)} is no URL of a module: give new URL(path, import.meta.url)`, 'hook')
}

function checkId(id: unknown): void {
  if (typeof id === 'string' && /^[^\s/]{1,64}$/.test(id)) return
  throw invalid(`id ${show(id)} must be 1 to 64 characters without "/" and white space`, 'id')
}

function checkName(name: unknown, attribute: string): string {
  const refuse = (why: string) => invalid(`interface name ${show(name)} ${why}`, attribute)
  if (typeof name !== 'string') throw refuse('is not a string')
  if (name === '') throw refuse('is empty: give 1 to 15 bytes')
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_NAME_BYTES) throw refuse(`is ${bytes} bytes long: at most ${MAX_NAME_BYTES} are allowed`)
  if (name === '.' || name === '..') throw refuse('is not allowed')
  if (/[/:\s\0]/.test(name)) throw refuse('contains a "/", a ":" or white space')
  if (/%/.test(name.replace('%d', ''))) throw refuse('may contain "%" only once, as "%d"')
  return name
}

function checkMac(text: unknown, attribute: string): Uint8Array {
  const mac = typeof text === 'string' ? parseMac(text) : undefined
  if (mac === undefined) throw invalid(`${show(text)} is no MAC address like 02:00:00:00:00:01`, attribute)
  if (!isUnicast(mac))
    throw invalid(`MAC address ${text} is multicast or zero: an interface needs a unicast one`, attribute)
  return mac
}

function checkAddresses(addresses: unknown, attribute: string): Cidr[] {
  if (!Array.isArray(addresses))
    throw invalid(`addresses must be an array of texts like 10.0.0.1/24`, attribute)
  return addresses.map((text: unknown) => {
    const cidr = typeof text === 'string' ? parseCidr(text) : undefined
    if (cidr === undefined)
      throw invalid(`${show(text)} is no address like 10.0.0.1/24 or fd00::1/64`, attribute)
    return cidr
  })
}

function integer(value: unknown, min: number, max: number, attribute: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw invalid(`${attribute} must be a whole number from ${min} to ${max}, not ${show(value)}`, attribute)
}

function boolean(value: unknown, attribute: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid(`${attribute} must be true or false, not ${show(value)}`, attribute)
}

function refuseUnknown(options: unknown, known: string[], where: string): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`${where || 'options'} must be an object, not ${show(options)}`, where)
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  const attribute = where === '' ? unknown : `${where}.${unknown}`
  throw invalid(`unknown option ${attribute}: there are ${known.join(', ')}`, attribute)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
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
