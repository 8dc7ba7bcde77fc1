// What is given to both: words for `tc qdisc … netem` and for `impair` alike, the traffic, and which measures
// (measures.mjs) tell whether both understand the same by them. Data, and the choice among it.

/**
 * @typedef {object} Form
 * @property {string} words
 * @property {readonly string[]} compare names of measures.mjs
 * @property {Readonly<Record<string, string>>} [reasons] why a measure differs; docs/netem.md says more
 * @property {number} [frames]
 * @property {number} [gap] ns between two frames
 * @property {readonly number[]} [lengths] of frames, in turn
 */

export const FRAMES = 4_000
/** 1,000 frames a second: an emulated machine keeps up. */
export const GAP = 1_000_000
export const LENGTHS = [60, 61, 200, 777, 1514]

const LOSS = ['lost', 'lossRuns']
const JUMPS = ['jumped', 'jumpGaps', 'late']
const DELAY = ['delay', 'serial', 'late']

const COPIES = 'a copy has the damage of its frame'
const MODEL = 'copies do not move the model on'
const GAPS = 'lost frames count'
const CORRELATED = "netem's correlation is lost in its arithmetic"
const NOT_SENT = '`tc` does not send this correlation'

/** @type {readonly Form[]} */
export const FORMS = [
  { words: 'limit 1000', compare: ['lost', 'doubled', 'corrupted', 'late', 'delay'] },
  { words: 'delay 50ms limit 20', compare: ['dropped', 'delay'] },
  { words: 'delay 50ms reorder 25% limit 20', compare: ['lost', 'jumped'] },
  { words: 'rate 3mbit', compare: ['throughput', 'late', 'delay'], frames: 2_000 },
  { words: 'rate 3mbit 20', compare: ['throughput', 'late', 'delay'], frames: 2_000 },
  { words: 'rate 3mbit 20 48 5', compare: ['throughput', 'late', 'delay'], frames: 2_000 },
  { words: 'rate 3mbit -14', compare: ['throughput', 'late', 'delay'], frames: 2_000 },
  { words: 'rate 1mbit', compare: ['dropped', 'throughput'], frames: 3_000 },
  { words: 'rate 10mbit delay 30ms 10ms', compare: ['throughput', 'late', 'delay'] },
  { words: 'rate 3mbit delay 20ms loss 2%', compare: ['throughput', 'late', 'lost'], frames: 2_000 },
  { words: 'slot 20ms', compare: ['groups', 'groupGaps', 'late'] },
  { words: 'slot 10ms 40ms', compare: ['groups', 'groupGaps', 'late'] },
  { words: 'slot 10ms 30ms packets 25', compare: ['groups', 'groupGaps', 'late'] },
  { words: 'slot 20ms bytes 8kb', compare: ['groups', 'groupGaps', 'late'], frames: 2_000 },
  { words: 'slot distribution normal 20ms 5ms packets 30', compare: ['groups', 'groupGaps', 'late'] },
  { words: 'slot 20ms delay 30ms 10ms', compare: ['groups', 'groupGaps', 'late'] },
  { words: 'limit 0', compare: ['lost'], frames: 500 },
  { words: 'loss 5%', compare: LOSS },
  { words: 'loss 20% 50%', compare: LOSS },
  { words: 'loss 60% 30%', compare: LOSS },
  { words: 'loss gemodel 5% 30%', compare: LOSS },
  { words: 'loss gemodel 5% 30% 80% 1%', compare: LOSS },
  { words: 'loss state 5% 40%', compare: LOSS },
  { words: 'loss state 5% 40% 10% 60% 1%', compare: LOSS },
  { words: 'duplicate 10%', compare: ['doubled', 'doubleRuns', 'apart'] },
  {
    words: 'duplicate 40% 30%',
    compare: ['doubled', 'doubleRuns'],
    reasons: { doubled: NOT_SENT, doubleRuns: NOT_SENT },
  },
  { words: 'loss 30% duplicate 40%', compare: [...LOSS, 'doubled'] },
  {
    words: 'loss gemodel 10% 20% duplicate 50%',
    compare: [...LOSS, 'doubled'],
    reasons: { lost: MODEL, lossRuns: MODEL, doubled: MODEL },
  },
  { words: 'corrupt 10%', compare: ['corrupted', 'bits', 'places'] },
  { words: 'corrupt 40% 30%', compare: ['corrupted', 'corruptRuns', 'places'] },
  {
    words: 'corrupt 50% duplicate 50%',
    compare: ['corrupted', 'doubled', 'alike'],
    reasons: { alike: COPIES },
  },
  { words: 'delay 20ms', compare: ['delay', 'late'] },
  { words: 'delay 30ms 10ms', compare: DELAY },
  { words: 'delay 5ms 10ms', compare: DELAY },
  { words: 'delay 30ms 10ms distribution normal', compare: DELAY },
  { words: 'delay 30ms 10ms distribution pareto', compare: DELAY },
  { words: 'delay 30ms 10ms distribution paretonormal', compare: DELAY },
  { words: 'delay 30ms 10ms 50%', compare: DELAY, reasons: { serial: CORRELATED, late: CORRELATED } },
  {
    words: 'delay 30ms 10ms 50% distribution normal',
    compare: DELAY,
    reasons: { serial: CORRELATED, late: CORRELATED },
  },
  {
    words: 'delay 20ms 10ms duplicate 20%',
    compare: ['doubled', 'apart', 'delay'],
  },
  { words: 'delay 20ms reorder 25%', compare: JUMPS },
  { words: 'delay 20ms reorder 60% 50%', compare: JUMPS },
  { words: 'delay 20ms reorder 50% gap 5', compare: JUMPS },
  { words: 'delay 20ms reorder 100% gap 4', compare: JUMPS },
  { words: 'delay 20ms reorder 25% loss 20%', compare: [...JUMPS, 'lost'] },
  {
    words: 'delay 20ms reorder 50% gap 5 loss 50%',
    compare: [...JUMPS, 'lost'],
    reasons: { jumpGaps: GAPS, late: GAPS },
  },
  { words: 'loss 0% 1% duplicate 40% 30%', compare: ['doubled', 'doubleRuns'] },
  { words: 'delay 20ms 5ms loss 2% duplicate 5%', compare: ['lost', 'doubled', 'delay'] },
]

/**
 * Those in whose words the pattern is found, with their places.
 * @param {string} pattern
 */
export function formsWith(pattern) {
  const wanted = new RegExp(pattern)
  return [...FORMS.entries()].filter(([, { words }]) => wanted.test(words))
}
