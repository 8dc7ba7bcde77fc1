// What flow.c wrote of one run, in columns. Used by compare.mjs; measures.mjs reads from it.

/**
 * @typedef {object} Sample
 * @property {number} frames sent
 * @property {Float64Array} sent ms, by number
 * @property {readonly Arrival[]} arrivals in the order of their coming
 * @property {readonly (readonly Arrival[])[]} of those of each frame, by number
 */

/**
 * @typedef {object} Arrival
 * @property {number} number
 * @property {number} length
 * @property {number} time ms since the first frame was sent
 * @property {number} delay ms
 * @property {number} flipped bits
 * @property {number} bit the first that is wrong, from the start of the frame
 */

/**
 * @param {string} text
 * @returns {Sample}
 */
export function readSample(text) {
  const lines = text.trimEnd().split('\n')
  const rows = lines.map((line) => line.split(' '))
  const out = rows.filter(([kind]) => kind === 'S')
  const start = BigInt(out[0]?.[3] ?? 0)
  const since = (/** @type {string} */ time) => Number(BigInt(time) - start) / 1e6
  const sent = Float64Array.from(out, ([, , , time = '0']) => since(time))
  /** @type {Arrival[][]} */
  const of = Array.from(out, () => [])
  /** @type {Arrival[]} */
  const arrivals = []
  for (const [kind, name, length, at = '0', flipped, bit] of rows) {
    const list = of[Number(name)]
    if (kind !== 'R' || list === undefined) continue
    const time = since(at)
    const delay = time - (sent[Number(name)] ?? Number.NaN)
    const arrival = {
      number: Number(name),
      length: Number(length),
      time,
      delay,
      flipped: Number(flipped),
      bit: Number(bit),
    }
    arrivals.push(arrival)
    list.push(arrival)
  }
  return { frames: sent.length, sent, arrivals, of }
}
