// How `link show` shows an interface: in the layout of `ip link`, and beside it what only a pair has. Called by
// show.ts. Pure: views and statistics in, text out. Only what the daemon knows is shown; flags and state follow
// from admin up and carrier. JSON is json.ts's.

import type { EndView, PairView } from '../../contract/ops.js'
import { excessWords } from '../../faults/excess.js'
import type { EndStats } from '../../index.js'
import type { Paint } from '../session.js'

/** One line of a listing: an end of a pair. */
export interface Row {
  pair: PairView
  end: 'a' | 'b'
  stats?: EndStats | undefined
  /** It stands in the namespace that the order comes from. */
  here: boolean
}

export interface Detail {
  stats: boolean
  details: boolean
  oneline: boolean
}

export function sides({ pair, end }: Row): { own: EndView; peer: EndView; together: boolean } {
  const own = pair[end]
  const peer = pair[end === 'a' ? 'b' : 'a']
  return { own, peer, together: own.netnsInode === peer.netnsInode }
}

const IFF_RUNNING = 0x40
const IFF_LOWER_UP = 0x10000

/** <linux/if.h>, in iproute2's order. UP and LOWER_UP follow from what the daemon made sure of. */
export const IFF = [
  [0x2, 'BROADCAST'],
  [0x1000, 'MULTICAST'],
  [0x80, 'NOARP'],
  [0x200, 'ALLMULTI'],
  [0x100, 'PROMISC'],
] as const

/**
 * As iproute2 shows them; M-DOWN is its word for a link whose other side, in the same namespace, is down. Without
 * statistics, which come with what the kernel shows just now, they follow from admin up and carrier.
 */
export function flagsOf(row: Row): string[] {
  const { own, peer, together } = sides(row)
  const { flags } = row.stats?.link ?? own
  const { carrier } = row.pair
  const down = together && !peer.up ? ['M-DOWN'] : []
  const others = IFF.filter(([bit]) => flags & bit).map(([, name]) => name)
  if (!own.up) return [...others, ...down]
  const [running, lowerUp] = row.stats?.link
    ? [flags & IFF_RUNNING, flags & IFF_LOWER_UP]
    : [carrier, carrier]
  return [...(running ? [] : ['NO-CARRIER']), ...others, 'UP', ...(lowerUp ? ['LOWER_UP'] : []), ...down]
}

export function stateOf({ up }: EndView, carrier: boolean): 'UP' | 'DOWN' {
  return up && carrier ? 'UP' : 'DOWN'
}

/** A namespace for people; null is the one in which the daemon was started. */
export function placeOf(netns: string | null): string {
  return netns ?? '(home)'
}

/** Those that are not 0. */
function someOf(counts: Record<string, number>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.map(([name, count]) => `${name} ${count}`).join(' ')
}

function fullName(row: Row, paint: Paint): string {
  const { own, peer, together } = sides(row)
  return paint('cyan', `${own.name}@${together ? peer.name : `if${peer.ifindex}`}`)
}

function paintState(state: 'UP' | 'DOWN', paint: Paint, width = 0): string {
  return paint(state === 'UP' ? 'green' : 'red', state) + ' '.repeat(Math.max(0, width - state.length))
}

/** As `ip -br link`, one line. */
export function briefText(row: Row, paint: Paint): string {
  const { own } = sides(row)
  const { carrier } = row.pair
  const plain = fullName(row, (_, text) => text)
  const name = fullName(row, paint) + ' '.repeat(Math.max(0, 16 - plain.length))
  const flags = `<${flagsOf(row).join(',')}>`
  const elsewhere = row.here ? '' : ` netns ${placeOf(own.netns)}`
  return `${name} ${paintState(stateOf(own, carrier), paint, 14)} ${paint('yellow', own.address)} ${flags}${elsewhere}`
}

/**
 * As `ip link`; `oneline` joins the lines with a backslash, as `ip -o` does. `faults` says what is done to the frames
 * that an end sends, where that is wanted.
 */
export function linkText(
  row: Row,
  detail: Detail,
  paint: Paint,
  faults: (end: EndView) => string[] = () => [],
): string {
  const { own, peer, together } = sides(row)
  const { pair, end, stats } = row
  const flags = flagsOf(row).join(',')
  const elsewhere = row.here ? '' : ` netns ${placeOf(own.netns)}`
  const away = together ? '' : ` link-netns ${placeOf(peer.netns)}`
  const more = detail.details ? ` queues ${pair.queues} quiet ${pair.quiet ? 'on' : 'off'}` : ''
  const counted = stats && (detail.details || detail.stats) ? countedOf(stats) : ''
  const lines = [
    `${own.ifindex}: ${fullName(row, paint)}: <${flags}> mtu ${own.mtu} state ${paintState(stateOf(own, pair.carrier), paint)} qlen ${own.txQueueLength}${elsewhere}`,
    `    link/ether ${paint('yellow', own.address)}${away}`,
    `    uveth id ${pair.id} end ${end} peer ${peer.name}${together ? '' : ` peer-netns ${placeOf(peer.netns)}`}` +
      ` carrier ${pair.carrier ? 'on' : 'off'}${more}${counted}`,
    ...(stats?.link ? (stats.link.altnames ?? []) : own.altnames).map((altname) => `    altname ${altname}`),
    ...faults(own).map((line) => `    ${line}`),
    ...(counted === '' || stats === undefined ? [] : excessWords(stats.drops).map((line) => `    ${line}`)),
    ...(detail.stats && stats ? statsLines(stats) : []),
  ]
  return lines.join(detail.oneline ? '\\' : '\n')
}

function countedOf({ workers, drops, inspected }: EndStats): string {
  const threads = workers.map(({ worker }) => worker).join(',')
  const done = someOf(inspected)
  return ` workers ${threads} drops ${someOf(drops) || 'none'}${done === '' ? '' : ` inspected ${done}`}`
}

function statsLines({ kernel, ...stats }: EndStats): string[] {
  const { rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped } = stats
  const rx = { bytes: rx_bytes, packets: rx_packets, errors: rx_errors, dropped: rx_dropped }
  const tx = { bytes: tx_bytes, packets: tx_packets, errors: tx_errors, dropped: tx_dropped }
  const { multicast: mcast = 0, tx_carrier_errors: carrier = 0, collisions: collsns = 0 } = kernel ?? {}
  return [...columns('RX', { ...rx, mcast }), ...columns('TX', { ...tx, carrier, collsns })]
}

/** Names above numbers, both flush right, as `ip -s` has them. */
function columns(title: string, counters: Record<string, number>): [names: string, numbers: string] {
  const cells = Object.entries(counters).map(([name, count], index) => {
    const width = Math.max(index === 0 ? 6 : 7, name.length, String(count).length)
    return [name.padStart(width), String(count).padStart(width)] as const
  })
  const line = (which: 0 | 1) => cells.map((cell) => cell[which]).join(' ')
  return [`    ${title}: ${line(0)}`, `        ${line(1)}`]
}
