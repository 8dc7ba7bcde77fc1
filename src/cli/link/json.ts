// The objects that `link show -j` and `link add -j` show: iproute2's keys in its order, with the values that `ip -d`
// shows, and under linkinfo what only a pair has. Called by show.ts. Views and statistics in, objects out.

import type { EndStats } from '../../index.js'
import { parseInode } from '../../netns/names.js'
import { type Detail, flagsOf, type Row, sides, stateOf } from './format.js'
import { groupName } from './groups.js'

/** In iproute2's order; what nobody has said anything of is left out. */
const KEYS = [
  ...['ifindex', 'link', 'link_index', 'ifname', 'flags', 'mtu', 'qdisc', 'master', 'operstate', 'linkmode'],
  ...[
    'group',
    'txqlen',
    'link_type',
    'address',
    'broadcast',
    'link_netns',
    'promiscuity',
    'allmulti',
    'min_mtu',
    'max_mtu',
  ],
  ...['linkinfo', 'inet6_addr_gen_mode', 'num_tx_queues', 'num_rx_queues', 'gso_max_size', 'gso_max_segs'],
  ...['tso_max_size', 'tso_max_segs', 'gro_max_size', 'gso_ipv4_max_size', 'gro_ipv4_max_size', 'ifalias'],
  ...['stats64', 'altnames'],
]

/** The object that `-j` shows. Where there are no statistics, the kernel's own keys are missing. */
export function linkJson(row: Row, { stats: withStats }: Pick<Detail, 'stats'>): object {
  const { own } = sides(row)
  const { pair, stats } = row
  const { group, slave_kind, flags: _, ...link } = stats?.link ?? {}
  const keys: Record<string, unknown> = {
    ifindex: own.ifindex,
    ...linkKey(row),
    ifname: own.name,
    flags: flagsOf(row),
    mtu: own.mtu,
    operstate: stateOf(own, pair.carrier),
    txqlen: own.txQueueLength,
    link_type: own.vxlan === undefined ? 'ether' : 'vxlan',
    address: own.address,
    ...link,
    ...(group !== undefined && { group: groupName(group) }),
    linkinfo: {
      info_kind: 'uveth',
      info_data: infoOf(row),
      ...(slave_kind !== undefined && { info_slave_kind: slave_kind }),
    },
    ...(withStats && stats && { stats64: stats64(stats) }),
  }
  return Object.fromEntries(KEYS.filter((key) => key in keys).map((key) => [key, keys[key]]))
}

function infoOf(row: Row): object {
  const { own, peer } = sides(row)
  const { pair, end, stats } = row
  return {
    id: pair.id,
    end,
    netns: own.netns,
    peer: peer.name,
    peer_netns: peer.netns,
    carrier: pair.carrier,
    queues: pair.queues,
    quiet: pair.quiet,
    ...(own.vxlan && { vxlan: own.vxlan }),
    impair: own.impair,
    schedule: own.schedule,
    rules: own.rules,
    ...(stats && countsJson(stats)),
  }
}

function countsJson({ drops, inspected, workers }: EndStats): object {
  return { drops, inspected, workers: workers.map(({ worker }) => worker) }
}

/** As `ip -br -j`. */
export function briefJson(row: Row): object {
  const { own } = sides(row)
  const { carrier } = row.pair
  return {
    ...linkKey(row),
    ifname: own.name,
    operstate: stateOf(own, carrier),
    address: own.address,
    flags: flagsOf(row),
  }
}

/** The peer: by name where it stands in the same namespace, by index, and where, where the name means nothing. */
function linkKey(row: Row): object {
  const { peer, together } = sides(row)
  if (together) return { link: peer.name }
  const named = peer.netns !== null && parseInode(peer.netns) === undefined
  return { link_index: peer.ifindex, ...(named && { link_netns: peer.netns }) }
}

function stats64({ kernel, ...stats }: EndStats): object {
  return {
    rx: {
      bytes: stats.rx_bytes,
      packets: stats.rx_packets,
      errors: stats.rx_errors,
      dropped: stats.rx_dropped,
      over_errors: 0, // the TAP driver has no such counter, and the key is iproute2's
      multicast: kernel?.multicast ?? 0,
    },
    tx: {
      bytes: stats.tx_bytes,
      packets: stats.tx_packets,
      errors: stats.tx_errors,
      dropped: stats.tx_dropped,
      carrier_errors: kernel?.tx_carrier_errors ?? 0,
      collisions: kernel?.collisions ?? 0,
    },
  }
}
