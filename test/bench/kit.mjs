// What the test kit costs a test: many tests one after the other, whose bodies do nothing, with a capture each as by
// default and without one in turn. Prints the times of one as JSON; a program of its own, so that each sample starts from
// a fresh process:  node kit.mjs COUNT
// The first test, which starts the library's threads, is timed by nobody. It must not measure anything else.
import { withPair } from '../../dist/testing/index.js'

const count = Number(process.argv[2])

/** @typedef {{ wall: number, cpu: number }} Cost ms */

/**
 * @param {'on-failure' | false} capture
 * @param {Cost} cost grows by that of one test
 */
async function one(capture, cost) {
  const start = performance.now()
  const before = process.cpuUsage()
  await withPair({ capture, name: 'nothing' }, async () => undefined)
  const { user, system } = process.cpuUsage(before)
  cost.wall += performance.now() - start
  cost.cpu += (user + system) / 1e3
}

const nobody = { wall: 0, cpu: 0 }
const captured = { wall: 0, cpu: 0 }
const plain = { wall: 0, cpu: 0 }
await one('on-failure', nobody)
for (let i = 0; i < count; i++) {
  await one('on-failure', captured)
  await one(false, plain)
}
const result = {
  wall_ms: captured.wall / count,
  cpu_ms: captured.cpu / count,
  plain_wall_ms: plain.wall / count,
  plain_cpu_ms: plain.cpu / count,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
