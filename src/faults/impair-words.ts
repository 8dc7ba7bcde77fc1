// tc's words for impairments, both ways: `delay 10ms 2ms 25% distribution normal loss 1% rate 10mbit`.
// The grammar is netem_parse_opt() of iproute2's tc/q_netem.c, with `burst` and `seed` added. Called by the
// command, and by whoever shows a plan; it loads little, so that the command stays light.

import { invalid } from '../errors.js'
import { DISTRIBUTIONS } from '../wishes/names.js'
import type { DistributionTable } from '../wishes/tables.js'
import * as units from '../wishes/units.js'
import { type ReadText, Words } from '../wishes/words.js'
import type { ChancePlan, ImpairOptions, ImpairPlan, LossPlan, RatePlan, SlotPlan } from './impair-plan.js'
import { parseTable, parseTrace } from './tables.js'

type Tree = { [key: string]: unknown }

/** How a value is read (what cannot be is left to its shape), and what messages say may stand there. */
type Kind = readonly [(text: string) => number | undefined, string]

const TIME: Kind = [units.parseTime, 'a time like 10ms']
const PERCENT: Kind = [units.parsePercent, 'a percentage like 1%']
const SIZE: Kind = [units.parseSize, 'a size like 32kb']
const COUNT: Kind = [units.parseSize, 'a number of frames']
const WHOLE: Kind = [(text) => (/^-?\d+$/.test(text) ? Number(text) : undefined), 'a whole number']

const SEED: Kind = [(text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : undefined), 'a whole number']

/** Values in a row, by their keys: the first must be there, the others while the next word begins like a number. */
type Row = readonly (readonly [key: string, kind: Kind])[]

const DELAY: Row = [
  ['time', TIME],
  ['jitter', TIME],
  ['correlation', PERCENT],
]
const CHANCE: Row = [
  ['probability', PERCENT],
  ['correlation', PERCENT],
]
const LOSS: Row = [
  ['random', [units.parsePercent, 'a percentage like 1%, or random, gemodel or state']],
  ['correlation', PERCENT],
]
/** tc takes how much each state loses, the model is told how much gets through. */
const THROUGH: Kind = [(text) => lossless(units.parsePercent(text)), 'a percentage like 1%']
const GEMODEL: Row = [
  ['p', PERCENT],
  ['r', PERCENT],
  ['h', THROUGH],
  ['k', THROUGH],
]
const STATE: Row = ['p13', 'p31', 'p32', 'p23', 'p14'].map((name) => [name, PERCENT])
const SHAPED: Row = [
  ['rate', [units.parseRate, 'a rate like 10mbit, or trace']],
  ['overhead', WHOLE],
  ['cellSize', WHOLE],
  ['cellOverhead', WHOLE],
]
const SLOTS: Row = [
  ['min', [units.parseTime, 'a time like 10ms, or distribution']],
  ['max', TIME],
]
const DRAWN_SLOTS: Row = [
  ['delay', TIME],
  ['jitter', TIME],
]

/** Reads what follows a keyword into the options. */
type Read = (words: Words, options: Tree) => void

/** In tc's order: a word stands for the first keyword that it begins. */
const KEYWORDS: readonly (readonly [string, Read])[] = [
  ['limit', (words, options) => add(options, 'limit', one(words, 'limit', COUNT))],
  ['latency', into('delay', DELAY)],
  ['delay', into('delay', DELAY)],
  ['loss', readLoss],
  ['drop', readLoss],
  ['reorder', into('reorder', CHANCE)],
  ['corrupt', into('corrupt', CHANCE)],
  ['gap', (words, options) => add(options, 'reorder', { gap: one(words, 'gap', WHOLE) })],
  ['duplicate', into('duplicate', CHANCE)],
  ['distribution', (words, options) => add(options, 'delay', { distribution: distribution(words) })],
  ['rate', readRate],
  ['slot', readSlot],
  ['seed', (words, options) => add(options, 'seed', one(words, 'seed', SEED))],
  ['ecn', (_, options) => add(options, 'ecn', true)],
  ['burst', (words, options) => add(options, 'rate', { burst: one(words, 'burst', SIZE) })],
]

/** All that may stand among the words of an impairment: for the completion. */
export const IMPAIR_WORDS: readonly string[] = KEYWORDS.map(([name]) => name)

/**
 * The options that the words say, values as they are written; making a plan of them checks them. `readText`: how files
 * that they name are read; without it none is, and their words are refused.
 */
export function parseImpairWords(words: readonly string[], readText?: ReadText): ImpairOptions {
  const rest = new Words(words, undefined, readText)
  const options = readImpair(rest)
  const unknown = rest.next()
  if (unknown !== undefined) throw invalid(`what is "${unknown}"? Here may stand ${IMPAIR_WORDS.join(', ')}`)
  return options
}

/** The same of the words up to the first one that is no keyword here. */
export function readImpair(words: Words): ImpairOptions {
  const options: Tree = {}
  const isKeyword = (word: string) => word !== '' && IMPAIR_WORDS.some((name) => name.startsWith(word))
  for (let word = words.take(isKeyword); word !== undefined; word = words.take(isKeyword)) {
    const start = word
    KEYWORDS.find(([name]) => name.startsWith(start))?.[1](words, options)
  }
  if (!isTraced(options.rate)) refuseAlone(options.rate, 'burst', 'rate', 'burst specified without rate')
  refuseAlone(options.reorder, 'gap', 'probability', 'gap specified without reorder probability')
  return options as ImpairOptions
}

/** How these words call an attribute of the options: `delay.time` is `delay`. */
export function impairWord(attribute: string): string {
  const own =
    /^(?:(?:delay|slot)\.(distribution)\.\w+|delay\.(distribution)|reorder\.(gap)|rate\.(burst)|slot\.(packets|bytes))$/.exec(
      attribute,
    )
  const word = own?.slice(1).find((found) => found !== undefined)
  return word ?? attribute.replace(/\.(?:time|random|probability|rate|min|times)$/, '').replaceAll('.', ' ')
}

function lossless(percent: number | undefined): number | undefined {
  return percent === undefined ? undefined : units.complement(percent)
}

/** Adds a value; the parts of an object may come from several keywords. */
function add(options: Tree, key: string, value: unknown): void {
  const present = options[key]
  const both = typeof value === 'object' && typeof present === 'object'
  options[key] = both ? { ...present, ...value } : value
}

function refuseAlone(value: unknown, key: string, needed: string, message: string): void {
  if (typeof value === 'object' && value !== null && key in value && !(needed in value))
    throw invalid(message)
}

/** Whether there is a trace: the plan refuses what is beside it. */
function isTraced(rate: unknown): boolean {
  return typeof rate === 'object' && rate !== null && 'trace' in rate
}

function one(words: Words, keyword: string, [parse, what]: Kind): number | string {
  const word = words.value(keyword, what)
  return parse(word) ?? word
}

function several(words: Words, keyword: string, row: Row): Tree {
  const values: Tree = {}
  for (const [place, [key, kind]] of row.entries()) {
    const starts = kind === WHOLE ? /^[-\d]/ : /^\d/
    if (place === 0) values[key] = one(words, keyword, kind)
    else {
      const word = words.take((next) => starts.test(next))
      if (word === undefined) break
      values[key] = kind[0](word) ?? word
    }
  }
  return values
}

function into(key: string, row: Row): Read {
  return (words, options) => add(options, key, several(words, key, row))
}

function readLoss(words: Words, options: Tree): void {
  if ('loss' in options) throw invalid('loss is given twice')
  const model = words.take((word) => ['random', 'gemodel', 'state'].includes(word))
  if (model === 'gemodel') options.loss = { gemodel: several(words, 'loss gemodel', GEMODEL) }
  else if (model === 'state') options.loss = { state: several(words, 'loss state', STATE) }
  else options.loss = several(words, 'loss', LOSS)
}

function readRate(words: Words, options: Tree): void {
  if (words.take((word) => word === 'trace') === undefined) return into('rate', SHAPED)(words, options)
  const { readText } = words
  if (readText === undefined) throw invalid('rate trace takes a file, and files are not read here')
  const file = words.value('rate trace', 'a file')
  add(options, 'rate', { trace: parseTrace(readText(file), file) })
}

/** Where tc looks for a name of its own. */
const TC_LIB = () => process.env.TC_LIB_DIR || '/usr/lib/tc'

/** One of the four; where files are read, also a name that tc finds a table by, or a file. */
function distribution(words: Words): string | DistributionTable {
  const { readText } = words
  const known = readText === undefined ? DISTRIBUTIONS : [...DISTRIBUTIONS, 'or a file']
  const word = words.value('distribution', known.join(', '))
  if (readText === undefined || (DISTRIBUTIONS as readonly string[]).includes(word)) return word
  if (word.includes('/') || word.endsWith('.dist')) return parseTable(readText(word), word)
  try {
    return parseTable(readText(`${TC_LIB()}/${word}.dist`), word)
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return word
    throw error
  }
}

function readSlot(words: Words, options: Tree): void {
  const drawn = words.take((word) => word === 'distribution') !== undefined
  const slot: Tree = drawn
    ? { distribution: distribution(words), ...several(words, 'slot', DRAWN_SLOTS) }
    : several(words, 'slot', SLOTS)
  for (;;) {
    const word = words.take((next) => next !== '' && ['packets', 'bytes'].some((key) => key.startsWith(next)))
    if (word === undefined) break
    if (word.startsWith('p')) slot.packets = one(words, 'packets', WHOLE)
    else slot.bytes = one(words, 'bytes', SIZE)
  }
  options.slot = slot
}

/** A plan's words, in tc's order: parseImpairWords() makes the same plan of them. */
export function formatImpair(plan: ImpairPlan): string {
  const { delay, loss, duplicate, reorder, corrupt, rate, slot } = plan
  const words: (string | undefined)[] = [
    plan.limit === undefined ? undefined : `limit ${plan.limit}`,
    delay && `delay ${units.formatTime(delay.time)}`,
    delay?.jitter && units.formatTime(delay.jitter),
    delay?.correlation && units.formatPercent(delay.correlation),
    delay?.distribution && `distribution ${nameOf(delay.distribution)}`,
    loss && formatLoss(loss),
    duplicate && formatChance('duplicate', duplicate),
    reorder && formatChance('reorder', reorder),
    reorder && reorder.gap !== 1 ? `gap ${reorder.gap}` : undefined,
    corrupt && formatChance('corrupt', corrupt),
    rate && formatRate(rate),
    slot && formatSlot(slot),
    plan.ecn && 'ecn',
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

function formatRate(plan: RatePlan): string {
  if ('trace' in plan) return `rate trace ${plan.trace.name ?? 'TRACE'}`
  const { rate, burst, overhead = 0, cellSize = 0, cellOverhead = 0 } = plan
  const numbers = [overhead, cellSize, cellOverhead]
  while (numbers.at(-1) === 0) numbers.pop()
  const words = ['rate', units.formatRate(rate), ...numbers]
  if (burst !== undefined) words.push('burst', units.formatSize(burst))
  return words.join(' ')
}

function nameOf(distribution: string | DistributionTable): string {
  return typeof distribution === 'string' ? distribution : (distribution.name ?? 'TABLE')
}

function formatSlot(slot: SlotPlan): string {
  const words: (string | number)[] = ['slot']
  if ('distribution' in slot)
    words.push('distribution', nameOf(slot.distribution), ...[slot.delay, slot.jitter].map(units.formatTime))
  else words.push(units.formatTime(slot.min), units.formatTime(slot.max))
  if (slot.packets !== undefined) words.push('packets', slot.packets)
  if (slot.bytes !== undefined) words.push('bytes', units.formatSize(slot.bytes))
  return words.join(' ')
}
