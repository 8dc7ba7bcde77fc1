// What orders carry, as JSON Schema, from which their types are derived; and what answers show. Part of the
// table of operations (ops.ts): plain objects, nothing to load.

import type { FromSchema } from 'json-schema-to-ts'
import type { ImpairPlan, Match, RuleAction, RuleStats } from '../index.js'

const text = (description: string) => ({ type: 'string', description }) as const
const flag = (description: string) => ({ type: 'boolean', description }) as const
const whole = (description: string) => ({ type: 'integer', description }) as const

/** A network namespace as an order names it. */
const netns = {
  description:
    'network namespace: a name under /run/netns, a path, a process id, or null for the one that the daemon started in; left out: the one that the order comes from',
  anyOf: [{ type: 'string' }, { type: 'integer', minimum: 1 }, { type: 'null' }],
} as const

/**
 * Impairments, in netem's words. Their values are numbers, words as tc has them or objects: the library checks
 * them (faults/impair-plan.ts).
 */
export const IMPAIR = {
  type: 'object',
  properties: {
    delay: { description: "ms, '10ms', or {time, jitter, correlation, distribution}" },
    loss: {
      description: "percent, '1%', or {random, correlation}, {gemodel: {p, r, h, k}}, {state: {p13, …}}",
    },
    duplicate: { description: 'percent, or {probability, correlation}' },
    reorder: { description: 'percent, or {probability, correlation, gap}' },
    corrupt: { description: 'percent, or {probability, correlation}' },
    rate: { description: "bits per second, '10mbit', or {rate, burst, overhead, cellSize, cellOverhead}" },
    slot: { description: '{min, max, packets, bytes} or {distribution, delay, jitter, packets, bytes}' },
    limit: { description: 'frames held at most; default 1000' },
    seed: { description: 'the same seed hits the same frames; default: random' },
  },
} as const
export type ImpairWish = FromSchema<typeof IMPAIR>

export const RULE_WISH = {
  type: 'object',
  additionalProperties: false,
  required: ['action'],
  properties: {
    action: {
      type: 'object',
      description:
        "{kind: 'drop'}, {kind: 'delay', ms}, {kind: 'duplicate', copies} or {kind: 'corrupt', offset, mask, bits, seed}",
    },
    match: {
      type: 'object',
      description:
        'which frames, of those that the end sends: ethertype, src, dst, vlan, ip, arp, tcp, udp, icmp, bytes, length, nth, every, first; left out: all',
    },
  },
} as const

/** A rule as it is ordered; the library checks both parts (faults/rule-plan.ts). */
export interface RuleWish {
  action: RuleAction
  match?: Match
}

const endProperties = {
  name: text('interface name, 1 to 15 bytes; %d asks the kernel for a free number'),
  netns,
  ifindex: whole('interface index, at creation only; the kernel chooses when left out'),
  address: text('MAC address; random when left out'),
  mtu: whole('L3 payload in bytes, 68 to 65521'),
  up: flag('admin up'),
  addresses: {
    type: 'array',
    items: { type: 'string' },
    description: 'IP addresses with prefix length, added to the end: 10.0.0.1/24',
  },
  txQueueLength: whole('frames that the kernel keeps for the cable before it drops'),
  dad: flag('duplicate address detection for IPv6 addresses'),
  impair: {
    anyOf: [IMPAIR, { type: 'null' }],
    description: 'what is done to frames that the end sends; in a change a JSON merge patch',
  },
  rules: {
    type: 'array',
    items: RULE_WISH,
    description: 'for single frames that the end sends, in their order; at creation only',
  },
} as const

export const END_WISH = { type: 'object', additionalProperties: false, properties: endProperties } as const
export type EndWish = Omit<FromSchema<typeof END_WISH>, 'rules'> & { rules?: RuleWish[] }

export const PAIR_WISH = {
  type: 'object',
  additionalProperties: false,
  properties: {
    id: text('default: the name of end a, with a suffix when it is in use'),
    a: END_WISH,
    b: END_WISH,
    queues: whole('queues of each end, at most the number of workers'),
    quiet: flag('no IPv6 chatter from the fresh interfaces'),
  },
} as const
export type PairWish = Omit<FromSchema<typeof PAIR_WISH>, 'a' | 'b'> & { a?: EndWish; b?: EndWish }

export const CARRIER_MODES = ['on', 'off', 'auto'] as const

export const PAIR_CHANGE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    a: END_WISH,
    b: END_WISH,
    carrier: {
      type: 'string',
      enum: CARRIER_MODES,
      description: 'auto: both ends have it while both are up',
    },
  },
} as const
export type PairChange = Omit<FromSchema<typeof PAIR_CHANGE>, 'a' | 'b'> & { a?: EndWish; b?: EndWish }

export const FLAP = {
  type: 'object',
  additionalProperties: false,
  required: ['ms'],
  properties: {
    ms: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 86_400_000,
      description: 'milliseconds without carrier, and between two times',
    },
    times: { type: 'integer', minimum: 1, maximum: 1_000_000, description: 'default 1' },
  },
} as const
export type FlapOrder = FromSchema<typeof FLAP>

export const CAPTURE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    end: { type: 'string', enum: ['a', 'b'], description: 'capture one end only' },
    snaplen: { type: 'string', pattern: '^[1-9][0-9]{0,8}$', description: 'bytes kept of each frame' },
    match: text('only frames that match: a JSON object as rules have it, without nth, every and first'),
  },
} as const
export type CaptureQuery = FromSchema<typeof CAPTURE>

/** An end as answers show it. */
export interface EndView {
  name: string
  ifindex: number
  /** A name under /run/netns, null for the daemon's own, otherwise `net:[inode]`. */
  netns: string | null
  netnsInode: number
  address: string
  mtu: number
  up: boolean
  /** IFF_* of the kernel. */
  flags: number
  txQueueLength: number
  /** In its normal form; null for none. */
  impair: ImpairPlan | null
  rules: RuleStats[]
}

/** A pair as answers show it. */
export interface PairView {
  id: string
  carrier: boolean
  queues: number
  quiet: boolean
  a: EndView
  b: EndView
}
