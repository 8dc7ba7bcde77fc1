// Makes the plan of an impairment: checks that what a user wrote goes together (each part is checked by its shape,
// wishes/impair.ts), and brings it into one normal form: complete, plain data. Called where options and changes come
// in; hooks/impairment.ts works from plans.

import { randomInt } from 'node:crypto'
import { invalid } from '../errors.js'
import { IMPAIR, IMPAIR_PATCH, type Seed } from '../wishes/impair.js'
import type { Distribution } from '../wishes/names.js'
import { at, type Given, type Read } from '../wishes/shape.js'
import type { DistributionTable, RateTrace } from '../wishes/tables.js'
import { complement } from '../wishes/units.js'

/** What one direction of a pair does to its frames, in the words of tc-netem(8). */
export type ImpairOptions = Given<typeof IMPAIR>
type Parts = Read<typeof IMPAIR>
type Part<K extends keyof Parts> = Parts[K] | undefined

export interface DelayPlan {
  time: number
  jitter?: number
  correlation?: number
  distribution?: Distribution | DistributionTable
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
export interface SteadyPlan {
  rate: number
  burst?: number
  overhead?: number
  cellSize?: number
  cellOverhead?: number
}
export type RatePlan = SteadyPlan | { trace: RateTrace }
export type SlotPlan = (
  | { min: number; max: number }
  | { distribution: Distribution | DistributionTable; delay: number; jitter: number }
) & {
  packets?: number
  bytes?: number
}

/**
 * The normal form: ms, percent, bits per second and bytes as numbers. What does nothing (0 %, no delay) is
 * left out; `seed` is always there. Without `limit` hooks/impairment.ts knows how much may be held.
 */
export interface ImpairPlan {
  delay?: DelayPlan
  loss?: LossPlan
  duplicate?: ChancePlan
  reorder?: ReorderPlan
  corrupt?: ChancePlan
  rate?: RatePlan
  slot?: SlotPlan
  limit?: number
  /** Frames of who takes part in ECN are marked instead of lost. */
  ecn?: true
  seed: Seed
}

/** Checks `options`; `attribute` is what messages call them. */
export function planImpair(options: unknown, attribute: string): ImpairPlan {
  const { delay, loss, duplicate, reorder, corrupt, rate, slot, limit, ecn, seed } = IMPAIR.read(
    options,
    attribute,
  )
  const of = (key: keyof Parts) => at(attribute, key)
  const lost = planLoss(loss, of('loss'))
  if (ecn === true && loss === undefined) throw invalid('ecn specified without loss', of('ecn'))
  const plan = present<ImpairPlan>({
    delay: planDelay(delay, of('delay')),
    loss: lost,
    duplicate: planChance(duplicate),
    reorder: planReorder(reorder, of('reorder')),
    corrupt: planChance(corrupt),
    rate: planRate(rate, of('rate')),
    slot: planSlot(slot, of('slot')),
    limit,
    ecn: ecn === true && lost !== undefined ? true : undefined,
    seed: seed ?? randomInt(2 ** 32),
  })
  if (plan.reorder !== undefined && (plan.delay?.time ?? 0) === 0) {
    throw invalid('reordering not possible without specifying some delay', of('reorder'))
  }
  return plan
}

/**
 * Changes `plan` (null: there is none) as a JSON merge patch does (RFC 7396): what is named is replaced,
 * objects part by part, and null removes. The seed stays unless it is named.
 */
export function mergeImpair(plan: ImpairPlan | null, patch: unknown, attribute: string): ImpairPlan {
  IMPAIR_PATCH.read(patch, attribute)
  return planImpair(merge(plan ?? {}, patch as Tree), attribute)
}

type Tree = { [key: string]: unknown }

/** These stand for each other, so that a patch that names one removes the rest. */
const INSTEAD = [['random', 'correlation'], ['gemodel'], ['state']]
const SLOTS = [
  ['min', 'max'],
  ['distribution', 'delay', 'jitter'],
]
const RATES = [['rate', 'burst', 'overhead', 'cellSize', 'cellOverhead'], ['trace']]
const ALTERNATIVES: Record<string, string[][]> = { loss: INSTEAD, slot: SLOTS, rate: RATES }

function merge(target: object, patch: Tree): Tree {
  const merged: Tree = { ...target }
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else if (isTree(value)) {
      const present = merged[key]
      const alternatives = ALTERNATIVES[key] ?? []
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

function planDelay(delay: Part<'delay'>, attribute: string): DelayPlan | undefined {
  if (delay === undefined) return undefined
  const { time = 0, jitter = 0, correlation, distribution } = delay
  if (distribution !== undefined && (time === 0 || jitter === 0)) {
    throw invalid('distribution specified but no delay and jitter values', at(attribute, 'distribution'))
  }
  if (jitter === 0) return time === 0 ? undefined : { time }
  const shape = distribution === 'uniform' ? undefined : distribution
  return present<DelayPlan>({ time, jitter, correlation: correlation || undefined, distribution: shape })
}

function planLoss(loss: Part<'loss'>, attribute: string): LossPlan | undefined {
  if (loss === undefined) return undefined
  const { random, gemodel, state } = loss
  if ([random, gemodel, state].filter((model) => model !== undefined).length !== 1) {
    throw invalid(`${attribute} takes one of random, gemodel and state`, attribute)
  }
  const correlation = loss.correlation || undefined
  if (random !== undefined) return random === 0 ? undefined : present<LossPlan>({ random, correlation })
  if (correlation !== undefined) {
    const name = at(attribute, 'correlation')
    throw invalid(`${name} goes with random only`, name)
  }
  // Defaults as tc's: r = 1 - p, h = 0 (bad loses all), k = 1 (good loses nothing).
  if (gemodel !== undefined) return { gemodel: { r: complement(gemodel.p), h: 0, k: 100, ...gemodel } }
  return state && planStates(state, at(attribute, 'state'))
}

/** Defaults as tc's: p31 = 1 - p13, p32 = 0, p23 = 1, p14 = 0. */
function planStates(given: NonNullable<NonNullable<Part<'loss'>>['state']>, attribute: string): LossPlan {
  const state = { p31: complement(given.p13), p32: 0, p23: 100, p14: 0, ...given }
  const { p13, p14, p31, p32 } = state
  if (p13 + p14 > 100) throw invalid('p13 and p14 are more than 100% together', at(attribute, 'p14'))
  if (p31 + p32 > 100) throw invalid('p31 and p32 are more than 100% together', at(attribute, 'p32'))
  return { state }
}

function planChance(chance: Part<'duplicate'>): ChancePlan | undefined {
  if (chance === undefined || chance.probability === 0) return undefined
  const { probability, correlation } = chance
  return present<ChancePlan>({ probability, correlation: correlation || undefined })
}

function planReorder(reorder: Part<'reorder'>, attribute: string): ReorderPlan | undefined {
  if (reorder === undefined) return undefined
  const { probability, gap, correlation } = reorder
  if (probability === undefined) {
    const name = at(attribute, gap === undefined ? 'probability' : 'gap')
    throw invalid(
      gap === undefined ? `${name} is missing` : 'gap specified without reorder probability',
      name,
    )
  }
  const chance = planChance(present({ probability, correlation }))
  return chance && { ...chance, gap: gap ?? 1 }
}

function planRate(given: Part<'rate'>, attribute: string): RatePlan | undefined {
  if (given === undefined || given.rate === 0) return undefined
  const { rate, trace, burst, overhead, cellSize, cellOverhead } = given
  if (trace !== undefined) {
    const beside = Object.keys(given).find((key) => key !== 'trace')
    if (beside === undefined) return { trace }
    throw invalid(`${at(attribute, beside)} does not go with a trace`, at(attribute, beside))
  }
  if (rate === undefined) throw invalid(`${at(attribute, 'rate')} is missing`, at(attribute, 'rate'))
  if (cellSize && cellSize + (cellOverhead ?? 0) < 0) {
    throw invalid('cells would have less than no bytes', at(attribute, 'cellOverhead'))
  }
  return present<SteadyPlan>({
    rate,
    burst: burst || undefined,
    overhead: overhead || undefined,
    cellSize: cellSize || undefined,
    cellOverhead: cellOverhead || undefined,
  })
}

function planSlot(slot: Part<'slot'>, attribute: string): SlotPlan | undefined {
  if (slot === undefined) return undefined
  const must = (key: 'min' | 'delay' | 'jitter') => {
    const value = slot[key]
    if (value !== undefined) return value
    throw invalid(`${at(attribute, key)} is missing`, at(attribute, key))
  }
  const { min, max = min, distribution, jitter } = slot
  const most = { packets: slot.packets || undefined, bytes: slot.bytes || undefined }
  if (distribution !== undefined) {
    if (min !== undefined) throw invalid(`${attribute} takes min or distribution`, at(attribute, 'min'))
    if (jitter === 0) throw invalid('slot jitter must be more than 0', at(attribute, 'jitter'))
    return present<SlotPlan>({ distribution, delay: must('delay'), jitter: must('jitter'), ...most })
  }
  if (min !== undefined && max !== undefined && max < min) {
    throw invalid('slot min delay greater than max delay', at(attribute, 'max'))
  }
  return max === 0 ? undefined : present<SlotPlan>({ min: must('min'), max: max as number, ...most })
}

/** The same object without the keys that have no value. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
