// The benchmark's driver: reads the options, alternates the contenders, keeps every sample, prints tables and
// verdicts, writes the JSON. scripts/bench starts it. It is a program, not a test: nothing in the test suite may
// run it, and its exit status says whether everything could be measured, never whether a target was met.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CONTENDERS } from './contenders.mjs'
import { FULL, MEASURES, QUICK, SERIES } from './measures.mjs'
import {
  disturbanceLine,
  machineLines,
  QUIET_PERCENT,
  summary,
  tableOf,
  targetTable,
  valuesOf,
} from './report.mjs'
import { median } from './stats.mjs'
import { judge } from './targets.mjs'
import { closeTestbed, openTestbed } from './testbed.mjs'
import { compile, describeMachine, obstacle } from './tools.mjs'
import { othersBetween, readMachine } from './usage.mjs'

const RUNS = 5
const QUICK_RUNS = 1
/** How often a sample is taken again because others used the machine meanwhile. */
const RETAKES = 2
const RESULTS = fileURLToPath(new URL('bin/results.json', import.meta.url))
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }

const USAGE = `Usage: scripts/bench [--quick | --series] [--runs N] [--retakes N] [--only MEASURE[,..]]
                     [--contenders NAME[,..]] [--json FILE]

Compares uveth with other virtual cables, between two network namespaces of its own. Needs root.

  --quick           ${QUICK_RUNS} short run of each, for a look
  --series          shorter runs, ${RUNS} of each: everything within 12 minutes on a quiet machine
  --runs N          runs of each contender, alternating (default ${RUNS})
  --retakes N       times that a sample is taken again when other processes used more than
                    ${QUIET_PERCENT} % of a core meanwhile (default ${RETAKES}; with --series 1, with --quick 0)
  --only            ${MEASURES.map((measure) => measure.name).join(', ')}
  --contenders      ${CONTENDERS.map((contender) => contender.name).join(', ')}
  --json FILE       every sample, the medians and the machine (default test/bench/bin/results.json)
`

/** @import { Contender, Entry, Extent, Failure, Measure, Sample } from './types.d.ts' */
/** @typedef {{ samples: Sample[], disturbed: Sample[], failures: Failure[] }} Log what happened so far */

class UsageError extends Error {}

function readArguments() {
  const text = /** @type {const} */ ({ type: 'string' })
  const flag = /** @type {const} */ ({ type: 'boolean' })
  try {
    const options = {
      quick: flag,
      series: flag,
      help: flag,
      runs: text,
      retakes: text,
      only: text,
      contenders: text,
      json: text,
    }
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(messageOf(error))
  }
}

function readOptions() {
  const given = readArguments()
  if (given.quick && given.series) throw new UsageError('--quick or --series, not both')
  return {
    help: given.help ?? false,
    extent: given.quick ? QUICK : given.series ? SERIES : FULL,
    runs: whole(given.runs ?? (given.quick ? QUICK_RUNS : RUNS), 1, '--runs'),
    retakes: whole(given.retakes ?? (given.quick ? 0 : given.series ? 1 : RETAKES), 0, '--retakes'),
    measures: chosen(MEASURES, given.only, '--only'),
    contenders: chosen(CONTENDERS, given.contenders, '--contenders'),
    json: given.json ?? RESULTS,
  }
}

/**
 * @param {string | number} value
 * @param {number} least
 * @param {string} option
 */
function whole(value, least, option) {
  const number = Number(value)
  if (!Number.isInteger(number) || number < least)
    throw new UsageError(`${option} ${value}: at least ${least}`)
  return number
}

/**
 * In the order of the list, whatever the order on the command line.
 * @template {Entry} T
 * @param {readonly T[]} entries
 * @param {string | undefined} list
 * @param {string} option
 */
function chosen(entries, list, option) {
  if (list === undefined) return entries
  const names = list.split(',').filter(Boolean)
  const unknown = names.find((name) => !entries.some((entry) => entry.name === name))
  if (unknown || names.length === 0) {
    throw new UsageError(`${option} ${list}: choose from ${entries.map((entry) => entry.name).join(', ')}`)
  }
  return entries.filter((entry) => names.includes(entry.name))
}

/**
 * Leaves out what this machine has not got, and says so.
 * @template {Entry} T
 * @param {readonly T[]} entries
 * @param {{ name: string, reason: string }[]} skipped
 */
function available(entries, skipped) {
  return entries.filter((entry) => {
    const reason = entry.missing()
    if (reason) skipped.push({ name: entry.name, reason })
    return !reason
  })
}

/**
 * One measure: run by run, and within a run one contender after the other.
 * @param {Measure} measure
 * @param {readonly Contender[]} contenders
 * @param {{ runs: number, retakes: number, extent: Extent }} how
 * @param {Log} record grows by one sample or failure each
 */
async function take(measure, contenders, how, record) {
  const rounds = measure.once ? 1 : how.runs
  const fitting = contenders.filter(({ name }) => measure.contenders.includes(name))
  for (let round = 0; round < rounds; round++) {
    // The order turns with each round, so that nobody always follows the same neighbour.
    for (const contender of round % 2 === 0 ? fitting : [...fitting].reverse()) {
      progress(`${measure.name} ${round + 1}/${rounds} ${contender.name}`)
      await takeOnce(measure, contender, round + 1, how, record)
    }
  }
  progress('')
}

/**
 * One sample of one contender, taken again while others disturb it. A failure is final.
 * @param {Measure} measure
 * @param {Contender} contender
 * @param {number} run
 * @param {{ retakes: number, extent: Extent }} how
 * @param {Log} record
 */
async function takeOnce(measure, contender, run, { retakes, extent }, record) {
  for (let left = retakes; ; left--) {
    const at = new Date().toISOString()
    const before = readMachine()
    const outcome = await attempt(() => measure.sample(contender, extent))
    const others_percent = othersBetween(before, readMachine())
    const place = { measure: measure.name, contender: contender.name, run, at, others_percent }
    if ('reason' in outcome) return record.failures.push({ ...place, ...outcome })
    if (left === 0 || others_percent <= QUIET_PERCENT) return record.samples.push({ ...place, ...outcome })
    record.disturbed.push({ ...place, ...outcome })
  }
}

/**
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<{ values: T } | { reason: string }>}
 */
async function attempt(work) {
  try {
    return { values: await work() }
  } catch (error) {
    return { reason: messageOf(error) }
  }
}

/** @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}

function endOnSignals() {
  process.on('exit', closeTestbed)
  for (const [signal, number] of Object.entries(SIGNALS)) process.on(signal, () => process.exit(128 + number))
}

async function main() {
  const options = readOptions()
  if (options.help) return process.stdout.write(USAGE)
  const reason = obstacle()
  if (reason) throw new Error(reason)
  compile()

  /** @type {{ name: string, reason: string }[]} */
  const skipped = []
  const contenders = available(options.contenders, skipped)
  const measures = available(options.measures, skipped)
  const machine = describeMachine()
  /** @type {Log} */
  const record = { samples: [], disturbed: [], failures: [] }
  console.log(`${machineLines(machine)}\n`)
  for (const { name, reason } of skipped) console.log(`skipped: ${name}: ${reason}`)

  endOnSignals()
  await openTestbed()
  for (const measure of measures) {
    await take(measure, contenders, options, record)
    const table = tableOf(summary(record.samples, [measure], contenders), measure.title)
    if (table) console.log(table)
  }
  const verdicts = judge((...key) => median(valuesOf(record.samples, ...key)))
  console.log(`${targetTable(verdicts)}\n\n${disturbanceLine(record.samples, record.disturbed.length)}`)
  for (const { measure, contender, run, reason } of record.failures) {
    console.log(`failed: ${measure}, ${contender}, run ${run}: ${reason}`)
  }

  const { runs, retakes, extent } = options
  const table = summary(record.samples, measures, contenders)
  const document = {
    machine,
    options: { runs, retakes, extent },
    skipped,
    ...record,
    summary: table,
    targets: verdicts,
  }
  mkdirSync(dirname(options.json), { recursive: true })
  writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`)
  console.log(`\nevery sample: ${options.json}`)
  if (record.failures.length > 0) process.exitCode = 1
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${messageOf(error)}`)
  if (error instanceof UsageError) console.error(`\n${USAGE}`)
  // Not process.exit(): the exit handler has to remove the namespaces either way, and stdout has to drain.
  process.exitCode = error instanceof UsageError ? 2 : 1
}
