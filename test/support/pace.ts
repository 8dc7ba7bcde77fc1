// How slow this machine is, as a factor of at least 1, and the one place where patience is scaled by it: emulated kernels
// run at a tenth of the machine's own speed. Measured once for a run, by vitest.config.ts, which hands it to the workers by
// UVETH_TEST_PACE; asked by whatever waits. What is judged by a clock does not come here: it is compared with another time.

import { spawnSync } from 'node:child_process'

/** ms that a Node takes to start and end; some 40 on an idle machine of these years. */
const USUAL = 150
const MOST = 20

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
  spawnSync(process.execPath, ['-e', ''])
  const measured = Math.min(MOST, Math.max(1, (performance.now() - since) / USUAL))
  process.env.UVETH_TEST_PACE = measured.toFixed(2)
  return measured
}
