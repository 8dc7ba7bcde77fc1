// From what programs, pairs and listeners have counted to one direction's page in the books: soak.mjs reads before and
// after a round, this makes the difference of both, as books.mjs takes it. Pure arithmetic.

import { difference } from './books.mjs'

/** @import { Which } from './lines.mjs' */

const LETTERS = /** @type {const} */ (['a', 'b'])

/** @param {number[]} numbers */
export function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0)
}

/** @param {{ ends: import('./ground.mjs').FlowCounts[] }[]} counts of all places @param {number} end */
export function sumOfPlaces(counts, end) {
  const total = { raw: 0, udp: 0, full: 0, good: 0, again: 0, damaged: 0, late: 0 }
  for (const { ends } of counts) {
    for (const key of /** @type {(keyof typeof total)[]} */ (Object.keys(total)))
      total[key] += ends[end]?.[key] ?? 0
  }
  return total
}

/** @param {ReturnType<typeof sumOfPlaces>} counts @param {number} unheard */
export function listenerOf({ good, again, damaged, late }, unheard) {
  return { good, again, damaged, late, unheard }
}

/** @param {any} stats of one end */
function cableOf({ tx_packets, drops, inspected, rules, kernel }) {
  const { copied, injected, held, corrupted, duplicated } = inspected
  const hits = rules.filter((/** @type {any} */ { action }) => action.kind === 'corrupt')
  const byRules = sum(hits.map((/** @type {any} */ { hits }) => hits))
  return {
    from: { tx_packets: kernel.tx_packets, tx_dropped: kernel.tx_dropped },
    to: { rx_packets: kernel.rx_packets },
    cable: { sent: tx_packets, copied, injected, held, drops, corrupted: corrupted + byRules, duplicated },
  }
}

/** @param {any} before @param {any} after @param {number} n @param {Which} end @param {number} unheard */
export function readingOf(before, after, n, end, unheard) {
  const counts = difference(sumOfPlaces(after.counts, 2 * n + end), sumOfPlaces(before.counts, 2 * n + end))
  const of = (/** @type {any} */ readings, /** @type {Which} */ which) =>
    cableOf(readings.stats[n][LETTERS[which]])
  const sending = difference(of(after, end), of(before, end))
  const peer = /** @type {Which} */ (1 - end)
  const { to } = difference(of(after, peer), of(before, peer))
  const { cable, from } = sending
  // A copy of a damaged frame is damaged, too.
  const corrupted = cable.corrupted === 0 ? 0 : cable.corrupted + cable.copied
  return {
    program: counts,
    from,
    cable: { ...cable, held: after.stats[n][LETTERS[end]].inspected.held, corrupted },
    to,
    listener: listenerOf(counts, unheard),
  }
}
