// @ts-check
// What the guests of scripts/kernels have left, as one table for people and for docs/kernels.md, and as the exit
// status. Run by scripts/kernels only; it starts nothing.
// Usage: table.mjs FOLDER [DOCUMENT]   FOLDER/KERNEL/ has release, seconds, status and, of tests, summary.json

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { add } from '../../scripts/tally.js'

/** @typedef {import('../../scripts/tally.js').Summary} Summary */
/** @typedef {{ kernel: string, release: string, seconds: number, status: number | undefined, summary: Summary | undefined }} Guest */

const NOTHING = { passed: 0, failed: 0, skipped: {} }
const BEGIN = '<!-- begin: scripts/kernels --write -->'
const END = '<!-- end -->'

/** @param {string} folder @returns {Guest[]} */
function guestsIn(folder) {
  const order = ['5.10', '6.1', '6.12', 'newest']
  return readdirSync(folder)
    .sort((one, other) => order.indexOf(one) - order.indexOf(other))
    .map((kernel) => {
      const text = (/** @type {string} */ name) => {
        const path = join(folder, kernel, name)
        return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
      }
      const [status, summary] = [text('status'), text('summary.json')]
      return {
        kernel,
        release: text('release'),
        seconds: Number(text('seconds')),
        status: status === '' ? undefined : Number(status),
        summary: summary === '' ? undefined : JSON.parse(summary),
      }
    })
}

/** A guest that ran no tests counts its command as one. @param {Guest} guest @returns {Summary} */
function sumOf({ kernel, status, summary }) {
  const ended = status === undefined ? 'the guest did not come to its end' : `status ${status}`
  const own = { ...NOTHING, passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, failures: [ended] }
  if (status === 0) own.failures = []
  if (summary === undefined) return own
  // Tests that failed say themselves why the status is what it is.
  return status === 0 || summary.failed > 0
    ? summary
    : add([summary, { ...own, failures: [`${kernel}: ${ended}`] }])
}

/** @param {Guest[]} guests */
function table(guests) {
  const lines = ['| kernel | passed | failed | skipped | s |', '|---|---|---|---|---|']
  for (const guest of guests) {
    const { passed, failed, skipped } = sumOf(guest)
    const left = Object.values(skipped).reduce((total, count) => total + count, 0)
    lines.push(`| ${guest.release} | ${passed} | ${failed} | ${left} | ${guest.seconds} |`)
  }
  return lines
}

/** @param {Guest} guest */
function details(guest) {
  const { skipped, failures = [], flaky = [] } = sumOf(guest)
  const lines = [
    ...failures.map((name) => `failed: ${name}`),
    ...flaky.map((name) => `passed at the second try: ${name}`),
    ...Object.entries(skipped).map(([reason, count]) => `skipped ${count}: ${reason}`),
  ]
  return lines.length > 0 ? [`${guest.release}:`, ...lines.map((line) => `- ${line}`), ''] : []
}

const [folder = '', document] = process.argv.slice(2)
const guests = guestsIn(folder)
const lines = [...table(guests), '', ...guests.flatMap(details)]
console.log(lines.join('\n'))
if (document !== undefined) {
  const text = readFileSync(document, 'utf8')
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`${document} has no place for a table`)
  writeFileSync(document, `${text.slice(0, from)}${BEGIN}\n${lines.join('\n')}\n${text.slice(to)}`)
}
if (process.env.UVETH_TALLY) writeFileSync(process.env.UVETH_TALLY, JSON.stringify(add(guests.map(sumOf))))
process.exitCode = guests.every((guest) => guest.status === 0) ? 0 : 1
