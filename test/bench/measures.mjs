// What is measured, one entry each: its name on the command line, its metrics with units, whom it makes sense for.
// bench.mjs repeats and alternates them; report.mjs prints them by the metrics' descriptions; samples.mjs knows
// how each number is got. It must not start or time anything itself.
import {
  batchPairs,
  libraryPairs,
  sampleFrames,
  sampleHeap,
  sampleIdle,
  sampleRtt,
  sampleTcp,
  withCable,
} from './samples.mjs'
import { RIGHT } from './testbed.mjs'
import { has } from './tools.mjs'

/** @import { Extent, Measure, Metric } from './types.d.ts' */

/** @type {Extent} */
export const FULL = {
  tcp: 5,
  frames: 3,
  roundTrips: 20_000,
  idle: 5,
  pairCount: 100,
  heapFrames: 10_000_000,
}
/** @type {Extent} */
export const QUICK = {
  tcp: 2,
  frames: 1,
  roundTrips: 5_000,
  idle: 2,
  pairCount: 100,
  heapFrames: 1_000_000,
}

const nothing = () => undefined // is missing
const FORWARDERS = ['uveth', 'relay', 'relay-plain', 'socat']
/** @type {Metric} */
const CPU_SHARE = { key: 'cpu_percent', title: 'forwarder CPU', unit: '% of a core', digits: 1 }

/** @type {readonly Measure[]} */
export const MEASURES = [
  {
    name: 'tcp',
    title: 'TCP, one stream',
    missing: () => (has('iperf3') ? undefined : 'iperf3 is not installed'),
    metrics: [
      { key: 'gbps', title: 'throughput', unit: 'Gb/s', digits: 2, ratios: true },
      CPU_SHARE,
      { key: 'rss_mib', title: 'resident memory afterwards', unit: 'MiB', digits: 1 },
    ],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcp(cable, extent.tcp)),
  },
  {
    name: 'tcp-inspected',
    title: 'TCP, one stream, every frame looked at (kernel: not looked at, but without offloads too)',
    missing: () => (has('iperf3') ? undefined : 'iperf3 is not installed'),
    metrics: [{ key: 'gbps', title: 'throughput', unit: 'Gb/s', digits: 2, ratios: true }, CPU_SHARE],
    sample: (contender, extent) => withCable(contender, (cable) => sampleTcp(cable, extent.tcp)),
  },
  frames(64),
  frames(1500),
  {
    name: 'rtt',
    title: 'TCP round trip of one byte',
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
    name: 'heap',
    title: 'Memory over many 64-byte frames',
    contenders: ['uveth'],
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
