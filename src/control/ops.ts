// THE table of operations: name, HTTP route, attributes with their types and meanings, and what each
// may refuse. HTTP (http.ts), the OpenAPI document, netlink (netlink.ts) and the client (client.ts)
// are made from it. Plain JSON Schema, from which the types are derived; no I/O, nothing to load.

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
 * them (hooks/impair-options.ts).
 */
const IMPAIR = {
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

const endProperties = {
  name: text('interface name, 1 to 15 bytes; %d asks the kernel for a free number'),
  netns,
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
} as const

const END_WISH = { type: 'object', additionalProperties: false, properties: endProperties } as const
export type EndWish = FromSchema<typeof END_WISH>

const PAIR_WISH = {
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
export type PairWish = FromSchema<typeof PAIR_WISH>

export const CARRIER_MODES = ['on', 'off', 'auto'] as const

const PAIR_CHANGE = {
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
export type PairChange = FromSchema<typeof PAIR_CHANGE>

const RULE_WISH = {
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

/** A rule as it is ordered; the library checks both parts (hooks/rule-plan.ts). */
export interface RuleWish {
  action: RuleAction
  match?: Match
}

const FLAP = {
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

const CAPTURE = {
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

/** Codes of refusals: the HTTP status of each, and what it means. */
export const REFUSALS = {
  EINVAL: { status: 422, meaning: 'a value is not allowed' },
  ENODEV: { status: 404, meaning: 'no such pair, interface or rule' },
  ENOENT: { status: 422, meaning: 'no such namespace, or no /dev/net/tun' },
  EEXIST: { status: 409, meaning: 'the name or the id is taken, or exists with other wishes' },
  ENOTUNIQ: { status: 409, meaning: 'the name is ambiguous; the candidates are named' },
  EPERM: { status: 403, meaning: 'not permitted' },
  EACCES: { status: 403, meaning: 'not permitted' },
  EBUSY: { status: 409, meaning: 'in use' },
} as const
export type Refusal = keyof typeof REFUSALS

export interface Op {
  summary: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With {parameters}, as OpenAPI spells them. `ref` is a name, NAME@NETNS or id:ID (registry.ts), `id` a rule's. */
  path: string
  /** HTTP status of success. */
  status: number
  body?: object
  query?: object
  refuses: readonly Refusal[]
  /** Type of what is answered, where it is not JSON. */
  type?: string
}

const CREATES = ['EINVAL', 'ENOENT', 'EEXIST', 'EPERM', 'EACCES'] as const
const FINDS = ['ENODEV', 'ENOTUNIQ'] as const

export const OPS = {
  'pair.list': { summary: 'All pairs', method: 'GET', path: '/v1/pairs', status: 200, refuses: [] },
  'pair.add': {
    summary: 'Make a pair',
    method: 'POST',
    path: '/v1/pairs',
    status: 201,
    body: PAIR_WISH,
    refuses: CREATES,
  },
  'pair.put': {
    summary: 'Make the pair of this id, or find it there with the same wishes (200)',
    method: 'PUT',
    path: '/v1/pairs/{ref}',
    status: 201,
    body: PAIR_WISH,
    refuses: CREATES,
  },
  'pair.get': { summary: 'One pair', method: 'GET', path: '/v1/pairs/{ref}', status: 200, refuses: FINDS },
  'pair.set': {
    summary: 'Change a pair: a JSON merge patch of its ends and carrier',
    method: 'PATCH',
    path: '/v1/pairs/{ref}',
    status: 200,
    body: PAIR_CHANGE,
    refuses: [...FINDS, ...CREATES],
  },
  'pair.del': {
    summary: 'Remove a pair; answered when both interfaces are gone',
    method: 'DELETE',
    path: '/v1/pairs/{ref}',
    status: 204,
    refuses: FINDS,
  },
  'pair.stats': {
    summary: 'Statistics of both ends, each from its own point of view',
    method: 'GET',
    path: '/v1/pairs/{ref}/stats',
    status: 200,
    refuses: FINDS,
  },
  'end.get': {
    summary: 'The pair that an interface belongs to, and which of its ends it is',
    method: 'GET',
    path: '/v1/ends/{ref}',
    status: 200,
    refuses: FINDS,
  },
  'end.set': {
    summary: 'Change one end: the interface that is named',
    method: 'PATCH',
    path: '/v1/ends/{ref}',
    status: 200,
    body: END_WISH,
    refuses: [...FINDS, ...CREATES],
  },
  'impair.get': {
    summary: 'What is done to the frames that an end sends, in its normal form; null for nothing',
    method: 'GET',
    path: '/v1/ends/{ref}/impair',
    status: 200,
    refuses: FINDS,
  },
  'impair.set': {
    summary: 'Replace the whole set of impairments, as tc qdisc replace does; what is held goes on',
    method: 'PUT',
    path: '/v1/ends/{ref}/impair',
    status: 200,
    body: IMPAIR,
    refuses: [...FINDS, 'EINVAL'],
  },
  'impair.del': {
    summary: 'Impair no more',
    method: 'DELETE',
    path: '/v1/ends/{ref}/impair',
    status: 204,
    refuses: FINDS,
  },
  'rule.list': {
    summary: 'The rules of an end in their order, with what they have met',
    method: 'GET',
    path: '/v1/ends/{ref}/rules',
    status: 200,
    refuses: FINDS,
  },
  'rule.add': {
    summary: 'Add a rule behind the others; in force when it is answered',
    method: 'POST',
    path: '/v1/ends/{ref}/rules',
    status: 201,
    body: RULE_WISH,
    refuses: [...FINDS, 'EINVAL'],
  },
  'rule.clear': {
    summary: 'Remove all rules of an end',
    method: 'DELETE',
    path: '/v1/ends/{ref}/rules',
    status: 204,
    refuses: FINDS,
  },
  'rule.del': {
    summary: 'Remove one rule',
    method: 'DELETE',
    path: '/v1/ends/{ref}/rules/{id}',
    status: 204,
    refuses: FINDS,
  },
  'pair.flap': {
    summary: 'Take carrier away and give it back, some times; answered when it is over',
    method: 'POST',
    path: '/v1/pairs/{ref}/flap',
    status: 204,
    body: FLAP,
    refuses: [...FINDS, 'EINVAL'],
  },
  'pair.capture': {
    summary:
      'A pcapng stream of what the ends send and are given, from the headers of the answer on; it is complete when the pair ends or the client closes its side of the connection',
    method: 'GET',
    path: '/v1/pairs/{ref}/capture',
    status: 200,
    query: CAPTURE,
    refuses: [...FINDS, 'EINVAL'],
    type: 'application/octet-stream',
  },
  events: {
    summary: 'What happens, as JSON lines',
    method: 'GET',
    path: '/v1/events',
    status: 200,
    refuses: [],
  },
  version: { summary: 'The version', method: 'GET', path: '/v1/version', status: 200, refuses: [] },
  health: { summary: 'How the daemon is', method: 'GET', path: '/v1/health', status: 200, refuses: [] },
  shutdown: {
    summary: 'Remove every pair and end the daemon',
    method: 'POST',
    path: '/v1/shutdown',
    status: 202,
    refuses: ['EPERM'],
  },
} as const satisfies Record<string, Op>
export type OpName = keyof typeof OPS
