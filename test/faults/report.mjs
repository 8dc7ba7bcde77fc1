// What scripts/faults prints at its end, and docs/reliability.md shows: what was done and how often, what was lost and
// why, and which faults were provoked with what outcome. Text out of numbers; it measures and judges nothing.

/** @import { Outcome } from './soak.mjs' */
/** @import { Shown } from './provoke.mjs' */

/** @param {string[]} head @param {(string | number)[][]} rows */
function table(head, rows) {
  const all = [head, head.map(() => '---'), ...rows]
  return all.map(
    (row) => `| ${row.map((cell) => (typeof cell === 'number' ? grouped(cell) : cell)).join(' | ')} |`,
  )
}

/** @param {number} count */
function grouped(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** @param {Record<string, number>} counts @param {string[]} head */
function counted(counts, head) {
  return table(
    head,
    Object.entries(counts).sort(([one], [other]) => one.localeCompare(other)),
  )
}

const WORDS = [
  ['sent', 'frames that a program sent, and the kernel took or counted'],
  ['copied', 'more of them, by duplication that was ordered'],
  ['no device to go to', 'dropped by the kernel above the device, while it was down or without carrier'],
  ['received', 'heard at the other end'],
  ['damaged', 'of these: damaged, as ordered'],
  ['again', 'of these: second copies'],
  ['late', 'of these: out of order, where delays that reorder were ordered'],
]

/** @param {Outcome} outcome */
export function soakLines({ done, totals, restarts, refused, problems, rounds, seconds }) {
  const drops = Object.keys(totals).filter((key) => key.startsWith('cable: '))
  const causes = drops.map((key) => [`dropped: ${key.slice(7)}`, totals[key] ?? 0])
  const rows = WORDS.map(([key = '', words = '']) => [words, totals[key] ?? 0])
  return [
    `${rounds} rounds, ${Math.round(seconds)} s of traffic; books that do not balance: ${problems.length}; orders refused: ${refused.length}`,
    '',
    ...counted(done, ['what was done', 'times']),
    '',
    ...table(['what became of the frames', 'frames'], [...rows.slice(0, 3), ...causes, ...rows.slice(3)]),
    ...(restarts.sent === undefined ? [] : ['', ...restartLines(restarts)]),
    ...problems.map((problem) => `DOES NOT BALANCE  ${problem}`),
    ...refused.map((order) => `REFUSED  ${order}`),
  ]
}

/** @param {Record<string, number>} restarts */
function restartLines({ sent = 0, received = 0, ...lost }) {
  return table(
    ['rounds with a restart of the daemon', 'frames'],
    [
      ['sent', sent],
      ['received', received],
      ['lost with the interfaces: SIGTERM', lost.SIGTERM ?? 0],
      ['lost with the interfaces: SIGKILL', lost.SIGKILL ?? 0],
    ],
  )
}

/** @param {Shown[]} shown */
export function faultLines(shown) {
  return table(
    ['harm', 'what was provoked', 'outcome'],
    shown.map(({ kind, title, outcome, detail }) => [
      kind,
      title,
      detail === '' ? outcome : `${outcome}: ${detail}`,
    ]),
  )
}
