// Has a pair carried, or dropped, the frames that a test expects? Counts them, waits a little for what is on
// its way, and says in words what came instead. Used by matchers.ts, for every test runner.

import { invalid } from '../errors.js'
import { type MatchPlan, planMatch } from '../faults/match-plan.js'
import { CAUSES, type Cause } from '../frame/cause.js'
import type { Match, Pair, Sighting } from '../index.js'
import { FILTER } from '../wishes/capture.js'
import { CARRIED, DROPPED } from '../wishes/kit.js'
import type { Given } from '../wishes/shape.js'
import { counted } from './counted.js'
import { countWords, frames, frameWords, matchWords } from './frame-words.js'
import { type Observation, observationOf } from './observation.js'

export type CarriedOptions = Given<typeof CARRIED>
export type DroppedOptions = Given<typeof DROPPED>

/** The answer, and the sentence for a test that fails because of it. */
export interface Verdict {
  pass: boolean
  message: string
}

interface Question {
  pair: Pair
  from: readonly ('a' | 'b')[]
  times: number | undefined
  within: number
  /** Undefined: counters answer. */
  match: MatchPlan | undefined
  /** Undefined: delivered. */
  causes: readonly Cause[] | undefined
  observation: Observation | undefined
}

const WITHIN = 1_000
/** ms between looks. */
const INTERVAL = 5
/** Frames that a message shows. */
const SHOWN = 5

export async function carried(
  pair: Pair,
  match: Match | undefined,
  options: CarriedOptions,
  negated: boolean,
): Promise<Verdict> {
  return await answer(asked(pair, match, CARRIED.read(options, '')), negated)
}

export async function dropped(pair: Pair, options: DroppedOptions, negated: boolean): Promise<Verdict> {
  const { match: _, cause, ...read } = DROPPED.read(options, '')
  return await answer({ ...asked(pair, options.match, read), causes: cause ?? CAUSES }, negated)
}

function asked(pair: Pair, match: Match | undefined, options: CarriedOptions): Question {
  const { from, times, within = WITHIN } = options
  const planned = match && planMatch(match, 'match', FILTER)
  const observation = observationOf(pair)
  if (match !== undefined && observation === undefined) throw unobserved()
  const ends = from === undefined ? (['a', 'b'] as const) : [from]
  return { pair, from: ends, times, within, match: planned, causes: undefined, observation }
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
    await question.pair.a.settled()
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

/** What was not kept may have matched: only a frame that was seen is sure. */
function refuseGaps({ match, observation, times }: Question, found: number): void {
  const missed = observation?.missed ?? 0
  if (match === undefined || missed === 0 || (times === undefined && found > 0)) return
  throw invalid(
    `too much traffic to tell: ${missed} records found no room. Ask earlier (each question makes room), ` +
      'or observe(pair, { match, bytes }) only what matters',
    'match',
  )
}

function count({ pair, from, match, causes, observation }: Question): number {
  if (match !== undefined && observation !== undefined) {
    return select(observation.matching(match), from, causes).length
  }
  const counters = counted(pair)
  const of = (end: 'a' | 'b') =>
    causes === undefined
      ? counters[end === 'a' ? 'b' : 'a'].rx_packets
      : causes.reduce((sum, cause) => sum + counters[end].drops[cause], 0)
  return from.reduce((sum, end) => sum + of(end), 0)
}

/** The end that has sent the frame, where it was sent and where it was to be delivered. */
function senderOf({ end, sent }: Sighting): 'a' | 'b' {
  return sent === (end === 'a') ? 'a' : 'b'
}

function select(
  sightings: readonly Sighting[],
  from: readonly ('a' | 'b')[],
  causes: readonly Cause[] | undefined,
): Sighting[] {
  return sightings.filter((sighting) => {
    const { sent, cause } = sighting
    const wanted = causes === undefined ? !sent && cause === undefined : cause && causes.includes(cause)
    return wanted && from.includes(senderOf(sighting))
  })
}

function sentence(question: Question, found: number, negated: boolean): string {
  const { from, times, match, causes, observation } = question
  const side = from.length === 1 ? ` from ${from[0]}` : ''
  const what = match === undefined ? 'any frame' : matchWords(match)
  const by = causes === undefined || causes === CAUSES ? '' : ` by ${causes.join(' or ')}`
  const verb = causes === undefined ? 'carried' : 'dropped'
  const amount = times === undefined ? '' : ` ${times} times`
  const not = negated ? 'not ' : ''
  const lines = [
    `expected the pair ${not}to have ${verb} ${what}${side}${by}${amount}; it has ${verb} ${frames(found)}`,
    ...countersOf(question),
  ]
  if (match !== undefined && observation !== undefined) {
    const matching = observation.matching(match)
    const shown = negated || found > 0 ? select(matching, from, causes) : []
    lines.push(...fates(matching, from))
    if (shown.length > 0) lines.push(...list('these', shown.slice(0, SHOWN), shown.length))
    else lines.push(...list('last seen', observation.sightings.slice(-SHOWN)))
  }
  return lines.join('\n')
}

/** Of each end: what it has sent, and why what was dropped was. */
function countersOf({ pair, from }: Question): string[] {
  const counters = counted(pair)
  return from.map((end) => {
    const { tx_packets, tx_dropped, drops } = counters[end]
    const why = tx_dropped === 0 ? '' : ` (${countWords(drops)})`
    const { rx_packets } = counters[end === 'a' ? 'b' : 'a']
    return `  ${end} has sent ${frames(tx_packets + tx_dropped)}: ${rx_packets} delivered, ${tx_dropped} dropped${why}`
  })
}

/** What became of the frames that match. */
function fates(matching: readonly Sighting[], from: readonly ('a' | 'b')[]): string[] {
  const ends = new Map(matching.filter(({ sent }) => !sent).map((sighting) => [sighting.id, sighting]))
  const fate = (sighting: Sighting) => {
    const { cause, reason } = sighting.cause === undefined ? (ends.get(sighting.id) ?? sighting) : sighting
    if (cause !== undefined) return `dropped by ${reason ?? cause}`
    return ends.has(sighting.id) ? 'delivered' : 'held or changed on the way'
  }
  const counts: Record<string, number> = {}
  const sent = matching.filter((sighting) => sighting.sent && from.includes(sighting.end))
  for (const sighting of sent) counts[fate(sighting)] = (counts[fate(sighting)] ?? 0) + 1
  const what = sent.length === 0 ? '' : `: ${countWords(counts)}`
  return [`  of these, ${frames(sent.length)} matched when sent${what}`]
}

function list(title: string, sightings: readonly Sighting[], total = sightings.length): string[] {
  if (sightings.length === 0) return ['  no frame at all was seen']
  const rest = total - sightings.length
  return [
    `  ${title}:`,
    ...sightings.map((sighting) => `    ${sightingWords(sighting)}`),
    ...(rest > 0 ? [`    and ${rest} more`] : []),
  ]
}

function sightingWords({ end, sent, cause, reason, time, frame, length }: Sighting): string {
  const at = new Date(time).toISOString().slice(11, 23)
  const dropped = cause === undefined ? '' : `, dropped by ${reason ?? cause}`
  return `${at} ${sent ? `sent by ${end}` : `delivered to ${end}`}: ${frameWords(frame, length)}${dropped}`
}
