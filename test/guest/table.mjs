// @ts-check
// What the guests of scripts/kernels have left, as one table for people and for docs/kernels.md, and as the exit
// status. Run by scripts/kernels only; it starts nothing.
// Usage: table.mjs FOLDER [DOCUMENT]   FOLDER/GUEST/ has kernel, what (was run), release, seconds, status and, of tests,
// summary.json; instead of status and summary it has `skipped`, a reason, where no guest could be made. In a document,
// rows of other kernels and of other tests stay.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { add, reasonsIn, report } from '../../scripts/tally.js'

/** @typedef {import('../../scripts/tally.js').Summary} Summary */
/** @typedef {{ kernel: string, what: string, release: string, seconds: number, skipped: string, status: number | undefined, summary: Summary | undefined }} Guest */

const NOTHING = { passed: 0, failed: 0, skipped: {} }
const BEGIN = '<!-- begin: scripts/kernels --write -->'
const END = '<!-- end -->'
const ORDER = ['5.10', '6.1', '6.12', 'newest']
const HEAD = ['| kernel | tests | passed | failed | skipped | s |', '|---|---|---|---|---|---|']

/** @param {string} folder @returns {Guest[]} */
function guestsIn(folder) {
  return readdirSync(folder).map((guest) => {
    const text = (/** @type {string} */ name) => {
      const path = join(folder, guest, name)
      return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
    }
    const [status, summary] = [text('status'), text('summary.json')]
    return {
      kernel: text('kernel'),
      what: text('what'),
      release: text('release'),
      seconds: Number(text('seconds')),
      skipped: text('skipped'),
      status: status === '' ? undefined : Number(status),
      summary: summary === '' ? undefined : JSON.parse(summary),
    }
  })
}

/** A guest that ran no tests counts its command as one. @param {Guest} guest @returns {Summary} */
function sumOf({ skipped, status, summary }) {
  if (skipped !== '') return { ...NOTHING, skipped: { [skipped]: 1 } }
  const ended = status === undefined ? 'the guest did not come to its end' : `status ${status}`
  const own = {
    ...NOTHING,
    passed: status === 0 ? 1 : 0,
    failed: status === 0 ? 0 : 1,
    failures: [ended],
  }
  if (status === 0) own.failures = []
  if (summary === undefined) return own
  // Tests that failed say themselves why the status is what it is.
  return status === 0 || summary.failed > 0 ? summary : add([summary, own])
}

/** The same for the sums of others, where each name needs its kernel's. @param {Guest} guest @returns {Summary} */
function toldOf(guest) {
  const { skipped, failures = [], flaky = [], ...counts } = sumOf(guest)
  const named = (/** @type {string} */ name) => `Linux ${guest.kernel}: ${name}`
  return {
    ...counts,
    skipped: Object.fromEntries(Object.entries(skipped).map(([reason, count]) => [named(reason), count])),
    failures: failures.map(named),
    flaky: flaky.map(named),
  }
}

/**
 * What guests have left that had one piece each of the same tests: the key of their row, the row, and what there is to
 * say of it. @param {[Guest, ...Guest[]]} guests
 */
function entryOf(guests) {
  const [{ kernel, release, what }] = guests
  const { passed, failed, skipped, failures = [], flaky = [] } = add(guests.map(sumOf))
  const left = Object.values(skipped).reduce((total, count) => total + count, 0)
  const seconds = guests.reduce((total, guest) => total + guest.seconds, 0)
  const name = `${kernel}${release === '' ? '' : ` (${release})`}`
  return {
    key: keyOf(guests[0]),
    row: `| ${name} | ${what} | ${passed} | ${failed} | ${left} | ${seconds} |`,
    lines: [
      ...failures.map((name) => `- failed: ${name}`),
      ...flaky.map((name) => `- passed at the second try: ${name}`),
      ...Object.entries(skipped).map(([reason, count]) => `- skipped ${count}: ${reason}`),
    ],
  }
}

/** @param {Guest} guest */
const keyOf = ({ kernel, what }) => `${kernel}, ${what}:`

/** @typedef {ReturnType<typeof entryOf>} Entry */

/** What `print` wrote. @param {string} text @returns {Entry[]} */
function read(text) {
  const blocks = text
    .trim()
    .split(/\n{2,}/)
    .map((block) => block.split('\n'))
  const rows = (blocks[0] ?? []).filter((line) => /^\| (5|6|newest)/.test(line))
  return rows.map((row) => {
    const [, kernel = '', what = ''] = /^\| (\S+)[^|]* \| (.*?) \|/.exec(row) ?? []
    const key = `${kernel}, ${what}:`
    return { key, row, lines: blocks.find(([title]) => title === key)?.slice(1) ?? [] }
  })
}

/** @param {Entry[]} entries */
function print(entries) {
  const rank = (/** @type {Entry} */ { key }) => ORDER.indexOf(key.slice(0, key.indexOf(',')))
  const sorted = entries.sort((one, other) => rank(one) - rank(other) || (one.key < other.key ? -1 : 1))
  const said = sorted.filter(({ lines }) => lines.length > 0)
  const blocks = [
    [...HEAD, ...sorted.map(({ row }) => row)],
    ...said.map(({ key, lines }) => [key, ...lines]),
  ]
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

const [folder = '', document] = process.argv.slice(2)
const guests = guestsIn(folder)
const keys = [...new Set(guests.map(keyOf))]
const entries = keys.map((key) =>
  entryOf(/** @type {[Guest, ...Guest[]]} */ (guests.filter((guest) => keyOf(guest) === key))),
)
console.log(print(entries))
if (document !== undefined) {
  const text = readFileSync(document, 'utf8')
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`${document} has no place for a table`)
  const others = read(text.slice(from + BEGIN.length, to)).filter((old) =>
    entries.every(({ key }) => key !== old.key),
  )
  writeFileSync(
    document,
    `${text.slice(0, from)}${BEGIN}\n${print([...others, ...entries])}\n${text.slice(to)}`,
  )
}
const sum = add(guests.map(toldOf))
if (process.env.UVETH_TALLY) writeFileSync(process.env.UVETH_TALLY, JSON.stringify(sum))
// Who asked for a kernel by hand is to see that it was not there; CI has its list of what may be skipped.
const inCi = process.env.CI === 'true'
const allowed = new URL('../support/allowed-skips.txt', import.meta.url)
const refused = report(sum, reasonsIn(readFileSync(allowed, 'utf8')), inCi).lines.filter((line) =>
  line.startsWith('CI may not skip this'),
)
for (const line of refused) console.log(line)
const fine = (/** @type {Guest} */ { status, skipped }) => status === 0 || (skipped !== '' && inCi)
process.exitCode = guests.every(fine) && refused.length === 0 ? 0 : 1
