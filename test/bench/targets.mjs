// What uveth is meant to reach on a machine, as ratios to the other contenders or as plain limits. bench.mjs
// judges the medians of a run by it; report.mjs prints the verdicts. It must not measure or print.
import { ratio } from './stats.mjs'

/** @import { Target, Verdict } from './types.d.ts' */

/** @type {readonly Target[]} */
const TARGETS = [
  {
    title: 'TCP throughput / kernel veth',
    measure: 'tcp',
    metric: 'gbps',
    to: 'kernel',
    bound: 'min',
    limit: 0.8,
  },
  {
    title: 'TCP throughput / C relay, vnet header',
    measure: 'tcp',
    metric: 'gbps',
    to: 'relay',
    bound: 'min',
    limit: 1,
  },
  { title: 'TCP throughput / socat', measure: 'tcp', metric: 'gbps', to: 'socat', bound: 'min', limit: 8 },
  {
    title: 'TCP through a loss / the plain pair',
    measure: 'tcp-through',
    of: 'uveth-loss',
    metric: 'gbps',
    to: 'uveth',
    bound: 'min',
    limit: 0.8,
  },
  {
    title: 'TCP through a rule / the plain pair',
    measure: 'tcp-through',
    of: 'uveth-rule',
    metric: 'gbps',
    to: 'uveth',
    bound: 'min',
    limit: 0.75,
  },
  {
    title: 'TCP through a hook on lengths / the plain pair',
    measure: 'tcp-through',
    of: 'uveth-hook',
    metric: 'gbps',
    to: 'uveth',
    bound: 'min',
    limit: 0.7,
  },
  {
    title: 'TCP through a capture / the plain pair',
    measure: 'tcp-through',
    of: 'uveth-capture',
    metric: 'gbps',
    to: 'uveth',
    bound: 'min',
    limit: 0.35,
  },
  {
    title: 'frames that the capture lost',
    measure: 'tcp-through',
    of: 'uveth-capture',
    metric: 'records_lost',
    bound: 'max',
    limit: 0,
  },
  {
    title: 'TCP through 1 ms / C relay with 1 ms',
    measure: 'tcp-delay',
    of: 'uveth-delay',
    metric: 'gbps',
    to: 'relay-delay',
    bound: 'min',
    limit: 0.6,
  },
  {
    title: 'TCP through VXLAN, to the kernel / kernel to kernel',
    measure: 'tcp-vxlan',
    of: 'uveth-vxlan',
    metric: 'gbps',
    to: 'kernel-vxlan',
    bound: 'min',
    limit: 0.5,
  },
  {
    title: 'TCP through VXLAN, from the kernel / kernel to kernel',
    measure: 'tcp-vxlan',
    of: 'uveth-vxlan',
    metric: 'back_gbps',
    to: 'kernel-vxlan',
    bound: 'min',
    limit: 0.5,
  },
  {
    title: 'CPU of a kit test with its capture, ms',
    measure: 'kit',
    of: 'uveth',
    metric: 'cpu_ms',
    bound: 'max',
    limit: 30,
  },
  {
    title: 'CPU per 64-byte frame / C relay, vnet header',
    measure: 'frames-64',
    metric: 'cpu_ns_per_frame',
    to: 'relay',
    bound: 'max',
    limit: 0.9,
  },
  {
    title: 'round trip, median / kernel veth',
    measure: 'rtt',
    metric: 'median_us',
    to: 'kernel',
    bound: 'max',
    limit: 1,
  },
  { title: 'CPU of an idle pair, ms per s', measure: 'idle', metric: 'cpu_ms_per_s', bound: 'max', limit: 1 },
  // Reading is off by some 80 KiB in all; one leaked object of 16 bytes per burst of 64 frames would be 244.
  {
    title: 'JS heap growth, KiB per million frames',
    measure: 'heap',
    metric: 'heap_kib_per_million',
    bound: 'max',
    limit: 100,
  },
  {
    title: 'removal of many pairs: ip -batch / uveth',
    measure: 'pairs',
    metric: 'remove_ms',
    to: 'kernel',
    inverse: true,
    bound: 'min',
    limit: 3,
  },
]

/**
 * @param {(measure: string, metric: string, contender: string) => number | undefined} medianOf
 * @returns {Verdict[]}
 */
export function judge(medianOf) {
  return TARGETS.map((target) => {
    const ours = medianOf(target.measure, target.metric, target.of ?? 'uveth')
    const theirs = target.to === undefined ? undefined : medianOf(target.measure, target.metric, target.to)
    const quotient = target.inverse ? ratio(theirs, ours) : ratio(ours, theirs)
    const value = target.to ? quotient : ours
    return {
      title: target.title,
      bound: target.bound,
      limit: target.limit,
      value,
      verdict: verdictOf(value, target),
    }
  })
}

/**
 * @param {number | undefined} value
 * @param {Target} target
 */
function verdictOf(value, { bound, limit }) {
  if (value === undefined) return 'not measured'
  return (bound === 'min' ? value >= limit : value <= limit) ? 'met' : 'not met'
}
