// tc's words for impairments, both ways: `delay 10ms 2ms 25% distribution normal loss 1% rate 10mbit`.
// The grammar is netem_parse_opt() of iproute2's tc/q_netem.c, with `burst` and `seed` added. Called by the
// command, and by whoever shows a plan; it loads little, so that the command stays light.

import { invalid } from '../errors.js'
import { DISTRIBUTIONS } from '../wishes/names.js'
import * as units from '../wishes/units.js'
import type { ChancePlan, ImpairOptions, ImpairPlan, LossPlan, RatePlan, SlotPlan } from './impair-plan.js'

type Tree = { [key: string]: unknown }
type Parse = (text: string) => number | undefined

const TIME: Kind = [units.parseTime, 'a time like 10ms']
const PERCENT: Kind = [units.parsePercent, 'a percentage like 1%']
const RATE: Kind = [units.parseRate, 'a rate like 10mbit']
const SIZE: Kind = [units.parseSize, 'a size like 32kb']
const COUNT: Kind = [units.parseSize, 'a number of frames']
const WHOLE: Kind = [(text) => (/^\d+$/.test(text) ? Number(text) : undefined), 'a whole number']
const SIGNED: Kind = [(text) => (/^-?\d+$/.test(text) ? Number(text) : undefined), 'a whole number']

/** How a value is read, and what messages say may stand there. */
type Kind = readonly [Parse, string]

/** Reads what follows a keyword into the options. */
type Read = (words: Words, options: Tree) => void

/** In tc's order: a word stands for the first keyword that it begins. */
const KEYWORDS: readonly (readonly [string, Read])[] = [
  ['limit', (words, options) => add(options, 'limit', words.value('limit', COUNT))],
  ['latency', readDelay],
  ['delay', readDelay],
  ['loss', readLoss],
  ['drop', readLoss],
  ['reorder', (words, options) => add(options, 'reorder', chance(words, 'reorder'))],
  ['corrupt', (words, options) => add(options, 'corrupt', chance(words, 'corrupt'))],
  ['gap', (words, options) => add(options, 'reorder', { gap: words.value('gap', WHOLE) })],
  ['duplicate', (words, options) => add(options, 'duplicate', chance(words, 'duplicate'))],
  ['distribution', (words, options) => add(options, 'delay', { distribution: distribution(words) })],
  ['rate', readRate],
  ['slot', readSlot],
  ['seed', (words, options) => add(options, 'seed', words.value('seed', WHOLE))],
  ['burst', (words, options) => add(options, 'rate', { burst: words.value('burst', SIZE) })],
]

/** All that may stand among the words of an impairment: for the completion. */
export const IMPAIR_WORDS: readonly string[] = KEYWORDS.map(([name]) => name)

/** Takes words one by one. */
class Words {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** The next word; undefined at the end. */
  next(): string | undefined {
    return this.#words[this.#at++]
  }

  /** Takes the next word if it is `word`, or short for it. */
  take(word: string, short = false): boolean {
    const next = this.#words[this.#at]
    const taken = next === word || (short && next !== undefined && next !== '' && word.startsWith(next))
    if (taken) this.#at++
    return taken
  }

  /** The value that `keyword` needs. */
  value(keyword: string, [parse, what]: Kind): number {
    const word = this.next()
    if (word === undefined) throw invalid(`${keyword} is not complete: it takes ${what}`)
    const value = parse(word)
    if (value === undefined) throw invalid(`"${word}" is wrong: ${keyword} takes ${what}`)
    return value
  }

  /** A further value of `keyword`, if the next word begins like a number. */
  more(keyword: string, kind: Kind): number | undefined {
    const next = this.#words[this.#at]
    const starts = kind === SIGNED ? /^[-\d]/ : /^\d/
    return next !== undefined && starts.test(next) ? this.value(keyword, kind) : undefined
  }
}

/** The options that the words say; making a plan of them checks how they fit together. */
export function parseImpairWords(words: readonly string[]): ImpairOptions {
  const options: Tree = {}
  const rest = new Words(words)
  for (let word = rest.next(); word !== undefined; word = rest.next()) {
    const start = word
    const keyword = KEYWORDS.find(([name]) => start !== '' && name.startsWith(start))
    if (keyword === undefined) {
      const names = KEYWORDS.map(([name]) => name).join(', ')
      throw invalid(`what is "${start}"? Here may stand ${names}`)
    }
    keyword[1](rest, options)
  }
  refuseAlone(options.rate, 'burst', 'rate', 'burst specified without rate')
  refuseAlone(options.reorder, 'gap', 'probability', 'gap specified without reorder probability')
  return options as ImpairOptions
}

/** Adds a value; the parts of an object may come from several keywords. */
function add(options: Tree, key: string, value: number | Tree): void {
  const present = options[key]
  options[key] = typeof value === 'object' && typeof present === 'object' ? { ...present, ...value } : value
}

function refuseAlone(value: unknown, key: string, needed: string, message: string): void {
  if (typeof value === 'object' && value !== null && key in value && !(needed in value))
    throw invalid(message)
}

function readDelay(words: Words, options: Tree): void {
  const delay: Tree = { time: words.value('delay', TIME) }
  optional(delay, 'jitter', words.more('delay', TIME))
  if ('jitter' in delay) optional(delay, 'correlation', words.more('delay', PERCENT))
  add(options, 'delay', delay)
}

function chance(words: Words, keyword: string): Tree {
  const read: Tree = { probability: words.value(keyword, PERCENT) }
  optional(read, 'correlation', words.more(keyword, PERCENT))
  return read
}

function readLoss(words: Words, options: Tree): void {
  if ('loss' in options) throw invalid('loss is given twice')
  if (words.take('gemodel')) {
    const [p, r, badLoss, goodLoss] = several(words, 'loss gemodel', 4)
    const gemodel: Tree = { p }
    optional(gemodel, 'r', r)
    // tc takes how much each state loses, the model is told how much gets through.
    optional(gemodel, 'h', badLoss === undefined ? undefined : units.complement(badLoss))
    optional(gemodel, 'k', goodLoss === undefined ? undefined : units.complement(goodLoss))
    options.loss = { gemodel }
  } else if (words.take('state')) {
    const values = several(words, 'loss state', 5)
    const state: Tree = {}
    for (const [i, name] of ['p13', 'p31', 'p32', 'p23', 'p14'].entries()) optional(state, name, values[i])
    options.loss = { state }
  } else {
    words.take('random')
    const loss: Tree = {
      random: words.value('loss', [units.parsePercent, 'a percentage like 1%, or random, gemodel or state']),
    }
    optional(loss, 'correlation', words.more('loss', PERCENT))
    options.loss = loss
  }
}

/** One percentage, and up to `most` in all. */
function several(words: Words, keyword: string, most: number): (number | undefined)[] {
  const values: (number | undefined)[] = [words.value(keyword, PERCENT)]
  while (values.length < most && values.at(-1) !== undefined) values.push(words.more(keyword, PERCENT))
  return values
}

function distribution(words: Words): string {
  const name = words.next()
  const found = DISTRIBUTIONS.find((known) => known === name)
  if (found !== undefined) return found
  const wrong = name === undefined ? 'distribution is not complete' : `"${name}" is wrong`
  throw invalid(`${wrong}: distribution takes ${DISTRIBUTIONS.join(', ')}`)
}

function readRate(words: Words, options: Tree): void {
  const rate: Tree = { rate: words.value('rate', RATE) }
  optional(rate, 'overhead', words.more('rate', SIGNED))
  if ('overhead' in rate) optional(rate, 'cellSize', words.more('rate', WHOLE))
  if ('cellSize' in rate) optional(rate, 'cellOverhead', words.more('rate', SIGNED))
  add(options, 'rate', rate)
}

function readSlot(words: Words, options: Tree): void {
  const slot: Tree = {}
  if (words.take('distribution')) {
    slot.distribution = distribution(words)
    slot.delay = words.value('slot', TIME)
    slot.jitter = words.value('slot', TIME)
  } else {
    slot.min = words.value('slot', [units.parseTime, 'a time like 10ms, or distribution'])
    optional(slot, 'max', words.more('slot', TIME))
  }
  for (let more = true; more; ) {
    if (words.take('packets', true)) slot.packets = words.value('packets', WHOLE)
    else if (words.take('bytes', true)) slot.bytes = words.value('bytes', SIZE)
    else more = false
  }
  options.slot = slot
}

function optional(target: Tree, key: string, value: number | undefined): void {
  if (value !== undefined) target[key] = value
}

/** A plan's words, in tc's order: parseImpairWords() makes the same plan of them. */
export function formatImpair(plan: ImpairPlan): string {
  const { delay, loss, duplicate, reorder, corrupt, rate, slot } = plan
  const words: (string | undefined)[] = [
    `limit ${plan.limit}`,
    delay && `delay ${units.formatTime(delay.time)}`,
    delay?.jitter && units.formatTime(delay.jitter),
    delay?.correlation && units.formatPercent(delay.correlation),
    delay?.distribution && `distribution ${delay.distribution}`,
    loss && formatLoss(loss),
    duplicate && formatChance('duplicate', duplicate),
    reorder && formatChance('reorder', reorder),
    reorder && reorder.gap !== 1 ? `gap ${reorder.gap}` : undefined,
    corrupt && formatChance('corrupt', corrupt),
    rate && formatRate(rate),
    slot && formatSlot(slot),
    `seed ${plan.seed}`,
  ].map((word) => word || undefined)
  return words.filter((word) => word !== undefined).join(' ')
}

function formatChance(keyword: string, { probability, correlation }: ChancePlan): string {
  const words = `${keyword} ${units.formatPercent(probability)}`
  return correlation === undefined ? words : `${words} ${units.formatPercent(correlation)}`
}

function formatLoss(loss: LossPlan): string {
  const percents = (...values: number[]) => values.map(units.formatPercent).join(' ')
  if ('gemodel' in loss) {
    const { p, r, h, k } = loss.gemodel
    return `loss gemodel ${percents(p, r, units.complement(h), units.complement(k))}`
  }
  if ('state' in loss) {
    const { p13, p31, p32, p23, p14 } = loss.state
    return `loss state ${percents(p13, p31, p32, p23, p14)}`
  }
  return loss.correlation === undefined
    ? `loss ${percents(loss.random)}`
    : `loss ${percents(loss.random, loss.correlation)}`
}

function formatRate({ rate, burst, overhead = 0, cellSize = 0, cellOverhead = 0 }: RatePlan): string {
  const numbers = [overhead, cellSize, cellOverhead]
  while (numbers.at(-1) === 0) numbers.pop()
  const words = ['rate', units.formatRate(rate), ...numbers]
  if (burst !== undefined) words.push('burst', units.formatSize(burst))
  return words.join(' ')
}

function formatSlot(slot: SlotPlan): string {
  const words: (string | number)[] = ['slot']
  if ('distribution' in slot)
    words.push('distribution', slot.distribution, ...[slot.delay, slot.jitter].map(units.formatTime))
  else words.push(units.formatTime(slot.min), units.formatTime(slot.max))
  if (slot.packets !== undefined) words.push('packets', slot.packets)
  if (slot.bytes !== undefined) words.push('bytes', units.formatSize(slot.bytes))
  return words.join(' ')
}
