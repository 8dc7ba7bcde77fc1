// What makes a node what it is: settings and a line for the shell when its namespace is made, and lines for `ip -batch`
// when its ends are there. Whoever makes a lab brings them to the node. Text only; nothing is run here.

import { formatAddress } from '../frame/address.js'
import type { LabPlan, NodePlan } from './plan.js'
import { BRIDGE, type LabEnd, type NodeKind } from './segments.js'

/** Where `nft` is, too: an ordinary user's PATH does not have them (Debian). */
export const NFT_FOLDERS = ['/usr/sbin', '/sbin']

// What a kernel does by itself is made the same on every machine: a namespace takes some of it from its maker, who may
// forward (Docker does) or filter. A kernel says which IPv6 groups it is in (MLD) twice, each time after a random part of
// a second; who counts frames waits for that. By version 1 it says so at once, and again within a millisecond; by version
// 2, and where it goes on with that, after two ticks each (16 ms with 250 of them in a second).
const HOST = [
  'net/ipv6/conf/default/mldv1_unsolicited_report_interval=1',
  'net/ipv6/conf/default/mldv2_unsolicited_report_interval=1',
  'net/ipv6/conf/all/force_mld_version=1',
  'net/ipv4/ip_forward=0',
]
const ROUTER = [
  ...HOST,
  'net/ipv4/ip_forward=1',
  'net/ipv6/conf/all/forwarding=1',
  'net/ipv4/conf/all/rp_filter=0',
  'net/ipv4/conf/default/rp_filter=0',
]
/** Settings of a fresh namespace. A bridge is without IPv6, of which a port has no use. */
export const SETTINGS: Readonly<Record<NodeKind, readonly string[]>> = {
  host: HOST,
  router: ROUTER,
  nat: ROUTER,
  bridge: [...HOST, 'net/ipv6/conf/all/disable_ipv6=1', 'net/ipv6/conf/default/disable_ipv6=1'],
}
/** Settings when all has been said that is said of fresh addresses. */
export const READY: readonly string[] = ['net/ipv6/conf/all/force_mld_version=0']

/** It is of no use where it may not be told to. */
export function forwards({ kind }: NodePlan): boolean {
  return kind === 'router' || kind === 'nat'
}

// With no delay before a port forwards.
const BRIDGE_LINES = `
ip link add ${BRIDGE} type bridge forward_delay 0 || { echo "it cannot be a bridge: the kernel needs CONFIG_BRIDGE" >&2; exit 1; }
ip link set ${BRIDGE} up
`

/**
 * A port keeps its number where that is free, and what nobody inside has asked for is dropped before it is tracked: a
 * packet that comes too early takes no port away from the one that follows (both sides of a hole are punched at once).
 */
function natLines(outside: readonly string[]): string {
  const names = `{ ${outside.map((name) => `"${name}"`).join(', ')} }`
  return `
PATH=$PATH:${NFT_FOLDERS.join(':')} nft -f - <<'END' || { echo "it cannot be a nat: nftables with nat is needed, of the kernel (CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ) and of Debian (apt-get install nftables)" >&2; exit 1; }
table inet uveth {
  chain leaving { type nat hook postrouting priority 100; oifname ${names} masquerade; }
  chain inward { type filter hook input priority 0; iifname ${names} meta l4proto { icmp, ipv6-icmp } accept; iifname ${names} ct state new drop; }
  chain through { type filter hook forward priority 0; iifname ${names} ct state new drop; }
}
END
`
}

/** For `sh -c` in its fresh namespace; empty where its settings are all. */
export function setUpScript({ kind, outside }: NodePlan): string {
  if (kind === 'bridge') return BRIDGE_LINES
  return kind === 'nat' ? natLines(outside) : ''
}

/** For `ip -batch` in the node, when its ends have their addresses. `macOf`: of an end, as text. */
export function linkLines(node: NodePlan, plan: LabPlan, macOf: (end: LabEnd) => string): string[] {
  const own = plan.ends.filter((end) => end.node === node.name)
  if (node.kind === 'bridge') return own.map(({ name }) => `link set dev ${name} master ${BRIDGE}`)
  const routes = node.routes.map(({ to, via }) => `route add ${to} via ${via}`)
  return plan.neighbours
    ? [...routes, ...own.flatMap((end) => neighbourLines(end, plan.ends, macOf))]
    : routes
}

/** As if they had just been asked for: the kernel asks again when they are old. */
function neighbourLines(end: LabEnd, ends: readonly LabEnd[], macOf: (end: LabEnd) => string): string[] {
  const speaks = (family: number) => end.up && end.cidrs.some(({ address }) => address.length === family)
  return ends
    .filter((other) => other !== end && other.segment === end.segment)
    .flatMap((other) =>
      other.cidrs
        .filter(({ address }) => speaks(address.length))
        .map(
          ({ address }) =>
            `neigh replace ${formatAddress(address)} lladdr ${macOf(other)} dev ${end.name} nud reachable`,
        ),
    )
}
