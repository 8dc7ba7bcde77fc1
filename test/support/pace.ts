// How slow this machine is, as a factor of at least 1, and the one place where patience is scaled by it: emulated kernels
// run at a tenth of the machine's own speed. Measured once for a run, by vitest.config.ts, which hands it to the workers by
// UVETH_TEST_PACE; asked by whatever waits. What is judged by a clock does not come here: it is compared with another time.

import { spawnSync } from 'node:child_process'

/**
 * ms that a Node takes to load what vitest is built on; some 150 on an idle machine of these years. Code that is new to it
 * is what an emulated machine is slowest with, and what most of the tests' programs begin with: to start an empty one
 * there takes 6 times as long, to start `uveth` 25 times.
 */
const USUAL = 500
const WORK = "await import('vite')"
const MOST = 20
const ROOT = new URL('../../', import.meta.url)

const pace = Number(process.env.UVETH_TEST_PACE ?? 1)

/** `ms` of this machine's time. */
export function patient(ms: number): number {
  return ms * pace
}

/** Measures where nobody has, and says so to processes that are started from now on. */
export function measurePace(): number {
  const known = process.env.UVETH_TEST_PACE
  if (known !== undefined) return Number(known)
  const since = performance.now()
  spawnSync(process.execPath, ['--input-type=module', '-e', WORK], { cwd: ROOT })
  const measured = Math.min(MOST, Math.max(1, (performance.now() - since) / USUAL))
  process.env.UVETH_TEST_PACE = measured.toFixed(2)
  return measured
}
