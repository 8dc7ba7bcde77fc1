// How each sample is taken: one function per kind of measure, for one contender, once. measures.mjs lists them
// under names and units. A sample makes its own pair and removes it, and answers plain numbers by metric key;
// it must not print, retry, or correct a number that looks wrong.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ADDRESS_B, saysReady } from './contenders.mjs'
import { inside, LEFT, linksOf, RIGHT, run, start } from './testbed.mjs'
import { PROGRAM } from './tools.mjs'
import { cpuBetween, readCpu, residentMib } from './usage.mjs'

/** @import { Cable, Contender, Values } from './types.d.ts' */

const PAIRS_PROGRAM = fileURLToPath(new URL('pairs.mjs', import.meta.url))
const HEAP_PROGRAM = fileURLToPath(new URL('heap.mjs', import.meta.url))
const IPERF_PORT = '5201'
const RTT_PORT = '5202'

/**
 * @param {Contender} contender
 * @param {(cable: Cable) => Promise<Values>} work
 */
export async function withCable(contender, work) {
  const cable = await contender.start()
  try {
    return await work(cable)
  } finally {
    await cable.stop()
  }
}

/**
 * CPU nanoseconds of the forwarder while `work` runs; undefined where the kernel forwards.
 * @template T
 * @param {Cable} cable
 * @param {() => Promise<T>} work
 */
async function withCpu(cable, work) {
  if (cable.pid === undefined) return { result: await work(), ns: undefined }
  const before = readCpu(cable.pid)
  const result = await work()
  return { result, ns: cpuBetween(before, readCpu(cable.pid)) }
}

/**
 * The same as percent of one core over the wall time of `work`, ready to spread into a sample.
 * @template T
 * @param {Cable} cable
 * @param {() => Promise<T>} work
 */
async function withCpuShare(cable, work) {
  const start = performance.now()
  const { result, ns } = await withCpu(cable, work)
  const wallNs = (performance.now() - start) * 1e6
  return { result, share: ns === undefined ? {} : { cpu_percent: (100 * ns) / wallNs } }
}

/**
 * @param {Cable} cable
 * @param {number} seconds
 */
export async function sampleTcp(cable, seconds) {
  const serve = ['iperf3', '-s', '-1', '--forceflush', '-B', ADDRESS_B, '-p', IPERF_PORT]
  const server = await start(...inside(RIGHT, serve), (line) => line.includes('Server listening'))
  try {
    const send = ['iperf3', '-J', '-c', ADDRESS_B, '-p', IPERF_PORT, '-t', String(seconds)]
    const { result, share } = await withCpuShare(cable, () => run(...inside(LEFT, send)))
    const memory = cable.pid === undefined ? {} : { rss_mib: residentMib(cable.pid) }
    const { sum_received: received, sum_sent: sent } = JSON.parse(result).end
    return { gbps: received.bits_per_second / 1e9, retransmits: sent.retransmits, ...share, ...memory }
  } finally {
    await server.stop()
  }
}

/**
 * From before the first frame until the last has left the ring: what the forwarder paid and what arrived belong
 * to the same frames, whatever the sampling's delay. Its CPU includes the receive path of the kernel, which runs
 * inside write.
 * @param {Cable} cable
 * @param {number} length
 * @param {number} seconds
 */
export async function sampleFrames(cable, length, seconds) {
  const before = await delivered(cable)
  const generate = [PROGRAM.gen, cable.a.name, cable.b.mac, String(length), String(seconds)]
  const { result, ns } = await withCpu(cable, async () => {
    const generated = JSON.parse(await run(...inside(LEFT, generate)))
    return { generated, after: await atRest(cable) }
  })
  const { generated, after } = result
  const count = after - before
  if (count === 0) throw new Error(`none of ${generated.sent} frames arrived`)
  const cost = ns === undefined ? {} : { cpu_ns_per_frame: ns / count }
  const { sent, refused, seconds: took } = generated
  return { frames_per_s: count / took, sent, refused, delivered: count, ...cost }
}

/** @param {Cable} cable */
async function delivered(cable) {
  const link = (await linksOf(RIGHT)).find(({ ifname }) => ifname === cable.b.name)
  if (!link) throw new Error(`${cable.b.name} has gone`)
  return link.stats64.rx.packets
}

/**
 * The far end's count once it has stopped growing: a ring of 1,000 frames is empty in some milliseconds.
 * @param {Cable} cable
 */
async function atRest(cable) {
  for (let last = -1, tries = 0; tries < 50; tries++) {
    const count = await delivered(cable)
    if (count === last) return count
    last = count
    await sleep(30)
  }
  throw new Error('frames go on arriving after the generator has ended')
}

/**
 * @param {Cable} cable
 * @param {number} roundTrips
 */
export async function sampleRtt(cable, roundTrips) {
  const server = await start(...inside(RIGHT, [PROGRAM.rtt, 'server', ADDRESS_B, RTT_PORT]), saysReady)
  try {
    const ask = [PROGRAM.rtt, 'client', ADDRESS_B, RTT_PORT, String(roundTrips)]
    const { result, share } = await withCpuShare(cable, () => run(...inside(LEFT, ask)))
    const times = JSON.parse(result)
    return { median_us: times.median, p99_us: times.p99, mean_us: times.mean, min_us: times.min, ...share }
  } finally {
    await server.stop()
  }
}

/**
 * @param {Cable} cable
 * @param {number} seconds
 */
export async function sampleIdle(cable, seconds) {
  if (cable.pid === undefined) throw new Error('the kernel has no forwarder to look at')
  await sleep(1_000) // what the start itself left to do is not idleness
  const start = performance.now()
  const { ns = 0 } = await withCpu(cable, () => sleep(seconds * 1_000))
  const elapsedMs = performance.now() - start
  return { cpu_ms_per_s: (ns / 1e6 / elapsedMs) * 1e3, rss_mib: residentMib(cable.pid) }
}

/**
 * A process of its own. Without another namespace it runs inside LEFT, which then is its home.
 * @param {number} count
 * @param {string | undefined} other
 * @returns {Promise<Values>}
 */
export async function libraryPairs(count, other) {
  const program = [process.execPath, PAIRS_PROGRAM, String(count)]
  const argv = other ? [...program, LEFT, other] : ['ip', 'netns', 'exec', LEFT, ...program]
  return JSON.parse(await run(argv[0] ?? '', argv.slice(1)))
}

/**
 * Ends down and in the same places as pairs.mjs has them. The start of `ip` is part of it: some 2 ms.
 * @param {number} count
 * @param {string | undefined} other
 */
export async function batchPairs(count, other) {
  const numbers = Array.from({ length: count }, (_, i) => i)
  const place = other ? ` netns ${other}` : ''
  const add = numbers.map((i) => `link add uvbl${i} type veth peer name uvbr${i}${place}\n`).join('')
  const del = numbers.map((i) => `link del uvbl${i}\n`).join('')
  const start = performance.now()
  await run('ip', ['-n', LEFT, '-batch', '-'], add)
  const made = performance.now()
  await run('ip', ['-n', LEFT, '-batch', '-'], del)
  const removed = performance.now()
  const left = (await Promise.all([linksOf(LEFT), linksOf(RIGHT)])).flat().length
  return { create_ms: made - start, remove_ms: removed - made, left_behind: left }
}

/**
 * @param {number} count frames
 * @returns {Promise<Values>}
 */
export async function sampleHeap(count) {
  const args = [HEAP_PROGRAM, LEFT, RIGHT, String(count), PROGRAM.gen]
  return JSON.parse(await run(process.execPath, ['--expose-gc', ...args]))
}
