// Assertions about what a pair or a lab has carried and dropped: for `expect.extend(matchers)` of vitest and of Jest,
// and as plain functions, which throw AssertionErrors, for node:test. All of them are awaited: frames may be
// on their way. Each takes a pair, or what withPair or lab hands out.

import { AssertionError } from 'node:assert'
import { invalid } from '../errors.js'
import type { End, Match, Pair } from '../index.js'
import {
  type CarriedOptions,
  carried,
  type DroppedOptions,
  dropped,
  type Subject,
  type Verdict,
} from './expectation.js'
import type { Lab } from './lab-types.js'

/** A pair, something that has one, or a lab. */
export type Observed = Pair | { readonly pair: Pair } | Pick<Lab, 'nodes' | 'cables'>

/** Types of the matchers, for `declare module`. */
export interface PairMatchers {
  /** Frames that match were delivered since the test began. Without a match: any frame. Await it. */
  toHaveCarried(match?: Match, options?: CarriedOptions): Promise<void>
  /** Frames were dropped since then, by that cause. Await it. */
  toHaveDropped(options?: DroppedOptions): Promise<void>
}

interface MatcherContext {
  isNot?: boolean
}

interface MatcherResult {
  pass: boolean
  message(): string
}

export const matchers = {
  async toHaveCarried(
    this: MatcherContext,
    received: unknown,
    match?: Match,
    options: CarriedOptions = {},
  ): Promise<MatcherResult> {
    return resultOf(await carried(subjectOf(received), match, options, this.isNot === true))
  },

  async toHaveDropped(
    this: MatcherContext,
    received: unknown,
    options: DroppedOptions = {},
  ): Promise<MatcherResult> {
    return resultOf(await dropped(subjectOf(received), options, this.isNot === true))
  },
}

/** Frames that match were delivered: one or more, or exactly `times` (0: none). */
export async function assertCarried(
  pair: Observed,
  match?: Match,
  options: CarriedOptions = {},
): Promise<void> {
  insist(await carried(subjectOf(pair), match, options, false), assertCarried)
}

/** Frames were dropped, by that cause: one or more, or exactly `times` (0: none). */
export async function assertDropped(pair: Observed, options: DroppedOptions = {}): Promise<void> {
  insist(await dropped(subjectOf(pair), options, false), assertDropped)
}

function insist({ pass, message }: Verdict, from: (...args: never[]) => unknown): void {
  if (!pass) throw new AssertionError({ message, stackStartFn: from })
}

function resultOf({ pass, message }: Verdict): MatcherResult {
  return { pass, message: () => message }
}

/** The ends that are asked about, by their names. */
function subjectOf(received: unknown): Subject {
  const { pair, nodes, cables } = Object(received) as { pair?: unknown; nodes?: unknown; cables?: unknown }
  const one = [received, pair].find(isPair)
  if (one !== undefined) return { what: 'pair', ends: endsOf(one) }
  const pairs = Object.values(Object(cables)).filter(isPair)
  if (pairs.length === 0 || typeof nodes !== 'object')
    throw invalid('give a pair, or what withPair or lab hands out', 'pair')
  const labels = labelsOf(nodes as Lab['nodes'])
  return { what: 'lab', ends: pairs.flatMap((pair) => endsOf(pair, (end) => labels.get(end) ?? end.name)) }
}

function endsOf(pair: Pair, labelOf?: (end: End) => string): Subject['ends'] {
  return (['a', 'b'] as const).map((end) => ({ pair, end, label: labelOf?.(pair[end]) ?? end }))
}

/** `client:eth0` of each end. */
function labelsOf(nodes: Lab['nodes']): Map<End, string> {
  return new Map(
    Object.values(nodes).flatMap(({ name: node, ends }) =>
      Object.entries(ends).map(([name, end]): [End, string] => [end, `${node}:${name}`]),
    ),
  )
}

/** By its looks: a test runner may have loaded the package twice. */
function isPair(value: unknown): value is Pair {
  return typeof (value as Partial<Pair> | null | undefined)?.sightings === 'function'
}
