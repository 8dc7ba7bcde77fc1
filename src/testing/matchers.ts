// Assertions about what a pair has carried and dropped: for `expect.extend(matchers)` of vitest and of Jest,
// and as plain functions, which throw AssertionErrors, for node:test. All of them are awaited: frames may be
// on their way. Each takes a pair, or what withPair hands out.

import { AssertionError } from 'node:assert'
import { invalid } from '../errors.js'
import type { Match, Pair } from '../index.js'
import { type CarriedOptions, carried, type DroppedOptions, dropped, type Verdict } from './expectation.js'

/** A pair, or something that has one. */
export type Observed = Pair | { readonly pair: Pair }

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
    return resultOf(await carried(pairOf(received), match, options, this.isNot === true))
  },

  async toHaveDropped(
    this: MatcherContext,
    received: unknown,
    options: DroppedOptions = {},
  ): Promise<MatcherResult> {
    return resultOf(await dropped(pairOf(received), options, this.isNot === true))
  },
}

/** Frames that match were delivered: one or more, or exactly `times` (0: none). */
export async function assertCarried(
  pair: Observed,
  match?: Match,
  options: CarriedOptions = {},
): Promise<void> {
  insist(await carried(pairOf(pair), match, options, false), assertCarried)
}

/** Frames were dropped, by that cause: one or more, or exactly `times` (0: none). */
export async function assertDropped(pair: Observed, options: DroppedOptions = {}): Promise<void> {
  insist(await dropped(pairOf(pair), options, false), assertDropped)
}

function insist({ pass, message }: Verdict, from: (...args: never[]) => unknown): void {
  if (!pass) throw new AssertionError({ message, stackStartFn: from })
}

function resultOf({ pass, message }: Verdict): MatcherResult {
  return { pass, message: () => message }
}

function pairOf(received: unknown): Pair {
  if (isPair(received)) return received
  const pair = (received as { pair?: unknown } | null | undefined)?.pair
  if (isPair(pair)) return pair
  throw invalid('give a pair, or what withPair hands out', 'pair')
}

/** By its looks: a test runner may have loaded the package twice. */
function isPair(value: unknown): value is Pair {
  return typeof (value as Partial<Pair> | null | undefined)?.sightings === 'function'
}
