// What a failing test says about its cables, so that it can be understood and repeated: the seed, what was done
// to frames at each end and how often, the programs that ran, and where the capture is. Used by testbed.ts.

import { inspect } from 'node:util'
import { excessWords } from '../faults/excess.js'
import { formatImpair } from '../faults/impair-words.js'
import { formatRule } from '../faults/rule-words.js'
import type { End, EndStats, Pair } from '../index.js'
import { type CountedEnd, counted } from './counted.js'
import { countWords, frames } from './frame-words.js'

/** What is said of an end, whose statistics are `stats`, at the node that is called `node`. Taken while its pair lives. */
export function endWords(pair: Pair, letter: 'a' | 'b', stats?: EndStats, node: string = letter): string[] {
  const end = pair[letter]
  const state = pair.closed !== undefined ? 'gone' : end.isUp ? 'up' : 'down'
  const carrier = end.carrier ? '' : ', no carrier'
  return [
    `${node}: ${end.name}, ${state}${carrier}, mtu ${end.mtu}; ${trafficWords(counted(pair)[letter])}`,
    ...impairWords(end),
    ...ruleWords(end),
    ...excessWords(stats?.drops ?? {}).map((line) => `   ${line}`),
  ]
}

function trafficWords({ tx_packets, tx_dropped, rx_packets, drops }: CountedEnd): string {
  const why = tx_dropped === 0 ? '' : ` (${countWords(drops)})`
  return `sent ${frames(tx_packets + tx_dropped)}, of which ${tx_dropped} dropped${why}; received ${rx_packets}`
}

function impairWords(end: End): string[] {
  return end.impairment === null ? [] : [`   impair ${formatImpair(end.impairment)}`]
}

function ruleWords(end: End): string[] {
  return end.rules().map((rule) => {
    const { id, matched, hits } = rule
    return `   rule ${id}: ${formatRule(rule)} (matched ${matched}, acted on ${hits})`
  })
}

/** The whole of it; `words`: of the ends and of programs. */
export function reportWords(
  of: 'pair' | 'lab',
  words: readonly string[],
  seed: number,
  captures: readonly string[],
): string {
  const files = captures.map((capture) => `capture: ${capture}`)
  const lines = [`seed: ${seed}, to repeat: UVETH_SEED=${seed}`, ...words, ...files]
  return `uveth, the ${of} of this test:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

/** The error with the report in its message; one that is no Error becomes the cause of one. */
export function explained(error: unknown, report: string): unknown {
  if (!isErrorLike(error)) return new Error(`${thrownWords(error)}\n\n${report}`, { cause: error })
  const { message } = error
  const longer = message === '' ? report : `${message}\n\n${report}`
  try {
    const stack = error.stack
    error.message = longer
    if (stack !== undefined) error.stack = stackWith(stack, message, longer)
    return error
  } catch {
    return new Error(longer, { cause: error }) // frozen
  }
}

/** Of anything that was thrown and has no message. */
export function thrownWords(thrown: unknown): string {
  return typeof thrown === 'string' ? thrown : inspect(thrown)
}

export function isErrorLike(error: unknown): error is { message: string; stack?: string } {
  return typeof (error as { message?: unknown } | null | undefined)?.message === 'string'
}

/** The message stands in the stack too, which is what many runners print. */
function stackWith(stack: string, message: string, longer: string): string {
  if (message !== '' && stack.includes(message)) return stack.replace(message, () => longer)
  return stack.replace(/^.*$/m, (line) => `${line.replace(/[: ]+$/, '')}: ${longer}`)
}
