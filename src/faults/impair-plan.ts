// What users may ask of an impairment, and the plan that is made of it: validated, complete, plain data in
// one normal form. Called where options and changes come in; impairment.ts works from plans.

import { randomInt } from 'node:crypto'
import { invalid } from '../errors.js'
import { Fields, present } from './fields.js'
import { MAX_SEED } from './seed.js'
import { complement } from './units.js'

/** The shapes of random delays. */
export const DISTRIBUTIONS = ['uniform', 'normal', 'pareto', 'paretonormal'] as const
export type Distribution = (typeof DISTRIBUTIONS)[number]

/** A number of ms, or tc's words: `'10ms'`, `'500us'`, `'1s'`. */
type Time = number | string
/** A number of percent, 0 to 100, or a text: `'1%'`. */
type Percent = number | string

/** How often, and how much each draw depends on the one before. */
interface ChanceOptions {
  probability: Percent
  correlation?: Percent
}

/** What one direction of a pair does to its frames, in the words of tc-netem(8). */
export interface ImpairOptions {
  /** How long frames travel. */
  delay?: Time | { time?: Time; jitter?: Time; correlation?: Percent; distribution?: Distribution }
  /**
   * Frames that are lost: independently of each other, or by a Markov model: Gilbert-Elliott (h and k are the
   * probabilities that a frame gets through in the bad and in the good state) or the one of four states.
   */
  loss?:
    | Percent
    | { random: Percent; correlation?: Percent }
    | { gemodel: { p: Percent; r?: Percent; h?: Percent; k?: Percent } }
    | { state: { p13: Percent; p31?: Percent; p32?: Percent; p23?: Percent; p14?: Percent } }
  /** Frames that arrive twice. */
  duplicate?: Percent | ChanceOptions
  /** Frames that are sent at once while the others are delayed; with `gap` N only every N-th may be. */
  reorder?: Percent | (ChanceOptions & { gap?: number })
  /** Frames that arrive with one bit flipped. */
  corrupt?: Percent | ChanceOptions
  /**
   * Bits per second, or tc's words: `'10mbit'`. `burst` bytes may go at once after a pause; each frame
   * counts `overhead` bytes more, and whole cells if there is a `cellSize`.
   */
  rate?:
    | number
    | string
    | {
        rate: number | string
        burst?: number | string
        overhead?: number
        cellSize?: number
        cellOverhead?: number
      }
  /** How many frames may be held at a time; more are dropped. Default 1000. */
  limit?: number
  /** Frames leave together, in slots: `packets` frames or `bytes` in each. */
  slot?:
    | Time
    | { min: Time; max?: Time; packets?: number; bytes?: number | string }
    | { distribution: Distribution; delay: Time; jitter: Time; packets?: number; bytes?: number | string }
  /** 0 to 2^53 - 1. With the same seed the same frames are hit. Default: random. */
  seed?: number
}

export interface DelayPlan {
  time: number
  jitter?: number
  correlation?: number
  distribution?: Distribution
}
export interface ChancePlan {
  probability: number
  correlation?: number
}
export type LossPlan =
  | { random: number; correlation?: number }
  | { gemodel: { p: number; r: number; h: number; k: number } }
  | { state: { p13: number; p31: number; p32: number; p23: number; p14: number } }
export interface ReorderPlan extends ChancePlan {
  gap: number
}
export interface RatePlan {
  rate: number
  burst?: number
  overhead?: number
  cellSize?: number
  cellOverhead?: number
}
export type SlotPlan = (
  | { min: number; max: number }
  | { distribution: Distribution; delay: number; jitter: number }
) & {
  packets?: number
  bytes?: number
}

/**
 * The normal form: ms, percent, bits per second and bytes as numbers. What does nothing (0 %, no delay) is
 * left out; `seed` and `limit` are always there.
 */
export interface ImpairPlan {
  delay?: DelayPlan
  loss?: LossPlan
  duplicate?: ChancePlan
  reorder?: ReorderPlan
  corrupt?: ChancePlan
  rate?: RatePlan
  slot?: SlotPlan
  limit: number
  seed: number
}

const DEFAULT_LIMIT = 1000
const MAX_LIMIT = 2 ** 32 - 1
const MAX_INT = 2 ** 31 - 1

const KEYS = ['delay', 'loss', 'duplicate', 'reorder', 'corrupt', 'rate', 'limit', 'slot', 'seed']
const STATES = ['p13', 'p31', 'p32', 'p23', 'p14']

/** Checks `options`; `attribute` is what messages call them. */
export function planImpair(options: unknown, attribute: string): ImpairPlan {
  const fields = new Fields(options, attribute, KEYS)
  const plan = present<ImpairPlan>({
    delay: planDelay(fields.fields('delay', ['time', 'jitter', 'correlation', 'distribution'], 'time')),
    loss: planLoss(fields.fields('loss', ['random', 'correlation', 'gemodel', 'state'], 'random')),
    duplicate: planChance(fields.fields('duplicate', ['probability', 'correlation'], 'probability')),
    reorder: planReorder(fields.fields('reorder', ['probability', 'correlation', 'gap'], 'probability')),
    corrupt: planChance(fields.fields('corrupt', ['probability', 'correlation'], 'probability')),
    rate: planRate(fields.fields('rate', ['rate', 'burst', 'overhead', 'cellSize', 'cellOverhead'], 'rate')),
    slot: planSlot(
      fields.fields('slot', ['min', 'max', 'distribution', 'delay', 'jitter', 'packets', 'bytes'], 'min'),
    ),
    limit: fields.whole('limit', 0, MAX_LIMIT) ?? DEFAULT_LIMIT,
    seed: fields.whole('seed', 0, MAX_SEED) ?? randomInt(2 ** 32),
  })
  if (plan.reorder !== undefined && (plan.delay?.time ?? 0) === 0) {
    throw invalid('reordering not possible without specifying some delay', fields.at('reorder'))
  }
  return plan
}

/**
 * Changes `plan` (null: there is none) as a JSON merge patch does (RFC 7396): what is named is replaced,
 * objects part by part, and null removes. The seed stays unless it is named.
 */
export function mergeImpair(plan: ImpairPlan | null, patch: unknown, attribute: string): ImpairPlan {
  new Fields(patch, attribute, KEYS)
  return planImpair(merge(plan ?? {}, patch as Tree), attribute)
}

type Tree = { [key: string]: unknown }

/** These stand for each other, so that a patch that names one removes the rest. */
const INSTEAD = [['random', 'correlation'], ['gemodel'], ['state']]
const SLOTS = [
  ['min', 'max'],
  ['distribution', 'delay', 'jitter'],
]

function merge(target: object, patch: Tree): Tree {
  const merged: Tree = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else if (isTree(value)) {
      const present = merged[key]
      const alternatives = key === 'loss' ? INSTEAD : key === 'slot' ? SLOTS : []
      merged[key] = merge(isTree(present) ? compatible(present, value, alternatives) : {}, value)
    } else merged[key] = value
  }
  return merged
}

function compatible(present: Tree, patch: Tree, alternatives: string[][]): Tree {
  const chosen = alternatives.find((keys) =>
    keys.some((key) => patch[key] !== undefined && patch[key] !== null),
  )
  if (chosen === undefined) return present
  const others = alternatives.filter((keys) => keys !== chosen).flat()
  return Object.fromEntries(Object.entries(present).filter(([key]) => !others.includes(key)))
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function planDelay(fields?: Fields): DelayPlan | undefined {
  if (fields === undefined) return undefined
  const time = fields.time('time') ?? 0
  const jitter = fields.time('jitter') ?? 0
  const correlation = fields.percent('correlation')
  const distribution = fields.oneOf('distribution', DISTRIBUTIONS)
  if (distribution !== undefined && (time === 0 || jitter === 0)) {
    throw invalid('distribution specified but no delay and jitter values', fields.at('distribution'))
  }
  if (jitter === 0) return time === 0 ? undefined : { time }
  const shape = distribution === 'uniform' ? undefined : distribution
  return present<DelayPlan>({ time, jitter, correlation: correlation || undefined, distribution: shape })
}

function planLoss(fields?: Fields): LossPlan | undefined {
  if (fields === undefined) return undefined
  const models = ['random', 'gemodel', 'state'].filter((model) => fields.has(model))
  if (models.length !== 1) {
    throw invalid(`${fields.attribute} takes one of random, gemodel and state`, fields.attribute)
  }
  const correlation = fields.percent('correlation') || undefined
  const gemodel = fields.fields('gemodel', ['p', 'r', 'h', 'k'], 'p')
  const state = fields.fields('state', STATES, 'p13')
  if (gemodel === undefined && state === undefined) {
    const random = fields.percent('random')
    return random ? present<LossPlan>({ random, correlation }) : undefined
  }
  if (correlation !== undefined) {
    throw invalid(`${fields.at('correlation')} goes with random only`, fields.at('correlation'))
  }
  return gemodel === undefined ? planStates(state as Fields) : planGilbert(gemodel)
}

/** Defaults as tc's: r = 1 - p, h = 0 (bad loses all), k = 1 (good loses nothing). */
function planGilbert(fields: Fields): LossPlan {
  const p = fields.must('p', fields.percent('p'))
  const r = fields.percent('r') ?? complement(p)
  return { gemodel: { p, r, h: fields.percent('h') ?? 0, k: fields.percent('k') ?? 100 } }
}

/** Defaults as tc's: p31 = 1 - p13, p32 = 0, p23 = 1, p14 = 0. */
function planStates(fields: Fields): LossPlan {
  const p13 = fields.must('p13', fields.percent('p13'))
  const p31 = fields.percent('p31') ?? complement(p13)
  const p32 = fields.percent('p32') ?? 0
  const p23 = fields.percent('p23') ?? 100
  const p14 = fields.percent('p14') ?? 0
  if (p13 + p14 > 100) throw invalid('p13 and p14 are more than 100% together', fields.at('p14'))
  if (p31 + p32 > 100) throw invalid('p31 and p32 are more than 100% together', fields.at('p32'))
  return { state: { p13, p31, p32, p23, p14 } }
}

function planChance(fields?: Fields): ChancePlan | undefined {
  if (fields === undefined) return undefined
  const probability = fields.must('probability', fields.percent('probability'))
  const correlation = fields.percent('correlation') || undefined
  return probability === 0 ? undefined : present<ChancePlan>({ probability, correlation })
}

function planReorder(fields?: Fields): ReorderPlan | undefined {
  if (fields === undefined) return undefined
  const gap = fields.whole('gap', 1, MAX_LIMIT)
  if (gap !== undefined && !fields.has('probability')) {
    throw invalid('gap specified without reorder probability', fields.at('gap'))
  }
  const chance = planChance(fields)
  return chance === undefined ? undefined : { ...chance, gap: gap ?? 1 }
}

function planRate(fields?: Fields): RatePlan | undefined {
  if (fields === undefined) return undefined
  const rate = fields.must('rate', fields.rate('rate'))
  const plan = {
    rate,
    burst: fields.size('burst') || undefined,
    overhead: fields.whole('overhead', -MAX_INT, MAX_INT) || undefined,
    cellSize: fields.whole('cellSize', 0, MAX_INT) || undefined,
    cellOverhead: fields.whole('cellOverhead', -MAX_INT, MAX_INT) || undefined,
  }
  if (plan.cellSize !== undefined && plan.cellSize + (plan.cellOverhead ?? 0) < 0) {
    throw invalid('cells would have less than no bytes', fields.at('cellOverhead'))
  }
  return rate === 0 ? undefined : present<RatePlan>(plan)
}

function planSlot(fields?: Fields): SlotPlan | undefined {
  if (fields === undefined) return undefined
  const most = {
    packets: fields.whole('packets', 0, MAX_INT) || undefined,
    bytes: fields.size('bytes') || undefined,
  }
  const distribution = fields.oneOf('distribution', DISTRIBUTIONS)
  const min = fields.time('min')
  const delay = fields.time('delay')
  const jitter = fields.time('jitter')
  if (distribution !== undefined) {
    if (min !== undefined) throw invalid(`${fields.attribute} takes min or distribution`, fields.at('min'))
    if (jitter === 0) throw invalid('slot jitter must be more than 0', fields.at('jitter'))
    const shape = { distribution, delay: fields.must('delay', delay), jitter: fields.must('jitter', jitter) }
    return present<SlotPlan>({ ...shape, ...most })
  }
  const max = fields.time('max') ?? min
  if (min !== undefined && max !== undefined && max < min) {
    throw invalid('slot min delay greater than max delay', fields.at('max'))
  }
  return max === 0
    ? undefined
    : present<SlotPlan>({ min: fields.must('min', min), max: max as number, ...most })
}
