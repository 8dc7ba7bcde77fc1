// The driver of scripts/faults: reads the options, runs the soak and then the faults that can be provoked, prints the
// tables. Its exit status says whether every book balanced and every fault was held; faults that pending.mjs names
// are told, and do not count.

import { parseArgs } from 'node:util'
import { obstacle } from '../bench/tools.mjs'
import { clearGround, compileFlow } from './ground.mjs'
import { FAULTS, provoke } from './provoke.mjs'
import { faultLines, soakLines } from './report.mjs'
import { Soak } from './soak.mjs'

const USAGE = `Usage: scripts/faults [--short | --long | --minutes N] [--seed N] [--only soak|faults] [--fault NAME]...

Carries numbered, checksummed flows over several pairs, changes everything meanwhile, and keeps the books:
sent = received + dropped, by cause. Then provokes one fault after another. Needs root.

  --short      a minute in all
  --long       an hour
  --minutes N  length of the soak (default 4)
  --seed N     makes the same changes again (default: drawn, and printed)
  --only PART  the soak, or the faults
  --fault NAME one fault: ${FAULTS.map(({ name }) => name).join(', ')}
  --pending    provokes also what is known to be open; some of it takes much memory
`

const ROUND_MS = 5_000
const SHORT_ROUND_MS = 2_500
/** A round in so many ends the daemon. */
const RESTART_EVERY = 5
const SHORT_ROUNDS = 4
/** What a round takes beside its traffic, about. */
const REST_MS = 1_500

/** @param {string[]} words */
function readOptions(words) {
  const flag = /** @type {const} */ ({ type: 'boolean' })
  const text = /** @type {const} */ ({ type: 'string' })
  const many = /** @type {const} */ ({ type: 'string', multiple: true })
  const options = {
    short: flag,
    long: flag,
    help: flag,
    pending: flag,
    minutes: text,
    seed: text,
    only: text,
    fault: many,
  }
  const { values } = parseArgs({ args: words, options })
  const minutes = values.long ? 55 : Number(values.minutes ?? 4)
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  if (!(minutes > 0)) throw new Error('--minutes takes a number')
  if (!Number.isInteger(seed)) throw new Error('--seed takes a whole number')
  const named = values.fault ?? []
  const unknown = named.find((name) => !FAULTS.some((fault) => fault.name === name))
  if (unknown !== undefined) throw new Error(`no such fault: ${unknown}`)
  if (![undefined, 'soak', 'faults'].includes(values.only)) throw new Error('--only takes soak or faults')
  return {
    ...{
      seed,
      named,
      help: values.help ?? false,
      short: values.short ?? false,
      pending: values.pending ?? false,
    },
    ...{ minutes, soak: values.only !== 'faults' && named.length === 0, faults: values.only !== 'soak' },
  }
}

/** @param {ReturnType<typeof readOptions>} options @param {(line: string) => void} tell */
async function runSoak({ seed, short, minutes }, tell) {
  const soak = new Soak(seed)
  await soak.begin()
  const ms = short ? SHORT_ROUND_MS : ROUND_MS
  const rounds = short ? SHORT_ROUNDS : Math.max(1, Math.round((minutes * 60_000) / (ms + REST_MS)))
  const every = short ? SHORT_ROUNDS : RESTART_EVERY
  for (let round = 1; round <= rounds; round++) {
    if (round % every === 0) {
      await soak.restartRound(round % (2 * every) === 0 ? 'SIGKILL' : 'SIGTERM', ms, tell)
    } else await soak.changeRound(ms, tell)
  }
  await soak.end()
  return soak.outcome
}

async function main() {
  const options = readOptions(process.argv.slice(2))
  const tell = (/** @type {string} */ line) => console.log(line)
  if (options.help) return tell(USAGE)
  const missing = obstacle()
  if (missing !== undefined) throw new Error(missing)
  compileFlow()
  tell(`seed ${options.seed}`)
  let failed = 0
  let open = 0
  /** @type {string[]} */
  const lines = []
  if (options.soak) {
    const outcome = await runSoak(options, tell)
    failed += outcome.problems.length + outcome.refused.length
    lines.push(...soakLines(outcome), '')
  }
  if (options.faults) {
    const shown = await provoke(options, tell)
    failed += shown.filter(({ outcome }) => outcome === 'FAILED').length
    open = shown.filter(({ outcome }) => outcome === 'open').length
    lines.push(...faultLines(shown), '')
  }
  for (const line of ['', ...lines]) tell(line)
  const known = open === 0 ? '' : `; ${open} faults are known to be open`
  const judged = failed === 0 ? 'all books balance, nothing that is to be held was not' : `${failed} FAILED`
  tell(`seed ${options.seed}: ${judged}${known}`)
  process.exitCode = failed === 0 ? 0 : 1
}

process.on('exit', clearGround)
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => process.exit(1))
try {
  await main()
} catch (error) {
  console.error(`faults: ${error instanceof Error ? error.message : error}`)
  process.exitCode = process.exitCode || 2
}
process.exit()
