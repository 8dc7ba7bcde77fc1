// Provokes one fault after another, each on a daemon and ground of its own. A fault throws when it was not held, and
// answers what it has seen. Those of pending.mjs are passed over unless asked for, and then only told.

import { PENDING } from './pending.mjs'
import { FILE_FAULTS } from './provoke-files.mjs'
import { FRAME_FAULTS } from './provoke-frames.mjs'
import { LIFE_FAULTS } from './provoke-life.mjs'
import { NEIGHBOUR_FAULTS } from './provoke-neighbours.mjs'

/**
 * @typedef {object} Fault
 * @property {string} name as --fault takes it
 * @property {string} kind of harm, for the table
 * @property {string} title what is done
 * @property {boolean} [slow] not in the short form
 * @property {() => Promise<string>} act
 */
/** @typedef {{ kind: string, title: string, outcome: 'held' | 'open' | 'FAILED' | 'skipped', detail: string }} Shown */

/** @type {Fault[]} */
export const FAULTS = [...FRAME_FAULTS, ...NEIGHBOUR_FAULTS, ...LIFE_FAULTS, ...FILE_FAULTS]

/**
 * @param {{ named: string[], short: boolean, pending: boolean }} options
 * @param {(line: string) => void} tell
 * @returns {Promise<Shown[]>}
 */
export async function provoke({ named, short, pending }, tell) {
  /** @type {Shown[]} */
  const shown = []
  const wanted = FAULTS.filter(({ name, slow }) =>
    named.length > 0 ? named.includes(name) : !(short && slow),
  )
  for (const fault of wanted) {
    const missing = PENDING[fault.name]
    const began = performance.now()
    const passed = missing !== undefined && !pending && named.length === 0
    const one = passed
      ? { outcome: /** @type {const} */ ('open'), detail: missing }
      : await outcomeOf(fault, missing)
    const seconds = ((performance.now() - began) / 1_000).toFixed(1)
    tell(`${fault.name} (${seconds} s): ${one.outcome}${one.detail === '' ? '' : `: ${one.detail}`}`)
    shown.push({ kind: fault.kind, title: fault.title, ...one })
  }
  return shown
}

/** For what hangs; a busy machine does not come near it. */
const PATIENCE_MS = 120_000

/** @returns {Promise<never>} */
function hanging() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`not over after ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS).unref()
  })
}

/** @param {Fault} fault @param {string | undefined} missing @returns {Promise<Pick<Shown, 'outcome' | 'detail'>>} */
async function outcomeOf(fault, missing) {
  try {
    const detail = await Promise.race([fault.act(), hanging()])
    return {
      outcome: 'held',
      detail: missing === undefined ? detail : `${detail} (take it out of pending.mjs)`,
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    if (error instanceof Error && error.name === 'Impossible') return { outcome: 'skipped', detail }
    return { outcome: missing === undefined ? 'FAILED' : 'open', detail: detail.slice(0, 300) }
  }
}
