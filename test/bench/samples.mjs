// How each sample is taken: one function per kind of measure, for one contender, once. measures.mjs lists them
// under names and units. A sample makes its own pair and removes it, and answers plain numbers by metric key;
// it must not print, retry, or correct a number that looks wrong.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ADDRESS_B, saysReady } from './contenders.mjs'
import { inside, ip, LEFT, linksOf, RIGHT, run, start, withWindow } from './testbed.mjs'
import { PROGRAM } from './tools.mjs'
import { cpuBetween, readCpu, residentMib } from './usage.mjs'

/** @import { Cable, Contender, Values } from './types.d.ts' */

const PAIRS_PROGRAM = fileURLToPath(new URL('pairs.mjs', import.meta.url))
const HEAP_PROGRAM = fileURLToPath(new URL('heap.mjs', import.meta.url))
const KIT_PROGRAM = fileURLToPath(new URL('kit.mjs', import.meta.url))
const IPERF_PORT = '5201'
/** Bytes. A delay of 1 ms keeps 1.9 MB of 15 Gb/s on its way, and the kernel counts a socket's memory, not its bytes. */
const WINDOW = 64 << 20
const RTT_PORT = '5202'

/**
 * @param {Contender} contender
 * @param {(cable: Cable) => Promise<Values>} work
 * @returns {Promise<Values>} with what the forwarder says of itself at the end
 */
export async function withCable(contender, work) {
  const cable = await contender.start()
  let values
  try {
    values = await work(cable)
  } catch (error) {
    await cable.stop()
    throw error
  }
  return { ...values, ...(await cable.stop()) }
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
 * What iperf3 says at its end, and what the forwarder used meanwhile.
 * @param {Cable} cable
 * @param {number} seconds
 * @param {readonly string[]} options of the client
 */
async function iperf(cable, seconds, options) {
  const serve = ['iperf3', '-s', '-1', '--forceflush', '-B', ADDRESS_B, '-p', IPERF_PORT]
  const server = await start(...inside(RIGHT, serve), (line) => line.includes('Server listening'))
  try {
    const send = ['iperf3', '-J', '-c', ADDRESS_B, '-p', IPERF_PORT, '-t', String(seconds), ...options]
    const { result, share } = await withCpuShare(cable, () => run(...inside(LEFT, send)))
    return { end: JSON.parse(result).end, share }
  } finally {
    await server.stop()
  }
}

/**
 * @param {Cable} cable
 * @param {number} seconds
 */
export async function sampleTcp(cable, seconds, streams = 1) {
  const { end, share } = await iperf(cable, seconds, ['-P', String(streams)])
  const memory = cable.pid === undefined ? {} : { rss_mib: residentMib(cable.pid) }
  const { sum_received: received, sum_sent: sent } = end
  return { gbps: received.bits_per_second / 1e9, retransmits: sent.retransmits, ...share, ...memory }
}

/**
 * One stream to the right, then one from there.
 * @param {Cable} cable
 * @param {number} seconds
 * @returns {Promise<Values>}
 */
export async function sampleTcpBothWays(cable, seconds) {
  const to = await iperf(cable, seconds, [])
  const back = await iperf(cable, seconds, ['-R'])
  const back_gbps = back.end.sum_received.bits_per_second / 1e9
  const back_cpu = back.share.cpu_percent === undefined ? {} : { back_cpu_percent: back.share.cpu_percent }
  const retransmits = to.end.sum_sent.retransmits
  return { gbps: to.end.sum_received.bits_per_second / 1e9, retransmits, ...to.share, back_gbps, ...back_cpu }
}

/**
 * The first second is left out: a window that is to become large has grown by then.
 * @param {Cable} cable
 * @param {number} seconds
 */
export async function sampleTcpLong(cable, seconds) {
  const { end, share } = await withWindow(WINDOW, () => iperf(cable, seconds, ['-O', '1']))
  const rtt = end.streams[0].sender.mean_rtt / 1e3
  return { gbps: end.sum_received.bits_per_second / 1e9, rtt_ms: rtt, ...share }
}

/**
 * As fast as the sender can, in datagrams that fill a frame.
 * @param {Cable} cable
 * @param {number} seconds
 */
export async function sampleUdp(cable, seconds) {
  const { end, share } = await iperf(cable, seconds, ['-u', '-b', '0', '-l', '1472'])
  const { packets, lost_packets: lost } = end.sum
  return {
    datagrams_per_s: (packets - lost) / end.sum.seconds,
    lost_percent: (100 * lost) / packets,
    ...share,
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

/**
 * @param {number} count tests
 * @returns {Promise<Values>}
 */
export async function libraryTests(count) {
  return JSON.parse(await run(process.execPath, [KIT_PROGRAM, String(count)]))
}

/**
 * What such a test would do by hand: two namespaces, kernel veth with addresses, up; and away again. Wall time only, as
 * the work is that of children.
 * @param {number} count tests
 * @returns {Promise<Values>}
 */
export async function testsByHand(count) {
  const [a, b] = [`${LEFT}-k`, `${RIGHT}-k`]
  const start = performance.now()
  for (let i = 0; i < count; i++) {
    for (const name of [a, b]) await ip('netns', 'add', name)
    try {
      await ip('-n', a, 'link', 'add', 'uveth-a', 'type', 'veth', 'peer', 'name', 'uveth-b', 'netns', b)
      await ip('-n', a, 'address', 'add', '192.0.2.1/24', 'dev', 'uveth-a')
      await ip('-n', b, 'address', 'add', '192.0.2.2/24', 'dev', 'uveth-b')
      await ip('-n', a, 'link', 'set', 'uveth-a', 'up')
      await ip('-n', b, 'link', 'set', 'uveth-b', 'up')
    } finally {
      for (const name of [a, b]) await ip('netns', 'del', name)
    }
  }
  return { wall_ms: (performance.now() - start) / count }
}
