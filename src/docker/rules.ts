// What the kernel is told of networks, as text: a bridge in the words of `ip -batch`, the packet filter in those of
// iptables-restore. Called by kernel.ts. Pure. All rules stand in chains of our own, in each of three tables, that are
// written anew as a whole unless they are as we left them: so nothing is left of a network that has gone, and what others
// have added stays.

import { parseCidr } from '../frame/address.js'
import { addressOf, isReachedBy } from './ports.js'
import type { Network } from './records.js'
import { macFor } from './request.js'

const FAMILIES = { iptables: 4, ip6tables: 16 } as const
export type Family = keyof typeof FAMILIES

/** Our chains, and the kernel's from which each is called. */
const CHAINS = [
  { table: 'mangle', chain: 'UVETH', hooks: ['FORWARD'], rulesOf: forbidden },
  { table: 'mangle', chain: 'UVETH-LOCAL', hooks: ['INPUT'], rulesOf: unreachable },
  { table: 'filter', chain: 'UVETH', hooks: ['FORWARD'], rulesOf: allowed },
  { table: 'nat', chain: 'UVETH', hooks: ['POSTROUTING'], rulesOf: masqueraded },
  { table: 'nat', chain: 'UVETH-PORTS', hooks: ['PREROUTING', 'OUTPUT'], rulesOf: published },
] as const
const TABLES = [...new Set(CHAINS.map(({ table }) => table))]
type Rules = (network: Network, family: Family) => string[]

/** Bridges of the engine's own. */
const OTHERS = ['docker0', 'br-+']
/** Of what a container asked for, and of who came by a published port. */
const ANSWERS = '-m conntrack --ctstate RELATED,ESTABLISHED,DNAT'

export function isOf(family: Family, cidr: string): boolean {
  return parseCidr(cidr)?.address.length === FAMILIES[family]
}

/** Its address stays the same whatever is plugged in. */
export function bridgeLines({ id, bridge, mtu, subnets }: Network): string[] {
  const gateways = subnets.flatMap(({ gateway }) => gateway ?? [])
  return [
    `link add name ${bridge} address ${macFor('', id)} type bridge`,
    ...(mtu === undefined ? [] : [`link set dev ${bridge} mtu ${mtu}`]),
    ...gateways.map(
      (gateway) => `address add ${gateway} dev ${bridge}${gateway.includes(':') ? ' nodad' : ''}`,
    ),
    `link set dev ${bridge} up`,
  ]
}

/** What a table is to say of networks. */
export interface TableRules {
  table: string
  /** What is in our chains. */
  rules: readonly string[]
  /** How many rules are in them; undefined where the kernel does not call each. */
  present: number | undefined
  /** For iptables-restore: rules, and calls that are missing. */
  text: string
}

/**
 * Who may not talk to whom is said in `mangle`, before anybody's rules in `filter`, which allow more the higher they
 * stand; who may, in `filter`, where the engine forbids what nobody allows. `saved` is what iptables-save says: whoever
 * loads a firewall anew takes the calls of our chains away.
 */
export function rulesFor(family: Family, networks: readonly Network[], saved: string): TableRules[] {
  // Internal ones first: what others let in, by a published port, is not for who may not get out.
  const mine = networks.filter(({ p2p }) => !p2p).sort((one, other) => +other.internal - +one.internal)
  return TABLES.map((table) => {
    const there = linesOf(saved, table)
    const chains = CHAINS.filter((chain) => chain.table === table)
    const rules = chains.flatMap(({ chain, rulesOf }) =>
      mine.flatMap((network) => (rulesOf as Rules)(network, family)).map((rule) => `-A ${chain} ${rule}`),
    )
    const head = [`*${table}`, ...chains.map(emptied), ...rules]
    const calls = callsOf(table).filter((call) => !there.includes(`-A ${call}`))
    const ours = there.filter((line) => chains.some(({ chain }) => line.startsWith(`-A ${chain} `)))
    return {
      table,
      rules,
      present: calls.length === 0 ? ours.length : undefined,
      text: `${[...head, ...calls.map((call) => `-I ${call}`), 'COMMIT'].join('\n')}\n`,
    }
  })
}

/**
 * For iptables-restore: makes the rules of a table of those that it has. The kernel takes some 30 ms to replace a chain, and
 * 2 to add to it.
 */
export function changeOf({ table, rules }: TableRules, before: readonly string[]): string {
  const lines = CHAINS.filter((chain) => chain.table === table).flatMap(({ chain }) => {
    const of = (all: readonly string[]) => all.filter((rule) => rule.startsWith(`-A ${chain} `))
    return changed(chain, of(before), of(rules))
  })
  return lines.length === 0 ? '' : `${[`*${table}`, ...lines, 'COMMIT'].join('\n')}\n`
}

/** All between what both begin with and what both end with. */
function changed(chain: string, before: readonly string[], after: readonly string[]): string[] {
  const shorter = Math.min(before.length, after.length)
  let head = 0
  while (head < shorter && before[head] === after[head]) head++
  let tail = 0
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  const gone = before.slice(head, before.length - tail).map(() => `-D ${chain} ${head + 1}`)
  const fresh = after.slice(head, after.length - tail)
  const begin = `-A ${chain} `.length
  return [...gone, ...fresh.map((rule, at) => `-I ${chain} ${head + 1 + at} ${rule.slice(begin)}`)]
}

/** Those that our rules speak of. */
export function bridgesOf(saved: string): string[] {
  const ours = saved.match(/^-A UVETH.*$/gm)?.join('\n') ?? ''
  return ours.match(/\buv-\w+/g) ?? []
}

/** With the last network they go, whatever is left of them. */
export function noRules(saved: string): string {
  const parts = TABLES.flatMap((table) => {
    const chains = CHAINS.filter((chain) => chain.table === table)
    const there = linesOf(saved, table)
    const calls = callsOf(table).filter((call) => there.includes(`-A ${call}`))
    const gone = [...calls.map((call) => `-D ${call}`), ...chains.map(({ chain }) => `-X ${chain}`)]
    return [`*${table}`, ...chains.map(emptied), ...gone, 'COMMIT']
  })
  return `${parts.join('\n')}\n`
}

function emptied({ chain }: { chain: string }): string {
  return `:${chain} - [0:0]`
}

function callsOf(table: string): string[] {
  const mine = CHAINS.filter((chain) => chain.table === table)
  return mine.flatMap(({ chain, hooks }) => hooks.map((hook) => `${hook} -j ${chain}`))
}

/** Those of a table in what iptables-save says. */
function linesOf(saved: string, table: string): string[] {
  const begin = saved.indexOf(`*${table}\n`)
  return begin < 0 ? [] : saved.slice(begin, saved.indexOf('COMMIT', begin)).split('\n')
}

function forbidden(network: Network, family: Family): string[] {
  const { bridge, internal } = network
  if (internal) return [`-i ${bridge} ! -o ${bridge} -j DROP`, `-o ${bridge} ! -i ${bridge} -j DROP`]
  // Who asks for 127.0.0.1 on this machine is not forwarded: a neighbour of its has sent that here, and the kernel, which
  // refuses such addresses, sees the container's. Those of IPv6 it refuses before.
  const foreign = family === 'iptables' && publishes(network)
  return [
    ...(foreign ? [`-o ${bridge} -m conntrack --ctorigdst 127.0.0.0/8 -j DROP`] : []),
    `-o ${bridge} ! -i ${bridge} ${ANSWERS} -j RETURN`,
    `-o ${bridge} ! -i ${bridge} -j DROP`,
    ...OTHERS.map((other) => `-i ${bridge} -o ${other} -m conntrack --ctstate NEW -j DROP`),
  ]
}

/** Its bridge leads to loopback addresses (kernel.ts), for answers; for nothing else. */
function unreachable({ bridge }: Network, family: Family): string[] {
  if (family !== 'iptables') return []
  return [`-i ${bridge} -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP`]
}

function allowed({ bridge }: Network): string[] {
  return [`-i ${bridge} -j ACCEPT`, `-o ${bridge} ${ANSWERS} -j ACCEPT`]
}

function masqueraded(network: Network, family: Family): string[] {
  const { bridge, internal, masquerade, subnets } = network
  if (internal) return []
  const pools = subnets.map(({ pool }) => pool).filter((pool) => isOf(family, pool))
  const out = masquerade ? pools.map((pool) => `-s ${pool} ! -o ${bridge} -j MASQUERADE`) : []
  if (!publishes(network)) return out
  // Answers have to come back this way, also to a neighbour on the bridge, and to 127.0.0.1.
  const near = [...pools, ...(family === 'iptables' ? ['127.0.0.0/8'] : [])]
  const back = near.map((from) => `-s ${from} -o ${bridge} -m conntrack --ctstate DNAT -j MASQUERADE`)
  return [...out, ...back]
}

export function publishes({ endpoints }: Network): boolean {
  return Object.values(endpoints).some(({ ports }) => ports !== undefined)
}

/** Whoever asks one of the machine's addresses for a published port gets the container's. */
function published({ endpoints }: Network, family: Family): string[] {
  return Object.values(endpoints).flatMap(({ addresses, ports = [] }) => {
    const own = addresses.find((address) => isOf(family, address))?.split('/')[0]
    if (own === undefined) return []
    const mine = ports.filter((port) => isReachedBy(port, FAMILIES[family]))
    const target = family === 'iptables' ? own : `[${own}]`
    return mine.map((port) => {
      const at = addressOf(port)
      const match = `-p ${port.protocol} --dport ${port.hostPort} -m addrtype --dst-type LOCAL`
      return `${at === undefined ? '' : `-d ${at} `}${match} -j DNAT --to-destination ${target}:${port.port}`
    })
  })
}
