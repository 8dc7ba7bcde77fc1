#!/usr/bin/env node
// @ts-check
// Adds up the summaries that scripts/test collected in a folder (one JSON file a step: { passed, failed,
// skipped: { [reason]: count }, failures: [names], flaky: [names] }), prints what failed, what passed at the second
// try only, each reason for skipping with its count and, as its last line, `N passed, N failed, N skipped`. Exits 1 when something failed or nothing passed, and, where CI=true,
// when a test was skipped for a reason that the list of allowed ones does not have.
// With UVETH_TALLY=FILE the sum goes there as well, as one more such summary.
// Usage: tally.js FOLDER ALLOWED-SKIPS

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** @typedef {{ passed: number, failed: number, skipped: Record<string, number>, failures?: string[], flaky?: string[] }} Summary */

/** @param {Summary[]} summaries @returns {Summary} */
export function add(summaries) {
  /** @type {Summary} */
  const sum = { passed: 0, failed: 0, skipped: {}, failures: [], flaky: [] }
  for (const one of summaries) {
    sum.passed += one.passed
    sum.failed += one.failed
    sum.failures?.push(...(one.failures ?? []))
    sum.flaky?.push(...(one.flaky ?? []))
    for (const [reason, count] of Object.entries(one.skipped)) {
      sum.skipped[reason] = (sum.skipped[reason] ?? 0) + count
    }
  }
  return sum
}

/**
 * @param {Summary} sum
 * @param {string[]} allowed reasons for skipping that are no failure under `strict`
 * @param {boolean} strict
 * @returns {{ lines: string[], ok: boolean }} what to print, and whether it is a success
 */
export function report(sum, allowed, strict) {
  const reasons = Object.entries(sum.skipped).sort(([, a], [, b]) => b - a)
  const lines = (sum.failures ?? []).map((name) => `failed: ${name}`)
  lines.push(...(sum.flaky ?? []).map((name) => `passed at the second try: ${name}`))
  lines.push(...reasons.map(([reason, count]) => `skipped ${count}: ${reason}`))
  const refused = strict ? reasons.filter(([reason]) => !allowed.includes(reason)) : []
  for (const [reason] of refused) lines.push(`CI may not skip this: ${reason}`)
  const skipped = reasons.reduce((total, [, count]) => total + count, 0)
  lines.push(`${sum.passed} passed, ${sum.failed} failed, ${skipped} skipped`)
  return { lines, ok: sum.failed === 0 && sum.passed > 0 && refused.length === 0 }
}

/** @param {string} text a list with one reason a line; empty lines and `#` lines do not count */
export function reasonsIn(text) {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
}

function main() {
  const [folder, allowedFile] = process.argv.slice(2)
  if (folder === undefined || allowedFile === undefined)
    throw new Error('usage: tally.js FOLDER ALLOWED-SKIPS')
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const sum = add(files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))))
  if (process.env.UVETH_TALLY) writeFileSync(process.env.UVETH_TALLY, JSON.stringify(sum))
  const allowed = reasonsIn(readFileSync(allowedFile, 'utf8'))
  const { lines, ok } = report(sum, allowed, process.env.CI === 'true')
  console.log(lines.join('\n'))
  process.exitCode = ok ? 0 : 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
