// THE table of operations: name, HTTP route, attributes with their types and meanings, and what each
// may refuse. HTTP (http.ts), the OpenAPI document, netlink (netlink.ts) and the client (client.ts)
// are made from it. What orders carry stands in
// bodies.ts. No I/O, nothing to load: the command starts with it.

export type * from './wishes.js'

/** Codes of refusals: the HTTP status of each, and what it means. */
export const REFUSALS = {
  EINVAL: { status: 422, meaning: 'a value is not allowed' },
  ENODEV: { status: 404, meaning: 'no such pair, interface or rule' },
  ENOENT: { status: 422, meaning: 'no such namespace, or no /dev/net/tun' },
  EEXIST: { status: 409, meaning: 'the name or the id is taken, or exists with other wishes' },
  ENOTUNIQ: { status: 409, meaning: 'the name is ambiguous; the candidates are named' },
  EPERM: { status: 403, meaning: 'not permitted' },
  EACCES: { status: 403, meaning: 'not permitted' },
  EBADMSG: { status: 422, meaning: 'the recording cannot be read' },
  EBUSY: { status: 409, meaning: 'in use' },
  E2BIG: { status: 413, meaning: 'more than one order may bring' },
  EDQUOT: { status: 429, meaning: 'as many as may be at once are there already' },
} as const
export type Refusal = keyof typeof REFUSALS

/** Of an answer to an order that is in force, but not all that was wished for: a sentence or several, percent-encoded. */
export const WARNING_HEADER = 'uveth-warning'

export interface Op {
  summary: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With {parameters}, as OpenAPI spells them. `ref` is a name, NAME@NETNS or id:ID (registry.ts), `id` a rule's. */
  path: string
  /** HTTP status of success. */
  status: number
  refuses: readonly Refusal[]
  /** Type of what is answered, where it is not JSON. */
  type?: string
  /** What the body is, where it is a stream of bytes. */
  stream?: string
}

const CREATES = ['EINVAL', 'ENOENT', 'EEXIST', 'EPERM', 'EACCES', 'E2BIG', 'EDQUOT'] as const
const WISHES = ['EINVAL', 'E2BIG'] as const
/** EDQUOT: too many orders of one client, too. */
const FINDS = ['ENODEV', 'ENOTUNIQ', 'EDQUOT'] as const

export const OPS = {
  'pair.list': { summary: 'All pairs', method: 'GET', path: '/v1/pairs', status: 200, refuses: [] },
  'pair.add': {
    summary: 'Make a pair',
    method: 'POST',
    path: '/v1/pairs',
    status: 201,
    refuses: CREATES,
  },
  'pair.put': {
    summary: 'Make the pair of this id, or find it there with the same wishes (200)',
    method: 'PUT',
    path: '/v1/pairs/{ref}',
    status: 201,
    refuses: CREATES,
  },
  'pair.get': { summary: 'One pair', method: 'GET', path: '/v1/pairs/{ref}', status: 200, refuses: FINDS },
  'pair.set': {
    summary: 'Change a pair: a JSON merge patch of its ends and carrier',
    method: 'PATCH',
    path: '/v1/pairs/{ref}',
    status: 200,
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
  'stats.list': {
    summary: 'Counters of all pairs: cheap, for whoever asks again and again',
    method: 'GET',
    path: '/v1/stats',
    status: 200,
    refuses: [],
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
    refuses: [...FINDS, ...WISHES],
  },
  'impair.patch': {
    summary: 'Change a part of the impairments: a JSON merge patch, in which null removes; the seed stays',
    method: 'PATCH',
    path: '/v1/ends/{ref}/impair',
    status: 200,
    refuses: [...FINDS, ...WISHES],
  },
  'impair.del': {
    summary: 'Impair no more',
    method: 'DELETE',
    path: '/v1/ends/{ref}/impair',
    status: 204,
    refuses: FINDS,
  },
  'schedule.get': {
    summary: 'What an end is to be at which time, and how far that has come; null for nothing',
    method: 'GET',
    path: '/v1/ends/{ref}/schedule',
    status: 200,
    refuses: FINDS,
  },
  'schedule.set': {
    summary:
      'Have the impairment of an end, and carrier, change at times, in place of what was to; it has begun when it is answered. What it sets is not set by hand meanwhile (EBUSY)',
    method: 'PUT',
    path: '/v1/ends/{ref}/schedule',
    status: 200,
    refuses: [...FINDS, ...WISHES, 'EBUSY'],
  },
  'schedule.del': {
    summary: 'End that; what its last step has set stays',
    method: 'DELETE',
    path: '/v1/ends/{ref}/schedule',
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
    refuses: [...FINDS, ...WISHES],
  },
  'rule.clear': {
    summary: 'Remove all rules of an end',
    method: 'DELETE',
    path: '/v1/ends/{ref}/rules',
    status: 204,
    refuses: FINDS,
  },
  'rule.set': {
    summary:
      'Put a rule in the place of another, with its number: counts begin anew, what it holds goes on; in force when it is answered',
    method: 'PUT',
    path: '/v1/ends/{ref}/rules/{id}',
    status: 200,
    refuses: [...FINDS, ...WISHES],
  },
  'rule.del': {
    summary: 'Remove one rule',
    method: 'DELETE',
    path: '/v1/ends/{ref}/rules/{id}',
    status: 204,
    refuses: FINDS,
  },
  'end.replay': {
    summary:
      'Put the frames of a recording on the cable as if the kernel of this end had sent them, as far apart as they were; answered when the last one has been judged',
    method: 'POST',
    path: '/v1/ends/{ref}/replay',
    status: 200,
    refuses: [...FINDS, 'EINVAL', 'EBADMSG'],
    stream: 'a recording of Ethernet frames: pcap or pcapng, of any length',
  },
  'pair.flap': {
    summary: 'Take carrier away and give it back, some times; answered when it is over',
    method: 'POST',
    path: '/v1/pairs/{ref}/flap',
    status: 204,
    refuses: [...FINDS, ...WISHES],
  },
  'pair.capture': {
    summary:
      'A pcapng stream of what the ends send, with what became of it (and, if that is asked for, of what they are given), from the headers of the answer on; it is complete when the pair ends or the client closes its side of the connection',
    method: 'GET',
    path: '/v1/pairs/{ref}/capture',
    status: 200,
    refuses: [...FINDS, 'EINVAL'],
    type: 'application/octet-stream',
  },
  shim: {
    summary:
      'A line of ip or tc, in the words of iproute2: what concerns pairs is carried out, and the client told what to do',
    method: 'POST',
    path: '/v1/shim',
    status: 200,
    refuses: WISHES,
  },
  events: {
    summary: 'What happens, as JSON lines; `lost`: so many events found no room, since they were not read',
    method: 'GET',
    path: '/v1/events',
    status: 200,
    refuses: ['EDQUOT'],
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
