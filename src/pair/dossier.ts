// The dossier of a pair: the plain data that it is made of again, by the next run of a daemon (orders/state.ts) or by
// another process, beside its descriptors. One type, one writer and one reader. In memory, counts of rules are
// shared and held frames are bytes, as in a move from worker to worker; as JSON they are numbers and base64.
// Knows no thread and no file. A reader refuses what it does not understand as a whole, with a sentence.

import type { CapturePlan } from '../datapath/adjust.js'
import type { DirectionCounts } from '../datapath/counters.js'
import type { Progress } from '../datapath/inspector.js'
import { UvethError } from '../errors.js'
import { planImpair } from '../faults/impair-plan.js'
import { planMatch } from '../faults/match-plan.js'
import { planRule } from '../faults/rule-plan.js'
import type { CarrierMode } from '../link/protocol.js'
import { type ChainPlan, type CountedRule, countedRule, planChains, ruleStats } from './chain.js'
import { NO_COUNTS } from './stats.js'

const VERSION = 1
const MODES: readonly CarrierMode[] = ['on', 'off', 'auto']

/** `W`: a pair's wishes in the words of who keeps the dossier. They are checked when the pair is made. */
export interface Wishes<W> {
  /** The namespace that they came from: a name, null for home, `net:[inode]` for one without. */
  from: string | null
  sent: W
  /** What was drawn or ordered since: goes over `sent`. Impairments and rules stand with the ends. */
  since: W
}

interface EndDossier extends ChainPlan {
  /** Of what it sends: the pair goes on counting from here. */
  counts: DirectionCounts
}

export interface Dossier<W = object> {
  version: typeof VERSION
  id: string
  wishes: Wishes<W>
  carrier: CarrierMode
  a: EndDossier
  b: EndDossier
  /** Captures that are open. Their rings stay with who reads them. */
  captures: Omit<CapturePlan, 'ring'>[]
  /** What each direction is in the middle of; nothing, where the devices go too. */
  progress: readonly [] | readonly [a: Progress, b: Progress]
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

function writeEnd({ impair, rules, counts }: EndDossier): object {
  return { impair, rules: rules.map(ruleStats), counts: withoutZeros(counts) }
}

function withoutZeros(counts: object): object {
  const parts = Object.entries(counts).map(([key, part]) => [
    key,
    typeof part === 'object' ? withoutZeros(part) : part,
  ])
  return Object.fromEntries(parts.filter(([, part]) => part !== 0))
}

function writeProgress({ held, ...rest }: Progress): object {
  return {
    ...rest,
    held: held.map(({ frame, ...about }) => ({ ...about, frame: Buffer.from(frame).toString('base64') })),
  }
}

/** From JSON. EBADMSG for what is no dossier, or one of a newer version. */
export function readDossier(value: unknown): Dossier {
  try {
    const given = record(value, 'a dossier')
    if (given.version === undefined) return readBefore(given)
    if (given.version !== VERSION)
      throw bad(`its version is ${show(given.version)}, and ${VERSION} is the newest that is understood here`)
    return readCurrent(given)
  } catch (error) {
    if (error instanceof UvethError && error.code !== 'EBADMSG') throw bad(error.message)
    throw error
  }
}

function readCurrent({ id, wishes, carrier, a, b, captures, progress }: Fields): Dossier {
  const { from, sent, since } = record(wishes, 'wishes')
  const [first, second, ...others] = list(progress, 'progress').map(readProgress)
  if (others.length > 0 || (first === undefined) !== (second === undefined))
    throw bad('progress is of both directions, or of none')
  return {
    version: VERSION,
    id: text(id, 'id'),
    wishes: {
      from: from === null ? null : text(from, 'wishes.from'),
      sent: record(sent, 'wishes.sent'),
      since: record(since, 'wishes.since'),
    },
    carrier: mode(carrier),
    a: readEnd(a, 'a'),
    b: readEnd(b, 'b'),
    captures: list(captures, 'captures').map(readCapture),
    progress: first === undefined || second === undefined ? [] : [first, second],
  }
}

function readEnd(value: unknown, end: string): EndDossier {
  const { impair, rules, counts } = record(value, end)
  return {
    impair: impair === null ? null : planImpair(impair, `${end}.impair`),
    rules: list(rules, `${end}.rules`).map((rule, at) => readRule(rule, `${end}.rules.${at}`)),
    counts: readCounts(counts, NO_COUNTS, `${end}.counts`),
  }
}

function readRule(value: unknown, at: string): CountedRule {
  const { id, matched, hits, action, match } = record(value, at)
  const plan = { id: whole(id, `${at}.id`), ...planRule({ action, match }, at) }
  return countedRule(plan, whole(matched, `${at}.matched`), whole(hits, `${at}.hits`))
}

/** With the zeros that are not written. */
function readCounts<T extends object>(value: unknown, zeros: T, at: string): T {
  const given = record(value, at)
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(zeros, key))
  if (unknown !== undefined) throw bad(`${at}.${unknown} is no count`)
  const parts = Object.entries(zeros).map(([key, zero]) => {
    const { [key]: part = typeof zero === 'object' ? {} : 0 } = given
    const where = `${at}.${key}`
    return [key, typeof zero === 'object' ? readCounts(part, zero as object, where) : whole(part, where)]
  })
  return Object.fromEntries(parts) as T
}

function readCapture(value: unknown, index: number): Omit<CapturePlan, 'ring'> {
  const at = `captures.${index}`
  const { id, ends, delivered, match, snaplen } = record(value, at)
  const { a, b } = record(ends, `${at}.ends`)
  return {
    id: whole(id, `${at}.id`),
    ends: { a: a === true, b: b === true },
    delivered: delivered !== false, // those of before have it
    match: match === null ? null : planMatch(match, `${at}.match`),
    snaplen: whole(snaplen, `${at}.snaplen`),
  }
}

function readProgress(value: unknown, index: number): Progress {
  const at = `progress.${index}`
  const { origin, number, impairment, held } = record(value, at)
  if (impairment !== undefined) checkPlain(record(impairment, `${at}.impairment`), `${at}.impairment`)
  return {
    origin: finite(origin, `${at}.origin`),
    number: whole(number, `${at}.number`),
    ...(impairment !== undefined && { impairment: impairment as NonNullable<Progress['impairment']> }),
    held: list(held, `${at}.held`).map((frame, n) => readHeld(frame, `${at}.held.${n}`)),
  }
}

function readHeld(value: unknown, at: string): Progress['held'][number] {
  const { frame, wait, least = wait, number, queue, delay } = record(value, at)
  const base64 = text(frame, `${at}.frame`)
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.toString('base64') !== base64) throw bad(`${at}.frame is no base64`)
  return {
    frame: new Uint8Array(bytes),
    wait: finite(wait, `${at}.wait`),
    least: finite(least, `${at}.least`),
    number: whole(number, `${at}.number`),
    queue: whole(queue, `${at}.queue`),
    delay: finite(delay, `${at}.delay`),
  }
}

/** The state of an impairment is numbers, and a word; what they mean is known to who drew them. */
function checkPlain(value: Fields, at: string): void {
  for (const [key, part] of Object.entries(value)) {
    if (typeof part === 'object') checkPlain(record(part, `${at}.${key}`), `${at}.${key}`)
    else if (typeof part !== 'string') finite(part, `${at}.${key}`)
  }
}

/** Before there were dossiers: wishes, and what came since, impairments and carrier among it; rules beside them. */
function readBefore({ id, from, wish, since, rules }: Fields): Dossier {
  const sent = record(wish, 'wish')
  const { carrier = 'auto', ...ends } = record(since, 'since')
  const ruled = record(rules ?? {}, 'rules')
  const of = (end: 'a' | 'b') => {
    const later = record(ends[end] ?? {}, `since.${end}`)
    const { impair, rules: own, ...settings } = { ...record(sent[end] ?? {}, `wish.${end}`), ...later }
    const chain = { impair, rules: list(own ?? ruled[end] ?? [], `rules.${end}`) } as Parameters<
      typeof planChains
    >[0]['a'] &
      object
    return { settings, chain }
  }
  const [a, b] = [of('a'), of('b')]
  const [chainA, chainB] = planChains({ a: a.chain, b: b.chain })
  return {
    version: VERSION,
    id: text(id, 'id'),
    wishes: {
      from: from === null ? null : text(from, 'from'),
      sent,
      since: { a: a.settings, b: b.settings },
    },
    carrier: mode(carrier),
    a: { ...chainA, counts: NO_COUNTS },
    b: { ...chainB, counts: NO_COUNTS },
    captures: [],
    progress: [],
  }
}

type Fields = Readonly<Record<string, unknown>>

function bad(why: string): UvethError {
  return new UvethError(`EBADMSG: ${why.replace(/^E[A-Z]+: /, '')}`, { code: 'EBADMSG' })
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value)
}

function record(value: unknown, at: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw bad(`${at} must be an object, not ${show(value)}`)
}

function list(value: unknown, at: string): unknown[] {
  if (Array.isArray(value)) return value
  throw bad(`${at} must be an array, not ${show(value)}`)
}

function text(value: unknown, at: string): string {
  if (typeof value === 'string') return value
  throw bad(`${at} must be a text, not ${show(value)}`)
}

function finite(value: unknown, at: string): number {
  if (Number.isFinite(value)) return value as number
  throw bad(`${at} must be a number, not ${show(value)}`)
}

function whole(value: unknown, at: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw bad(`${at} must be a whole number, not ${show(value)}`)
}

function mode(value: unknown): CarrierMode {
  const found = MODES.find((known) => known === value)
  if (found === undefined) throw bad(`carrier is one of ${MODES.join(', ')}, not ${show(value)}`)
  return found
}
