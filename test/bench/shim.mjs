#!/usr/bin/env node
// What an `ip` line through the shim costs more than the real ip: alternating runs, medians and their
// difference in ms, and the same of the fastest tenth, which says more on a busy machine. Lines that are not ours; then, with a pair that it makes, lines about our ends. As root:
// `node test/bench/shim.mjs [RUNS]`, after a build.
// It works in a namespace and a folder of its own, and removes them.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median, quantile } from './stats.mjs'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const RUNS = Number(process.argv[2] ?? 200)
const REAL = execFileSync('sh', ['-c', 'command -v ip'], { encoding: 'utf8' }).trim()
const FOLDER = execFileSync(process.execPath, [`${ROOT}dist/cli/main.js`, 'shim', '--path'], {
  encoding: 'utf8',
}).trim()
const SHIM = `${FOLDER}/ip`

const folder = mkdtempSync(join(tmpdir(), 'uvb-'))
const env = { ...process.env, PATH: `${FOLDER}:${process.env.PATH}`, UVETH_SOCKET: join(folder, 'socket') }
const batch = join(folder, 'batch')
writeFileSync(batch, 'link set lo up\n'.repeat(20))

/** @param {string} line @returns {[real: number[], shim: number[]]} ms of each run */
function alternate(line) {
  /** @type {[number[], number[]]} */
  const times = [[], []]
  const input = line.endsWith('-batch -') ? 'link set lo up\n'.repeat(20) : ''
  for (let run = 0; run < RUNS; run++)
    for (const [at, program] of [REAL, SHIM].entries()) times[at]?.push(timed(program, line, input))
  return times
}

/** @param {string} program @param {string} line @param {string} [input] */
function timed(program, line, input = '') {
  const start = performance.now()
  const { status, stderr } = spawnSync(program, line.split(' '), { env, input, encoding: 'utf8' })
  const time = performance.now() - start
  if (status !== 0) throw new Error(`${program} ${line}: ${stderr}`)
  return time
}

/** @param {string} line */
function report(line) {
  tell(line, alternate(line))
}

/** @param {string} line @param {[real: number[], shim: number[]]} times */
function tell(line, [real, shim]) {
  const [a = 0, b = 0] = [median(real), median(shim)]
  const [c = 0, d = 0] = [quantile(real, 0.1), quantile(shim, 0.1)]
  const cells = [a, b, b - a, c, d, d - c].map((ms) => ms.toFixed(2).padStart(8))
  console.log(`${cells.join(' ')}   ip ${line.replace(folder, '…')}`)
}

/** Of the kernel and of ours, in turns. */
function makeAndDelete() {
  const lines = ['link add b0 type veth peer name b1', 'link del b0']
  /** @type {[number[], number[]][]} */
  const times = lines.map(() => [[], []])
  for (let run = 0; run < RUNS; run++)
    for (const [at, program] of [REAL, SHIM].entries())
      for (const [index, line] of lines.entries()) times[index]?.[at]?.push(timed(program, line))
  for (const [index, line] of lines.entries()) tell(line, times[index] ?? [[], []])
}

function inNamespace() {
  console.log(`ms, ${RUNS} runs each, alternating\n    real     shim     more  10%:real  shim     more`)
  for (const line of [
    'link show',
    '-br addr show',
    'route show',
    'link set lo up',
    'link show dev lo',
    `-batch ${batch}`,
    '-batch -',
  ])
    report(line)
  execFileSync(SHIM, ['link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1'], { env })
  for (const line of ['link show dev veth0', 'link set veth0 up', 'link set veth1 up', `-batch ${batch}`])
    report(line)
  makeAndDelete()
  execFileSync(process.execPath, [`${ROOT}dist/cli/main.js`, 'daemon', '--stop'], { env, stdio: 'ignore' })
}

try {
  if (process.env.UVETH_BENCH_INSIDE === undefined) {
    const words = ['--net', process.execPath, fileURLToPath(import.meta.url), String(RUNS)]
    spawnSync('unshare', words, { stdio: 'inherit', env: { ...process.env, UVETH_BENCH_INSIDE: '1' } })
  } else inNamespace()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
