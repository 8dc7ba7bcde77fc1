// Has a pair, or a lab, carried or dropped the frames that a test expects? Counts them, waits a little for what is on
// its way, and says in words what came instead. Used by matchers.ts, for every test runner.

import { invalid } from '../errors.js'
import { type MatchPlan, planMatch } from '../faults/match-plan.js'
import { CAUSES, type Cause } from '../frame/cause.js'
import { frameWords } from '../frames/words.js'
import type { Match, Pair, Sighting } from '../index.js'
import { FILTER } from '../wishes/capture.js'
import { CARRIED, DROPPED } from '../wishes/kit.js'
import { type Given, oneOf } from '../wishes/shape.js'
import { counted } from './counted.js'
import { countWords, frames, matchWords } from './frame-words.js'
import { type Observation, observationOf } from './observation.js'

export type CarriedOptions = Given<typeof CARRIED>
export type DroppedOptions = Given<typeof DROPPED>

/** The answer, and the sentence for a test that fails because of it. */
export interface Verdict {
  pass: boolean
  message: string
}

/** An end that may have sent the frames; `label`: what people call it. */
interface Sender {
  readonly pair: Pair
  readonly end: 'a' | 'b'
  readonly label: string
}

/** What is asked about. */
export interface Subject {
  readonly what: 'pair' | 'lab'
  readonly ends: readonly Sender[]
}

interface Question {
  subject: Subject
  /** Those that the question is about. */
  senders: readonly Sender[]
  /** What the sentence says of that. */
  where: string
  times: number | undefined
  within: number
  /** Undefined: counters answer. */
  match: MatchPlan | undefined
  /** Undefined: delivered. */
  causes: readonly Cause[] | undefined
}

const WITHIN = 1_000
/** ms between looks. */
const INTERVAL = 5
/** Frames that a message shows. */
const SHOWN = 5

export async function carried(
  subject: Subject,
  match: Match | undefined,
  options: CarriedOptions,
  negated: boolean,
): Promise<Verdict> {
  return await answer(asked(subject, match, CARRIED.read(options, '')), negated)
}

export async function dropped(subject: Subject, options: DroppedOptions, negated: boolean): Promise<Verdict> {
  const { match: _, cause, ...read } = DROPPED.read(options, '')
  return await answer({ ...asked(subject, options.match, read), causes: cause ?? CAUSES }, negated)
}

function asked(subject: Subject, match: Match | undefined, options: CarriedOptions): Question {
  const { from, at, times, within = WITHIN } = options
  const planned = match && planMatch(match, 'match', FILTER)
  const senders = sendersOf(subject, from, at)
  if (match !== undefined && senders.some(({ pair }) => observationOf(pair) === undefined)) throw unobserved()
  const where = [at && ` at ${at}`, from && ` from ${from}`].filter(Boolean).join('')
  return { subject, senders, where, times, within, match: planned, causes: undefined }
}

function sendersOf({ what, ends }: Subject, from: string | undefined, at: string | undefined): Sender[] {
  const labelled = (label: string, attribute: string) => {
    oneOf(...ends.map((end) => end.label)).read(label, attribute)
    return ends.find((end) => end.label === label) as Sender
  }
  if (at !== undefined && what === 'pair') throw invalid('at is an end of a lab; of a pair say from', 'at')
  const crossed = at === undefined ? undefined : labelled(at, 'at').pair
  const sender = from === undefined ? undefined : labelled(from, 'from')
  return ends.filter(
    (end) => (crossed === undefined || end.pair === crossed) && (sender === undefined || end === sender),
  )
}

function unobserved(): Error {
  return invalid(
    'nobody has looked at the frames of this pair: leave out the match (then counters answer), let withPair ' +
      'make it (not with capture: false), or call observe(pair) before the traffic',
    'match',
  )
}

async function answer(question: Question, negated: boolean): Promise<Verdict> {
  const { times, within } = question
  const deadline = performance.now() + within
  for (;;) {
    // Everything that has passed is in the records then.
    await Promise.all(pairsOf(question).map((pair) => pair.a.settled()))
    const found = count(question)
    const pass = times === undefined ? found > 0 : found === times
    const late = negated || performance.now() >= deadline || (times !== undefined && found > times)
    if (pass || late) {
      refuseGaps(question, found)
      return { pass, message: sentence(question, found, negated) }
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL))
  }
}

function pairsOf({ senders }: Question): Pair[] {
  return [...new Set(senders.map(({ pair }) => pair))]
}

function observed(pair: Pair): Observation {
  const observation = observationOf(pair)
  if (observation === undefined) throw unobserved()
  return observation
}

/** What was not kept may have matched: only a frame that was seen is sure. */
function refuseGaps(question: Question, found: number): void {
  const { match, times } = question
  if (match === undefined || (times === undefined && found > 0)) return
  const missed = pairsOf(question).reduce((sum, pair) => sum + observed(pair).missed, 0)
  if (missed === 0) return
  throw invalid(
    `too much traffic to tell: ${missed} records found no room. Ask earlier (each question makes room), ` +
      'or observe(pair, { match, bytes }) only what matters',
    'match',
  )
}

function count(question: Question): number {
  const { senders, match, causes } = question
  if (match !== undefined) return wantedOf(question).length
  const of = ({ pair, end }: Sender) => {
    const counters = counted(pair)
    return causes === undefined
      ? counters[end === 'a' ? 'b' : 'a'].rx_packets
      : causes.reduce((sum, cause) => sum + counters[end].drops[cause], 0)
  }
  return senders.reduce((sum, sender) => sum + of(sender), 0)
}

/** A frame that was seen, with the pair that it was seen in. */
interface Seen extends Sighting {
  pair: Pair
}

/** What was seen where the question is about, in the order of time; what matches, or everything. */
function seen(question: Question, match: MatchPlan | undefined): Seen[] {
  const all = pairsOf(question).flatMap((pair) => {
    const observation = observed(pair)
    const found = match === undefined ? observation.sightings : observation.matching(match)
    return found.map((sighting): Seen => ({ ...sighting, pair }))
  })
  return question.subject.what === 'pair' ? all : all.sort((one, other) => one.time - other.time)
}

/** The end that has sent the frame, where it was sent and where it was to be delivered. */
function senderOf({ end, sent }: Sighting): 'a' | 'b' {
  return sent === (end === 'a') ? 'a' : 'b'
}

/** Those that the question asks for. */
function wantedOf(question: Question): Seen[] {
  const { match, causes } = question
  return seen(question, match).filter((sighting) => {
    const { sent, cause } = sighting
    const wanted = causes === undefined ? !sent && cause === undefined : cause && causes.includes(cause)
    return wanted && isFrom(question, sighting, senderOf(sighting))
  })
}

function isFrom({ senders }: Question, { pair }: Seen, end: 'a' | 'b'): boolean {
  return senders.some((sender) => sender.pair === pair && sender.end === end)
}

function sentence(question: Question, found: number, negated: boolean): string {
  const { subject, where, times, match, causes } = question
  const what = match === undefined ? 'any frame' : matchWords(match)
  const by = causes === undefined || causes === CAUSES ? '' : ` by ${causes.join(' or ')}`
  const verb = causes === undefined ? 'carried' : 'dropped'
  const amount = times === undefined ? '' : ` ${times} times`
  const not = negated ? 'not ' : ''
  const lines = [
    `expected the ${subject.what} ${not}to have ${verb} ${what}${where}${by}${amount}; it has ${verb} ${frames(found)}`,
    ...question.senders.map(countersOf),
  ]
  if (match !== undefined) {
    const shown = negated || found > 0 ? wantedOf(question) : []
    lines.push(...fates(question, seen(question, match)))
    if (shown.length > 0) lines.push(...list(subject, 'these', shown.slice(0, SHOWN), shown.length))
    else lines.push(...list(subject, 'last seen', seen(question, undefined).slice(-SHOWN)))
  }
  return lines.join('\n')
}

/** What an end has sent, and why what was dropped was. */
function countersOf({ pair, end, label }: Sender): string {
  const counters = counted(pair)
  const { tx_packets, tx_dropped, drops } = counters[end]
  const why = tx_dropped === 0 ? '' : ` (${countWords(drops)})`
  const { rx_packets } = counters[end === 'a' ? 'b' : 'a']
  return `  ${label} has sent ${frames(tx_packets + tx_dropped)}: ${rx_packets} delivered, ${tx_dropped} dropped${why}`
}

/** What became of the frames that match. */
function fates(question: Question, matching: readonly Seen[]): string[] {
  const key = ({ pair, id }: Seen) => `${pair.id} ${id}`
  const ends = new Map(matching.filter(({ sent }) => !sent).map((sighting) => [key(sighting), sighting]))
  const fate = (sighting: Seen) => {
    const { cause, reason } = sighting.cause === undefined ? (ends.get(key(sighting)) ?? sighting) : sighting
    if (cause !== undefined) return `dropped by ${reason ?? cause}`
    return ends.has(key(sighting)) ? 'delivered' : 'held or changed on the way'
  }
  const counts: Record<string, number> = {}
  const sent = matching.filter((sighting) => sighting.sent && isFrom(question, sighting, sighting.end))
  for (const sighting of sent) counts[fate(sighting)] = (counts[fate(sighting)] ?? 0) + 1
  const what = sent.length === 0 ? '' : `: ${countWords(counts)}`
  return [`  of these, ${frames(sent.length)} matched when sent${what}`]
}

function list(
  subject: Subject,
  title: string,
  sightings: readonly Seen[],
  total = sightings.length,
): string[] {
  if (sightings.length === 0) return ['  no frame at all was seen']
  const rest = total - sightings.length
  return [
    `  ${title}:`,
    ...sightings.map((sighting) => `    ${sightingWords(subject, sighting)}`),
    ...(rest > 0 ? [`    and ${rest} more`] : []),
  ]
}

function sightingWords({ ends }: Subject, sighting: Seen): string {
  const { pair, sent, cause, reason, time, frame, length } = sighting
  const end = ends.find((one) => one.pair === pair && one.end === sighting.end)?.label
  const at = new Date(time).toISOString().slice(11, 23)
  const dropped = cause === undefined ? '' : `, dropped by ${reason ?? cause}`
  return `${at} ${sent ? `sent by ${end}` : `delivered to ${end}`}: ${frameWords(frame, length)}${dropped}`
}
