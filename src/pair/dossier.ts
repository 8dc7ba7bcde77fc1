// The dossier of a pair: the plain data that it is made of again, by the next run of a daemon (orders/state.ts) or by
// another process, beside its descriptors. One type, one writer and one reader. In memory, counts of rules are
// shared and held frames are bytes, as in a move from worker to worker; as JSON they are numbers and base64.
// Knows no thread and no file. A reader refuses what it does not understand as a whole, with a sentence.

import type { CapturePlan } from '../datapath/adjust.js'
import type { DirectionCounts } from '../datapath/counters.js'
import { UvethError } from '../errors.js'
import { planImpair } from '../faults/impair-plan.js'
import { planMatch } from '../faults/match-plan.js'
import { planRule } from '../faults/rule-plan.js'
import { planSchedule } from '../faults/schedule-plan.js'
import { PART_COUNTS, type PartCount } from '../hooks/impairment.js'
import type { CarrierMode, LinkStanding } from '../link/protocol.js'
import { CARRIER_MODES } from '../wishes/names.js'
import {
  at,
  every,
  flag,
  list,
  object,
  oneOf,
  orNull,
  type Shape,
  show,
  text,
  value,
  whole,
} from '../wishes/shape.js'
import { FLAP } from '../wishes/times.js'
import {
  type ChainPlan,
  type CountedRule,
  countedRule,
  type Progresses,
  planChains,
  ruleStats,
} from './chain.js'
import { FORMER, type Former, writeFormer } from './former.js'
import type { FlapPlan } from './options.js'
import { PROGRESS, withoutHeld, writeProgress } from './progress.js'
import { NO_COUNTS, settled } from './stats.js'

const VERSION = 1

/** `W`: a pair's wishes in the words of who keeps the dossier. They are checked when the pair is made. */
export interface Wishes<W> {
  /** The namespace that they came from: a name, null for home, `net:[inode]` for one without. */
  from: string | null
  sent: W
  /** What was drawn or ordered since: goes over `sent`. Impairments and rules stand with the ends. */
  since: W
}

interface EndDossier extends ChainPlan {
  counts: DirectionCounts
  /** Its interface; null where nothing is known of it. */
  former: Former | null
}

/** An open capture. Its ring stays with who reads it. */
export type CaptureDossier = Omit<CapturePlan, 'ring'> & { ringBytes: number }

export interface Dossier<W = object> {
  version: typeof VERSION
  id: string
  wishes: Wishes<W>
  carrier: CarrierMode
  /** Those that run. */
  flaps: FlapPlan[]
  a: EndDossier
  b: EndDossier
  /** The highest number that a rule had: it is not given again. */
  lastRule: number
  captures: CaptureDossier[]
  progress: Progresses
  /** Of one that is suspended: for who has its devices, too. */
  link?: LinkStanding
}

/** One for a pair that will have other devices: what is held, or on its way, is lost with these. */
export function withoutDevices<W>(dossier: Dossier<W>): Dossier<W> {
  const { a, b, progress, link: _, ...rest } = dossier
  return {
    ...rest,
    flaps: [],
    a: { ...a, counts: settled(a.counts) },
    b: { ...b, counts: settled(b.counts) },
    captures: [],
    progress: progress.map(withoutHeld) as unknown as Progresses,
  }
}

/** As JSON has it. */
export function writeDossier({ a, b, captures, progress, ...rest }: Dossier): object {
  return {
    ...rest,
    a: writeEnd(a),
    b: writeEnd(b),
    captures: captures.map(({ match, ...plan }) => ({
      ...plan,
      match: match === null ? null : match.normal,
    })),
    progress: progress.map(writeProgress),
  }
}

function writeEnd({ impair, schedule, rules, counts, former }: EndDossier): object {
  return {
    impair,
    ...(schedule && { schedule }),
    rules: rules.map(ruleStats),
    counts: withoutZeros(counts),
    former: former && writeFormer(former),
  }
}

function withoutZeros(counts: object): object {
  const parts = Object.entries(counts).map(([key, part]) => [
    key,
    typeof part === 'object' ? withoutZeros(part) : part,
  ])
  return Object.fromEntries(parts.filter(([, part]) => part !== 0))
}

/** From JSON. EBADMSG for what is no dossier, or one of a newer version. */
export function readDossier(given: unknown): Dossier {
  try {
    const { version } = ANYTHING.read(given, 'a dossier') as { version?: unknown }
    if (version === undefined) return readBefore(given)
    if (version === VERSION) return readCurrent(given)
    throw bad(`its version is ${show(version)}, and ${VERSION} is the newest that is understood here`)
  } catch (error) {
    throw error instanceof UvethError && error.code !== 'EBADMSG' ? bad(error.message) : error
  }
}

function bad(why: string): UvethError {
  return new UvethError(`EBADMSG: ${why.replace(/^E[A-Z]+: /, '')}`, { code: 'EBADMSG' })
}

/** Read by a function of its own, which checks it. */
function planned<R>(read: (given: unknown, attribute: string) => R): Shape<unknown, R> {
  return { schema: {}, read }
}

const TEXT = text('a text')
const COUNT = whole(0, Number.MAX_SAFE_INTEGER)
/** ms since 1970. */
const TIME = value<number>('a number', {}, (given) =>
  Number.isFinite(given) ? (given as number) : undefined,
)
const ANYTHING = value<object>('an object', {}, (given) =>
  typeof given === 'object' && given !== null && !Array.isArray(given) ? given : undefined,
)
/** With the zeros that are not written. */
function countsLike<T extends object>(zeros: T): Shape<unknown, T> {
  const parts = Object.entries(zeros).map(([key, zero]) => [
    key,
    typeof zero === 'object' ? countsLike(zero as object) : COUNT,
  ])
  const shape = object(Object.fromEntries(parts) as Record<string, Shape<unknown>>)
  return planned((given, attribute) => ({ ...zeros, ...shape.read(given, attribute) }))
}

const PART = Object.fromEntries(PART_COUNTS.map((name) => [name, 0])) as Record<PartCount, number>
const RULE = object(
  { id: COUNT, matched: COUNT, hits: COUNT, action: ANYTHING, match: ANYTHING, impaired: countsLike(PART) },
  ['id', 'matched', 'hits', 'action', 'match'],
)
const COUNTED_RULE = planned((given, attribute): CountedRule => {
  const { id, action, match, ...met } = RULE.read(given, attribute)
  return countedRule({ id, ...planRule({ action, match }, attribute) }, met)
})

/** Of before there were any it is missing. */
const SCHEDULE = object({ id: COUNT, plan: planned(planSchedule), began: TIME, next: COUNT, missed: COUNT }, [
  'id',
  'plan',
  'next',
  'missed',
])

const END = object(
  {
    impair: orNull(planned(planImpair)),
    schedule: SCHEDULE,
    rules: list('an array', COUNTED_RULE, true),
    counts: countsLike(NO_COUNTS),
    former: orNull(FORMER),
  },
  ['rules', 'counts'],
)

const CAPTURE = object(
  {
    id: COUNT,
    ends: every({ a: flag(), b: flag() }),
    delivered: flag(),
    match: orNull(planned(planMatch)),
    snaplen: COUNT,
    ringBytes: COUNT,
  },
  ['id', 'ends', 'snaplen', 'ringBytes'],
)

const UNCARRIED = object({ before: COUNT, since: orNull(COUNT) }, ['before'])

const LINK = object(
  {
    mode: oneOf(...CARRIER_MODES),
    carrier: flag(),
    uncarried: every({ a: UNCARRIED, b: UNCARRIED }),
    whole: every({ a: flag(), b: flag() }),
  },
  ['mode', 'carrier', 'uncarried'],
)

const DOSSIER = object(
  {
    version: COUNT,
    id: TEXT,
    wishes: object({ from: orNull(TEXT), sent: ANYTHING, since: ANYTHING }, ['sent', 'since']),
    carrier: oneOf(...CARRIER_MODES),
    flaps: list('an array', FLAP, true),
    a: END,
    b: END,
    lastRule: COUNT,
    captures: list('an array', CAPTURE, true),
    progress: list('an array', PROGRESS, true),
    link: LINK,
  },
  ['id', 'wishes', 'carrier', 'a', 'b', 'captures', 'progress'],
)

function readCurrent(given: unknown): Dossier {
  const { flaps = [], lastRule = 0, a, b, captures, progress, ...rest } = DOSSIER.read(given, '')
  if (progress.length !== 0 && progress.length !== 2) throw bad('progress is of both directions, or of none')
  return {
    ...rest,
    version: VERSION,
    wishes: { ...rest.wishes, from: rest.wishes.from ?? null },
    flaps: flaps.map(({ ms, times = 1 }) => ({ ms, times })),
    a: { ...a, ...missingOf(a) },
    b: { ...b, ...missingOf(b) },
    lastRule,
    captures: captures.map(({ match = null, delivered = true, ...plan }) => ({ ...plan, delivered, match })),
    progress: progress as unknown as Progresses,
  }
}

/** As JSON leaves them out. */
function missingOf({
  impair = null,
  schedule = null,
  former = null,
}: Partial<EndDossier>): Pick<EndDossier, 'impair' | 'schedule' | 'former'> {
  return { impair, schedule, former }
}

/** Before there were dossiers: wishes, and what came since, impairments and carrier among it; rules beside them. */
const BEFORE = object(
  {
    id: TEXT,
    from: orNull(TEXT),
    wish: ANYTHING,
    since: ANYTHING,
    rules: object({ a: planned((given) => given), b: planned((given) => given) }),
  },
  ['id', 'wish', 'since'],
)

function readBefore(given: unknown): Dossier {
  const { id, from = null, wish: sent, since, rules: ruled = {} } = BEFORE.read(given, '')
  const { carrier = 'auto', ...ends } = since as Record<string, unknown>
  const of = (end: 'a' | 'b') => {
    const wished = ANYTHING.read((sent as Record<string, unknown>)[end] ?? {}, `wish.${end}`)
    const later = ANYTHING.read(ends[end] ?? {}, `since.${end}`)
    const { impair, rules = ruled[end] ?? [], ...settings } = { ...wished, ...later } as Record<string, never>
    return { settings, chain: { impair, rules: list('an array', ANYTHING).read(rules, at('rules', end)) } }
  }
  const [a, b] = [of('a'), of('b')]
  const [chainA, chainB] = planChains({ a: a.chain, b: b.chain } as Record<string, unknown> as Parameters<
    typeof planChains
  >[0])
  return {
    version: VERSION,
    id,
    wishes: { from, sent, since: { a: a.settings, b: b.settings } },
    carrier: oneOf(...CARRIER_MODES).read(carrier, 'carrier'),
    flaps: [],
    a: { ...chainA, counts: NO_COUNTS, former: null },
    b: { ...chainB, counts: NO_COUNTS, former: null },
    lastRule: 0,
    captures: [],
    progress: [],
  }
}
