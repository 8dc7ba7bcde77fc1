// How much of each thing there may be: THE table of limits, from which come the refusals, the daemon's `--limit`,
// configure(), the help, the completion and the figures of /metrics. Whoever keeps a thing asks here before it gives
// more of it. They are those of a thread of JavaScript: of the process, where that is the daemon. Loads nothing heavy.

import { invalid } from '../errors.js'
import { MEMORY } from './memory.js'
import { object, type Shape, whole } from './shape.js'

interface Limit {
  most: number
  /** What is limited, as help and metrics say it. */
  about: string
  /** Why no more is given: `most` is the limit, `wanted` what was asked for. */
  refusal(most: number, wanted: number): string
  /** EDQUOT: until there are fewer. E2BIG: one order brings too much. */
  code: 'EDQUOT' | 'E2BIG'
}

export const LIMITS = {
  captures: {
    // Each is a thread of some 9 MB, and a ring of 4 MiB unless told otherwise.
    most: 64,
    about: 'captures at once, of all pairs together',
    refusal: (most) => `${most} captures run already, and no more may at once`,
    code: 'EDQUOT',
  },
  pair_captures: {
    most: 16,
    about: 'captures of one pair at once',
    refusal: (most) => `${most} captures of this pair run already, and no more may at once`,
    code: 'EDQUOT',
  },
  listeners: {
    most: 64,
    about: 'listeners to events at once',
    refusal: (most) => `${most} listen to events already, and no more may at once`,
    code: 'EDQUOT',
  },
  backlog: {
    most: 1 << 20,
    about: 'bytes that may wait for a listener; more is told as `lost`',
    refusal: (most, wanted) => `${wanted} bytes of events wait for a listener, and ${most} may`,
    code: 'EDQUOT',
  },
  rules: {
    // So many that no index tells apart cost a frame some 30 us (hooks/rule-index.ts).
    most: 1024,
    about: 'rules of one end',
    refusal: (most) => `an end may have ${most} rules, and no more`,
    code: 'EDQUOT',
  },
  orders: {
    most: 64,
    about: 'orders of one client at once, over HTTP',
    refusal: (most) => `${most} orders of this client are being carried out, and no more may at once`,
    code: 'EDQUOT',
  },
  addresses: {
    most: 256,
    about: 'IP addresses that one order may bring',
    refusal: (most, wanted) => `an order may bring ${most} IP addresses, not ${wanted}`,
    code: 'E2BIG',
  },
  nesting: {
    most: 32,
    about: 'levels of objects and arrays in the JSON of an order',
    refusal: (most) => `the JSON of an order may be nested ${most} levels deep, not deeper`,
    code: 'E2BIG',
  },
  scrapers: {
    most: 16,
    about: 'connections at once to where metrics are served',
    refusal: (most) => `${most} connections for metrics are open already, and no more may at once`,
    code: 'EDQUOT',
  },
} as const satisfies Record<string, Limit>
export type LimitName = keyof typeof LIMITS
export type Limits = Partial<Record<LimitName, number>>

export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[]
export const HIGHEST = 2 ** 30

const WISH = object(
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, whole(0, HIGHEST)])) as Record<
    LimitName,
    Shape<number>
  >,
)

const MAX_WORKERS = 64

/** What configure() takes. */
export const CONFIGURATION = object({ workers: whole(1, MAX_WORKERS), memory: MEMORY, limits: WISH })

const most = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].most])) as Record<
  LimitName,
  number
>
const zeros = () => Object.fromEntries(LIMIT_NAMES.map((name) => [name, 0])) as Record<LimitName, number>
const refused = zeros()
const used = zeros()

/** Sets the limits that are given, which have been checked. */
export function setLimits(given: Limits): void {
  Object.assign(most, given)
}

export function limit(name: LimitName): number {
  return most[name]
}

/** Refuses what is more than the limit; `wanted`: how many there would be. */
export function keepTo(name: LimitName, wanted: number): void {
  if (wanted <= most[name]) return
  countRefusal(name)
  const { refusal, code } = LIMITS[name] as Limit
  throw invalid(`${refusal(most[name], wanted)} (limit ${name})`, undefined, code)
}

/** What was refused by other means than keepTo(). */
export function countRefusal(name: LimitName, times = 1): void {
  refused[name] += times
}

/** Those of which take() counts how much there is. */
const COUNTED: readonly LimitName[] = ['captures', 'listeners', 'scrapers']

/** One more of a thing that is counted here; call what it answers when it is gone, once. */
export function take(name: LimitName): () => void {
  keepTo(name, used[name] + 1)
  used[name]++
  let taken = true
  return () => {
    if (taken) used[name]--
    taken = false
  }
}

/** For metrics. */
export function figures(): { name: LimitName; most: number; used: number | undefined; refused: number }[] {
  return LIMIT_NAMES.map((name) => ({
    name,
    most: most[name],
    used: COUNTED.includes(name) ? used[name] : undefined,
    refused: refused[name],
  }))
}
