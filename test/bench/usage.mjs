// What was used: CPU time of a process's threads, its resident memory, and the CPU time that went to others than
// this benchmark. measures.mjs and bench.mjs bracket work with it.
// Linux only, by /proc. Two clocks are read, as neither is enough alone: schedstat counts nanoseconds but forgets
// a thread that has ended; stat keeps those but counts in ticks of 10 ms. It must not start or stop anything.
import { readdirSync, readFileSync } from 'node:fs'

const TICK_NS = 1e9 / 100 // USER_HZ is 100 on every architecture that Node runs on
/** stat rounds utime and stime each: a difference of two readings is off by up to this much. */
const STAT_ERROR_NS = 4 * TICK_NS

/** @typedef {{ precise: number | undefined, coarse: number }} CpuReading nanoseconds */

/**
 * @param {number} pid
 * @returns {CpuReading}
 */
export function readCpu(pid) {
  const [utime = 0, stime = 0] = timesOf(pid)
  return { precise: readSchedstat(pid), coarse: (utime + stime) * TICK_NS }
}

/** @param {number} pid */
function readSchedstat(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
      return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    }, 0)
  } catch {
    return undefined // kernel without CONFIG_SCHED_INFO, or a thread ended under our eyes
  }
}

/**
 * Nanoseconds of CPU between two readings of one process.
 * @param {CpuReading} before
 * @param {CpuReading} after
 */
export function cpuBetween(before, after) {
  const coarse = after.coarse - before.coarse
  if (before.precise === undefined || after.precise === undefined) return coarse
  const precise = after.precise - before.precise
  return coarse - precise > STAT_ERROR_NS ? coarse : precise
}

/** @typedef {{ at: number, all: number, own: number }} MachineReading milliseconds of wall time, of CPU */

/**
 * CPU time of the whole machine, and of this process with all its children that have ended.
 * @returns {MachineReading}
 */
export function readMachine() {
  const line =
    readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]
      ?.replace(/^cpu +/, '') ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number)
  const all = user + nice + system + irq + softirq + steal
  const own = timesOf('self').reduce((sum, ticks) => sum + ticks, 0)
  return { at: performance.now(), all: (all * TICK_NS) / 1e6, own: (own * TICK_NS) / 1e6 }
}

/**
 * Percent of a core that others took between two readings: the measure of how far a sample can be trusted.
 * Every process of the benchmark must have ended by the second one.
 * @param {MachineReading} before
 * @param {MachineReading} after
 */
export function othersBetween(before, after) {
  const others = after.all - before.all - (after.own - before.own)
  return Math.max(0, (100 * others) / (after.at - before.at))
}

/**
 * utime, stime, and the same of the children that have ended, in ticks.
 * @param {number | 'self'} pid
 */
function timesOf(pid) {
  // The command name is in parentheses and may hold spaces: fields are counted from its end.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '')
  return fields.split(' ').slice(11, 15).map(Number)
}

/** @param {number} pid */
export function residentMib(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024
}
