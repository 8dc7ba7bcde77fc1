// The books of scripts/faults: of each direction, what was handed over must be what arrived and what was dropped, at
// every station, by counters of different owners: the sender's program, the sending interface, the data path, the
// receiving interface, the listener. Pure arithmetic over differences of two readings at rest; soak.mjs reads and asks.

/**
 * One direction in one round.
 * @typedef {object} Reading
 * @property {{ raw: number, udp: number, full: number }} program frames that the kernel took, by the way they went;
 *   `full`: refused by the device, which has counted a drop
 * @property {{ tx_packets: number, tx_dropped: number }} from the sending interface's own counters
 * @property {{ sent: number, copied: number, injected: number, held: number, drops: Record<string, number>,
 *   corrupted: number, duplicated: number }} cable the data path's; among `drops` those in front of the interface, too
 * @property {{ rx_packets: number }} to the receiving interface's own; what a stack behind it did not want has been heard
 * @property {{ good: number, again: number, damaged: number, late: number, unheard: number }} listener
 */

/**
 * What may have been in this round.
 * @typedef {object} Allowed
 * @property {boolean} interrupted the sending end was without carrier, or down: what came from above then had no device
 *   to go to, and the kernel counts that nowhere
 * @property {boolean} disordered something was ordered that reorders
 */

/** @param {Record<string, number>} drops */
function sumOf(drops) {
  return Object.values(drops).reduce((sum, count) => sum + count, 0)
}

/**
 * @param {Reading} reading
 * @param {Allowed} allowed
 * @returns {{ problems: string[], above: number }} nothing when it balances; `above`: what never came to the device
 */
export function balance({ program, from, cable, to, listener }, { interrupted, disordered }) {
  /** @type {string[]} */
  const problems = []
  const equal = (/** @type {string} */ what, /** @type {number} */ one, /** @type {number} */ other) => {
    if (one !== other) problems.push(`${what}: ${one}, not ${other}`)
  }
  const above = program.raw + program.udp + program.full - from.tx_packets - from.tx_dropped
  if (above < 0) problems.push(`the interface counted ${-above} more than were sent`)
  if (above > 0 && !interrupted) problems.push(`${above} frames never came to the interface`)

  equal(
    'read by the cable, dropped in front of it, and copied: sent, dropped and held',
    from.tx_packets + from.tx_dropped + cable.copied + cable.injected,
    cable.sent + sumOf(cable.drops) + cable.held,
  )
  equal('held at rest', cable.held, 0)
  equal('received by the peer: what the cable sent', to.rx_packets, cable.sent)
  const heard = listener.good + listener.again + listener.damaged
  // The listener's own socket may have been full; then it is not known whose frames it missed.
  const missing = to.rx_packets - heard
  if (missing < 0 || missing > listener.unheard)
    problems.push(`heard: ${heard}, of ${to.rx_packets} received`)
  if (listener.damaged > cable.corrupted) {
    problems.push(`damaged: ${listener.damaged}, though ${cable.corrupted} were to be`)
  }
  if (listener.again > cable.copied)
    problems.push(`twice: ${listener.again}, though ${cable.copied} were copied`)
  if (listener.late > 0 && !disordered) problems.push(`out of order: ${listener.late}`)
  return { problems, above }
}

/**
 * A round in which the interfaces themselves ended, and their counters with them: what had been handed to a device
 * that then went is lost, but no more than one can hold; and nothing else may have happened to any frame.
 * @param {{ program: { raw: number, udp: number }, listener: Reading['listener'] }} reading
 * @param {number} most frames that can be on their way
 * @returns {{ problems: string[], lost: number }}
 */
export function balanceCut({ program, listener }, most) {
  /** @type {string[]} */
  const problems = []
  const lost = program.raw + program.udp - listener.good
  if (lost < 0) problems.push(`${-lost} more arrived than were sent`)
  if (lost > most) problems.push(`${lost} lost, though only ${most} can have been on their way`)
  for (const what of /** @type {const} */ (['damaged', 'again', 'late'])) {
    if (listener[what] > 0) problems.push(`${what}: ${listener[what]}`)
  }
  return { problems, lost }
}

/**
 * The difference of two readings of the same shape.
 * @template {object} T
 * @param {T} now
 * @param {T} before
 * @returns {T}
 */
export function difference(now, before) {
  return /** @type {T} */ (
    Object.fromEntries(
      Object.entries(now).map(([key, value]) => {
        const old = /** @type {any} */ (before)[key]
        return [key, typeof value === 'object' ? difference(value, old) : value - old]
      }),
    )
  )
}
