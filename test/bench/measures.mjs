// What is measured, one entry each: its name on the command line, its metrics with units, whom it makes sense for.
// bench.mjs repeats and alternates them; report.mjs prints them by the metrics' descriptions; samples.mjs knows
// how each number is got. It must not start or time anything itself.
import {
  batchPairs,
  libraryPairs,
  libraryTests,
  sampleFrames,
  sampleHeap,
  sampleIdle,
  sampleRtt,
  sampleTcp,
  sampleTcpBothWays,
  sampleTcpLong,
  sampleUdp,
  testsByHand,
  withCable,
} from './samples.mjs'
import { RIGHT } from './testbed.mjs'
import { has } from './tools.mjs'

/** @import { Extent, Measure, Metric } from './types.d.ts' */

/** @type {Extent} */
export const FULL = {
  tcp: 5,
  udp: 3,
  frames: 3,
  roundTrips: 20_000,
  idle: 5,
  pairCount: 100,
  heapFrames: 10_000_000,
  kitTests: 20,
}
/** Everything, 5 times, within 12 minutes. @type {Extent} */
export const SERIES = {
  tcp: 2,
  udp: 2,
  frames: 1.5,
  roundTrips: 10_000,
  idle: 2,
  pairCount: 50,
  heapFrames: 3_000_000,
  kitTests: 10,
}
/** @type {Extent} */
export const QUICK = {
  tcp: 2,
  udp: 1,
  frames: 1,
  roundTrips: 5_000,
  idle: 2,
  pairCount: 100,
  heapFrames: 1_000_000,
  kitTests: 5,
}

const nothing = () => undefined // is missing
const noIperf = () => (has('iperf3') ? undefined : 'iperf3 is not installed')
const FORWARDERS = ['uveth', 'relay', 'relay-plain', 'socat']
const CABLES = ['uveth', 'kernel', 'relay', 'relay-uring', 'relay-plain', 'socat']
const TRIO = ['uveth', 'kernel', 'relay']
const REFERENCES = ['kernel', 'relay']
const INSPECTED = ['uveth-loss', 'uveth-rule', 'uveth-hook', 'uveth-capture']
/** @type {Metric} */
const CPU_SHARE = { key: 'cpu_percent', title: 'forwarder CPU', unit: '% of a core', digits: 1 }
/** @type {Metric} */
const THROUGHPUT = { key: 'gbps', title: 'throughput', unit: 'Gb/s', digits: 2, ratios: true }
/** @type {Metric} */
const RETRANSMITS = { key: 'retransmits', title: 'retransmissions', unit: 'segments', digits: 0 }

/** @type {readonly Measure[]} */
export const MEASURES = [
  {
    name: 'tcp',
    title: 'TCP, one stream',
    contenders: CABLES,
    references: REFERENCES,
    missing: noIperf,
    metrics: [
      THROUGHPUT,
      CPU_SHARE,
      { key: 'rss_mib', title: 'resident memory afterwards', unit: 'MiB', digits: 1 },
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcp(cable, extent.tcp)),
  },
  {
    name: 'tcp-through',
    title: 'TCP, one stream, every wire frame judged or recorded',
    contenders: ['uveth', 'kernel', ...INSPECTED],
    references: ['uveth', 'kernel'],
    missing: noIperf,
    metrics: [
      THROUGHPUT,
      CPU_SHARE,
      RETRANSMITS,
      { key: 'records', title: 'recorded', unit: 'frames', digits: 0 },
      { key: 'records_lost', title: 'not recorded', unit: 'frames', digits: 0 },
      { key: 'file_mb', title: 'file', unit: 'MB', digits: 0 },
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcp(cable, extent.tcp)),
  },
  {
    name: 'tcp-delay',
    title: 'TCP, one stream, through 1 ms (the pairs without a delay: what there is to reach)',
    contenders: ['uveth', 'kernel', 'uveth-delay', 'relay-delay'],
    references: ['uveth', 'relay-delay'],
    missing: noIperf,
    metrics: [
      THROUGHPUT,
      { key: 'rtt_ms', title: 'round trip that TCP sees', unit: 'ms', digits: 2 },
      CPU_SHARE,
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcpLong(cable, extent.tcp)),
  },
  {
    name: 'tcp-8',
    title: 'TCP, 8 streams together',
    contenders: TRIO,
    references: REFERENCES,
    missing: noIperf,
    metrics: [THROUGHPUT, CPU_SHARE],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcp(cable, extent.tcp, 8)),
  },
  {
    name: 'tcp-vxlan',
    title: 'TCP, one stream, through VXLAN (MTU 1450 inside, 1500 outside)',
    contenders: ['kernel-vxlan', 'uveth-vxlan'],
    references: ['kernel-vxlan'],
    missing: noIperf,
    metrics: [
      { key: 'gbps', title: 'to the kernel', unit: 'Gb/s', digits: 2, ratios: true },
      CPU_SHARE,
      { key: 'back_gbps', title: 'from the kernel', unit: 'Gb/s', digits: 2, ratios: true },
      { key: 'back_cpu_percent', title: 'forwarder CPU', unit: '% of a core', digits: 1 },
      RETRANSMITS,
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcpBothWays(cable, extent.tcp)),
  },
  {
    name: 'udp',
    title: 'UDP, datagrams of 1,472 bytes as fast as a program can send',
    contenders: TRIO,
    references: REFERENCES,
    missing: noIperf,
    metrics: [
      { key: 'datagrams_per_s', title: 'delivered', unit: 'datagrams/s', digits: 0, ratios: true },
      { key: 'lost_percent', title: 'lost', unit: '%', digits: 1 },
      CPU_SHARE,
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleUdp(cable, extent.udp)),
  },
  frames(64),
  frames(1500),
  {
    name: 'rtt',
    title: 'TCP round trip of one byte',
    contenders: CABLES,
    references: REFERENCES,
    missing: nothing,
    metrics: [
      { key: 'median_us', title: 'median', unit: 'us', digits: 1, ratios: true },
      { key: 'p99_us', title: '99th percentile', unit: 'us', digits: 1, ratios: true },
      CPU_SHARE,
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleRtt(cable, extent.roundTrips)),
  },
  {
    name: 'idle',
    title: 'One quiet pair',
    contenders: FORWARDERS,
    references: REFERENCES,
    missing: nothing,
    metrics: [
      { key: 'cpu_ms_per_s', title: 'forwarder CPU', unit: 'ms per s', digits: 3 },
      { key: 'rss_mib', title: 'resident memory', unit: 'MiB', digits: 1 },
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleIdle(cable, extent.idle)),
  },
  pairs('pairs', 'between two namespaces', RIGHT),
  // A TAP must be opened at home and moved, and the kernel takes 13-20 ms for each move.
  pairs('pairs-home', 'both ends at home', undefined),
  {
    name: 'kit',
    title: 'A test with the kit that does nothing (kernel: the same by ip, without a capture)',
    contenders: ['uveth', 'kernel'],
    references: ['kernel'],
    missing: nothing,
    metrics: [
      { key: 'wall_ms', title: 'with its capture, as by default', unit: 'ms', digits: 1, ratios: true },
      { key: 'cpu_ms', title: 'its CPU', unit: 'ms', digits: 1 },
      { key: 'plain_wall_ms', title: 'without a capture', unit: 'ms', digits: 1 },
      { key: 'plain_cpu_ms', title: 'its CPU', unit: 'ms', digits: 1 },
    ],
    sample: ({ name }, { kitTests }) => (name === 'kernel' ? testsByHand(kitTests) : libraryTests(kitTests)),
  },
  {
    name: 'heap',
    title: 'Memory over many 64-byte frames',
    contenders: ['uveth'],
    references: [],
    once: true,
    missing: nothing,
    metrics: [
      { key: 'frames', title: 'frames delivered', unit: 'frames', digits: 0 },
      { key: 'heap_start_kib', title: 'JS heap before, all threads', unit: 'KiB', digits: 0 },
      { key: 'heap_end_kib', title: 'JS heap after, all threads', unit: 'KiB', digits: 0 },
      { key: 'heap_kib_per_million', title: 'JS heap growth', unit: 'KiB per million frames', digits: 2 },
      {
        key: 'worker_kib_per_million',
        title: 'of it, other threads than main',
        unit: 'KiB per million frames',
        digits: 2,
      },
      {
        key: 'rss_kib_per_million',
        title: 'resident memory growth',
        unit: 'KiB per million frames',
        digits: 2,
      },
    ],
    sample: (_contender, extent) => sampleHeap(extent.heapFrames),
  },
]

/**
 * @param {number} length
 * @returns {Measure}
 */
function frames(length) {
  return {
    name: `frames-${length}`,
    title: `Frames of ${length} bytes, saturated`,
    contenders: CABLES,
    references: REFERENCES,
    missing: nothing,
    metrics: [
      { key: 'frames_per_s', title: 'delivered', unit: 'frames/s', digits: 0, ratios: true },
      { key: 'cpu_ns_per_frame', title: 'forwarder CPU', unit: 'ns per frame', digits: 0, ratios: true },
    ],
    sample: (contender, extent) =>
      withCable(contender, (cable) => sampleFrames(cable, length, extent.frames)),
  }
}

/**
 * @param {string} name
 * @param {string} where
 * @param {string | undefined} other namespace of the other ends; absent: they stay with the first
 * @returns {Measure}
 */
function pairs(name, where, other) {
  return {
    name,
    title: `Many pairs, ${where} (kernel: ip -batch)`,
    contenders: ['uveth', 'kernel'],
    references: ['kernel'],
    missing: nothing,
    metrics: [
      { key: 'create_ms', title: 'create all (uveth: at once)', unit: 'ms', digits: 1, ratios: true },
      { key: 'create_serially_ms', title: 'create one after the other', unit: 'ms', digits: 1 },
      { key: 'remove_ms', title: 'remove all', unit: 'ms', digits: 1, ratios: true },
      { key: 'left_behind', title: 'links still there', unit: 'links', digits: 0 },
    ],
    sample: ({ name: contender }, { pairCount }) =>
      contender === 'kernel' ? batchPairs(pairCount, other) : libraryPairs(pairCount, other),
  }
}
