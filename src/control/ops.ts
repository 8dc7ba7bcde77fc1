// THE table of operations: name, HTTP route, attributes with their types and meanings, and what each
// may refuse. HTTP (http.ts), the OpenAPI document, netlink (netlink.ts) and the client (client.ts)
// are made from it. Plain JSON Schema, from which the types are derived; no I/O, nothing to load.

import type { FromSchema } from 'json-schema-to-ts'

const text = (description: string) => ({ type: 'string', description }) as const
const flag = (description: string) => ({ type: 'boolean', description }) as const
const whole = (description: string) => ({ type: 'integer', description }) as const

/** A network namespace as an order names it. */
const netns = {
  description:
    'network namespace: a name under /run/netns, a path, a process id, or null for the one that the daemon started in; left out: the one that the order comes from',
  anyOf: [{ type: 'string' }, { type: 'integer', minimum: 1 }, { type: 'null' }],
} as const

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
  ENODEV: { status: 404, meaning: 'no such pair or interface' },
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
  /** With {parameters}, as OpenAPI spells them. `ref` is a name, NAME@NETNS or id:ID (registry.ts). */
  path: string
  /** HTTP status of success. */
  status: number
  body?: object
  query?: object
  refuses: readonly Refusal[]
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
