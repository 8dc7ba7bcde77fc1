// How `link show` shows an interface: in the layout of `ip link`, and beside it what only a pair has. Called by
// show.ts. Pure: views and statistics in, text out. Only what the daemon knows is shown; flags and state follow
// from admin up and carrier. JSON is json.ts's.

import type { EndView, PairView } from '../../contract/ops.js'
import type { EndStats } from '../../index.js'
import { formatTime } from '../../wishes/units.js'
import type { Paint } from '../session.js'
import { groupName } from './groups.js'

/** One line of a listing: an end of a pair. */
export interface Row {
  pair: PairView
  end: 'a' | 'b'
  stats?: EndStats | undefined
  /** It stands in the namespace that the order comes from. */
  here: boolean
}

/** How numbers are written. */
interface Units {
  human?: boolean
  iec?: boolean
}

export type Remarks = (end: EndView, stats: EndStats | undefined) => string[]

export interface Detail extends Units {
  stats: boolean
  details: boolean
  oneline: boolean
}

export function sides({ pair, end }: Row): { own: EndView; peer: EndView; together: boolean } {
  const own = pair[end]
  const peer = pair[end === 'a' ? 'b' : 'a']
  // A tunnel stands nowhere: its name means it everywhere.
  return { own, peer, together: own.netnsInode === peer.netnsInode || peer.vxlan !== undefined }
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

function paintState(state: string, paint: Paint, width = 0): string {
  const painted = state === 'UP' ? paint('green', state) : state === 'DOWN' ? paint('red', state) : state
  return painted + ' '.repeat(Math.max(0, width - state.length))
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
 * As `ip link`; `oneline` joins the lines with a backslash, as `ip -o` does. `remarks` are lines about what is done to
 * the frames that an end sends, and what helps against drops. Without statistics what only the kernel knows is not shown.
 */
export function linkText(row: Row, detail: Detail, paint: Paint, remarks: Remarks = () => []): string {
  const { own } = sides(row)
  const { stats } = row
  const { altnames = [] } = stats?.link ?? own
  const alias = stats?.link?.ifalias
  const lines = [
    headLine(row, paint),
    addressLine(row, detail, paint),
    pairLine(row, detail),
    ...(alias === undefined ? [] : [`    alias ${alias}`]),
    ...remarks(own, stats).map((line) => `    ${line}`),
    ...(detail.stats && stats ? statsLines(stats, detail) : []),
    ...altnames.map((altname) => `    altname ${altname}`),
  ]
  return lines.join(detail.oneline ? '\\' : '\n')
}

function headLine(row: Row, paint: Paint): string {
  const { own } = sides(row)
  const { qdisc, master, operstate, linkmode, group } = row.stats?.link ?? {}
  const state = operstate ?? stateOf(own, row.pair.carrier)
  return [
    `${own.ifindex}: ${fullName(row, paint)}: <${flagsOf(row).join(',')}> mtu ${own.mtu}`,
    ...words({ qdisc, master, state: paintState(state, paint), mode: linkmode }),
    ...words({ group: group === undefined ? undefined : groupName(group), qlen: own.txQueueLength }),
    ...(row.here ? [] : [`netns ${placeOf(own.netns)}`]),
  ].join(' ')
}

function addressLine(row: Row, { details }: Detail, paint: Paint): string {
  const { own, peer, together } = sides(row)
  if (own.vxlan !== undefined) return vxlanLine(row)
  const { broadcast, promiscuity, allmulti, min_mtu: minmtu, max_mtu: maxmtu } = row.stats?.link ?? {}
  return [
    `    link/ether ${paint('yellow', own.address)}`,
    ...words({ brd: broadcast === undefined ? undefined : paint('yellow', broadcast) }),
    ...(together ? [] : [`link-netns ${placeOf(peer.netns)}`]),
    ...(details ? words({ promiscuity, allmulti, minmtu, maxmtu }) : []),
  ].join(' ')
}

function vxlanLine(row: Row): string {
  const { own, peer, together } = sides(row)
  const place = together ? {} : { 'link-netns': placeOf(peer.netns) }
  return ['   ', vxlanText(own), ...words(place)].join(' ')
}

/** As `ip -d link show` has it of a device of that type. */
export function vxlanText({ vxlan }: EndView): string {
  const { id, remote, local, port: dstport, keepalive, far } = vxlan ?? {}
  const life = keepalive == null ? {} : { keepalive: formatTime(keepalive), far: far ?? undefined }
  return ['vxlan', ...words({ id, remote, local: local ?? undefined, dstport, ...life })].join(' ')
}

function pairLine(row: Row, detail: Detail): string {
  const { peer, together } = sides(row)
  const { pair, end, stats } = row
  const { inet6_addr_gen_mode: addrgenmode, num_tx_queues, num_rx_queues } = stats?.link ?? {}
  return [
    `    uveth id ${pair.id} end ${end} peer ${peer.name}`,
    ...(together ? [] : [`peer-netns ${placeOf(peer.netns)}`]),
    `carrier ${pair.carrier ? 'on' : 'off'}`,
    ...(detail.details ? [`queues ${pair.queues} quiet ${pair.quiet ? 'on' : 'off'}`] : []),
    ...(detail.details ? words({ addrgenmode, numtxqueues: num_tx_queues, numrxqueues: num_rx_queues }) : []),
    ...(stats && counts(detail) ? [countedOf(stats)] : []),
  ].join(' ')
}

/** Those that are known, as iproute2 writes them. */
function words(values: Record<string, string | number | undefined>): string[] {
  const known = Object.entries(values).filter(([, value]) => value !== undefined)
  return known.map(([word, value]) => `${word} ${value}`)
}

function counts({ details, stats }: Detail): boolean {
  return details || stats
}

function countedOf({ workers, drops, inspected }: EndStats): string {
  const threads = workers.map(({ worker }) => worker).join(',')
  const done = someOf(inspected)
  return `workers ${threads} drops ${someOf(drops) || 'none'}${done === '' ? '' : ` inspected ${done}`}`
}

function statsLines({ kernel, ...stats }: EndStats, detail: Detail): string[] {
  const { rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped } = stats
  const { multicast: mcast = 0, tx_carrier_errors: carrier = 0, collisions: collsns = 0 } = kernel ?? {}
  // What a network card misses a TAP cannot: it has no such counter, and the word is iproute2's.
  const rx = {
    bytes: rx_bytes,
    packets: rx_packets,
    errors: rx_errors,
    dropped: rx_dropped,
    missed: 0,
    mcast,
  }
  const tx = {
    bytes: tx_bytes,
    packets: tx_packets,
    errors: tx_errors,
    dropped: tx_dropped,
    carrier,
    collsns,
  }
  return [...columns('RX', rx, detail), ...columns('TX', tx, detail)]
}

/** Of its columns, the first one with the title in it. */
const WIDTHS = [10, 7, 6, 7, 7, 7]

/** Names above numbers, both flush right, as `ip -s` has them. */
function columns(
  title: string,
  counters: Record<string, number>,
  units: Units,
): [names: string, numbers: string] {
  const cells = Object.entries(counters).map(([name, count], index) => {
    const text = countText(count, units)
    const width = Math.max(WIDTHS[index] ?? 0, text.length)
    return [name.padStart(index === 0 ? width - title.length - 2 : width), text.padStart(width)] as const
  })
  const line = (which: 0 | 1) => cells.map((cell) => cell[which]).join(' ')
  return [`    ${title}: ${line(0)}`, `    ${line(1)}`]
}

/** As `ip -h` writes a number: three digits of it, and a suffix; of 1024 with `iec`. */
export function countText(count: number, { human = false, iec = false }: Units): string {
  const base = iec ? 1024 : 1000
  if (!human || count < base) return String(count)
  let unit = base
  let at = 0
  for (; count / unit >= base && at < SUFFIXES.length - 1; at++) unit *= base
  const whole = Math.floor(count / unit)
  const digits = whole >= 100 ? 0 : whole >= 10 ? 1 : 2
  return `${(count / unit).toFixed(digits)}${SUFFIXES[at]}${iec ? 'i' : ''}`
}

const SUFFIXES = 'kMGTPE'
