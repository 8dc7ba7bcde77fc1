// What operations answer, as JSON Schema: for the OpenAPI document alone (http.ts); answers are not
// checked or cut by it. Operations that are missing here answer an object that may grow.

import type { BriefStats, ReplayResult, RuleStats, ScheduleView } from '../index.js'
import { IMPAIR as IMPAIR_SHAPE } from '../wishes/impair.js'
import { MATCH } from '../wishes/match.js'
import { CARRIER_MODES } from '../wishes/names.js'
import { ACTION } from '../wishes/rule.js'
import { SCHEDULE as SCHEDULE_SHAPE } from '../wishes/schedule.js'
import type { Counted, EndView, OpName, PairView } from './ops.js'

const text = { type: 'string' } as const
const whole = { type: 'integer' } as const
const flag = { type: 'boolean' } as const
const counters = { type: 'object', additionalProperties: true } as const

function object(properties: Record<string, object>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', required, properties }
}

const IMPAIR = {
  anyOf: [{ ...IMPAIR_SHAPE.schema, required: ['seed'] }, { type: 'null' }],
  description: 'ms, percent, bits per second and bytes as numbers; seed is always there; null for nothing',
} as const

const COME = {
  ...(SCHEDULE_SHAPE.schema.properties as Record<'steps' | 'repeat' | 'period', object>),
  done: { ...whole, description: 'steps so far, in all rounds' },
  missed: {
    ...whole,
    description: 'of these, steps that were passed over: nothing was forwarded when they were due',
  },
  over: { ...flag, description: 'it has no more steps; what they have set stays' },
} satisfies Record<keyof ScheduleView, object>
const SCHEDULE = {
  anyOf: [object(COME, ['repeat', 'period']), { type: 'null' }],
  description: 'times in ms, impairments in their normal form; null for none',
} as const

const MET = {
  id: whole,
  action: ACTION.schema,
  match: MATCH.schema,
  matched: { ...whole, description: 'frames that the match fits' },
  hits: { ...whole, description: 'of these, frames that it acted on (nth, every, first)' },
  impaired: {
    ...counters,
    description: 'of one that impairs: what it did to these, and how many it holds now',
  },
} satisfies Record<keyof RuleStats, object>
const RULE = object(MET, ['impaired'])

const RULES = { type: 'array', items: RULE } as const

const END = object(
  {
    name: text,
    ifindex: whole,
    netns: {
      anyOf: [text, { type: 'null' }],
      description:
        'a name under /run/netns, null for the one that the daemon started in, otherwise net:[inode]',
    },
    netnsInode: { ...whole, description: 'inode of that namespace' },
    address: { ...text, description: 'MAC address' },
    mtu: whole,
    up: { ...flag, description: 'admin up' },
    flags: { ...whole, description: 'IFF_* of the kernel' },
    txQueueLength: whole,
    altnames: { type: 'array', items: text, description: 'more names; of one that is down, as last known' },
    foreignQueues: { ...whole, description: 'queues that others have attached: frames are lost there' },
    vxlan: {
      ...object({
        id: whole,
        remote: text,
        local: { anyOf: [text, { type: 'null' }], description: 'null: any address of this host' },
        port: whole,
        keepalive: { anyOf: [{ type: 'number' }, { type: 'null' }], description: 'ms; null: none' },
        far: {
          enum: ['up', 'down', 'silent', null],
          description: 'the other side, as keep-alives tell; null: there are none',
        },
      }),
      description: 'only of an end that is a tunnel to another host: it has no interface, and ifindex 0',
    },
    impair: IMPAIR,
    schedule: SCHEDULE,
    rules: RULES,
  } satisfies Record<keyof EndView, object>,
  ['vxlan'],
)

const PAIR = object({
  id: text,
  carrier: flag,
  carrierMode: {
    type: 'string',
    enum: CARRIER_MODES,
    description: 'what it was set to; auto: while both ends are up',
  },
  queues: whole,
  quiet: flag,
  a: END,
  b: END,
} satisfies Record<keyof PairView, object>)

const STATS = {
  ...counters,
  description: 'counters from the point of view of the interface, as ip -s link has them',
}

const SOME = { type: 'object', additionalProperties: whole } as const

const COUNTS = object({
  rx_packets: whole,
  rx_bytes: whole,
  tx_packets: whole,
  tx_bytes: whole,
  drops: {
    ...SOME,
    description: 'frames that it sent and that were dropped, by cause; those that are not 0',
  },
  inspected: { ...SOME, description: 'what was done to frames that it sent; those that are not 0' },
} satisfies Record<keyof BriefStats['a'], object>)

export const ANSWERS: Partial<Record<OpName, object>> = {
  'pair.list': { type: 'array', items: PAIR },
  'pair.add': PAIR,
  'pair.put': PAIR,
  'pair.get': PAIR,
  'pair.set': PAIR,
  'pair.stats': object({ a: STATS, b: STATS }),
  'stats.list': object({
    at: { type: 'number', description: 'ms, of a clock of the daemon that only goes forward' },
    pairs: {
      type: 'array',
      items: object({ id: text, carrier: flag, a: COUNTS, b: COUNTS } satisfies Record<
        keyof Counted['pairs'][number],
        object
      >),
      description:
        'in the order of /v1/pairs; what the kernel counts (drops: queue, carrier) is up to a second old',
    },
  } satisfies Record<keyof Counted, object>),
  'end.get': object({ end: { type: 'string', enum: ['a', 'b'] }, pair: PAIR }),
  'end.set': END,
  'end.replay': object({
    frames: { ...whole, description: 'put on the cable' },
    unfit: {
      ...whole,
      description: 'not whole in the recording, or no frame that a cable carries: left out',
    },
  } satisfies Record<keyof ReplayResult, object>),
  'impair.get': IMPAIR,
  'impair.set': IMPAIR,
  'impair.patch': IMPAIR,
  'schedule.get': SCHEDULE,
  'schedule.set': SCHEDULE,
  'rule.list': RULES,
  'rule.add': RULE,
  'rule.set': RULE,
  shim: {
    oneOf: [
      object({ pass: { const: true } }),
      object({ code: whole, stdout: text, stderr: text }),
      {
        type: 'object',
        required: ['run'],
        properties: {
          run: { type: 'array', items: { type: 'array', items: text } },
          merge: { const: true },
          tell: { const: true },
          next: text,
        },
      },
    ],
    description:
      'the real ip or tc answers it; what is to be said; or what the real one has to run, until it fails, before next is sent with its exit code',
  },
  version: object({ version: text, node: text, pid: whole }),
  health: object({
    status: { type: 'string', enum: ['ok', 'degraded'] },
    pid: whole,
    version: text,
    socket: text,
    uptime: { ...whole, description: 's' },
    pairs: whole,
    creation: object({
      state: { type: 'string', enum: ['possible', 'impossible'] },
      reason: {
        anyOf: [text, { type: 'null' }],
        description: 'why no pair can be made, and what to do about it',
      },
    }),
    netlink: counters,
    memory: object({
      used: { ...whole, description: 'bytes of frames that wait, held or in rings' },
      bound: { ...whole, description: 'bytes that they may have' },
      refused: { ...whole, description: 'frames dropped (limit) since there were no more' },
    }),
  }),
  shutdown: object({ status: text }),
}
