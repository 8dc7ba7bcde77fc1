// What the kernel is told of networks, as text: a bridge in the words of `ip -batch`, the packet filter in those of
// iptables-restore. Called by kernel.ts. Pure. All rules stand in chains of our own, one in each of three tables, that
// are written anew as a whole: so nothing is left of a network that has gone, and what others have added stays.

import { parseCidr } from '../frame/address.js'
import type { Network } from './records.js'
import { macFor } from './request.js'

/** Of our chains. */
export const CHAIN = 'UVETH'
const FAMILIES = { iptables: 4, ip6tables: 16 } as const
export type Family = keyof typeof FAMILIES

/** The chain of the kernel's from which ours is called, by table. */
export const HOOKS = { mangle: 'FORWARD', filter: 'FORWARD', nat: 'POSTROUTING' } as const
export type Table = keyof typeof HOOKS
export const TABLES = Object.keys(HOOKS) as Table[]

/** Bridges of the engine's own. */
const OTHERS = ['docker0', 'br-+']
const ANSWERS = '-m conntrack --ctstate RELATED,ESTABLISHED'

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

/**
 * Who may not talk to whom is said in `mangle`, before anybody's rules in `filter`, which allow more the higher they
 * stand; who may, in `filter`, where the engine forbids what nobody allows.
 */
export function rulesFor(family: Family, networks: readonly Network[], unhooked: readonly Table[]): string {
  const mine = networks.filter(({ p2p }) => !p2p)
  const lines: Record<Table, string[]> = {
    mangle: mine.flatMap(forbidden),
    filter: mine.flatMap(({ bridge }) => [`-i ${bridge} -j ACCEPT`, `-o ${bridge} ${ANSWERS} -j ACCEPT`]),
    nat: mine.flatMap((network) => masqueraded(family, network)),
  }
  const tables = TABLES.map((table) => {
    const hook = unhooked.includes(table) ? [`-I ${HOOKS[table]} -j ${CHAIN}`] : []
    return [
      `*${table}`,
      `:${CHAIN} - [0:0]`,
      ...hook,
      ...lines[table].map((line) => `-A ${CHAIN} ${line}`),
      'COMMIT',
    ]
  })
  return `${tables.flat().join('\n')}\n`
}

/** With the last network they go, whatever is left of them. */
export function noRules(unhooked: readonly Table[]): string {
  const tables = TABLES.map((table) => {
    const hook = unhooked.includes(table) ? [] : [`-D ${HOOKS[table]} -j ${CHAIN}`]
    return [`*${table}`, `:${CHAIN} - [0:0]`, ...hook, `-X ${CHAIN}`, 'COMMIT']
  })
  return `${tables.flat().join('\n')}\n`
}

function forbidden({ bridge, internal }: Network): string[] {
  if (internal) return [`-i ${bridge} ! -o ${bridge} -j DROP`, `-o ${bridge} ! -i ${bridge} -j DROP`]
  return [
    `-o ${bridge} ! -i ${bridge} ${ANSWERS} -j RETURN`,
    `-o ${bridge} ! -i ${bridge} -j DROP`,
    ...OTHERS.map((other) => `-i ${bridge} -o ${other} -m conntrack --ctstate NEW -j DROP`),
  ]
}

function masqueraded(family: Family, { bridge, internal, masquerade, subnets }: Network): string[] {
  if (internal || !masquerade) return []
  const pools = subnets.map(({ pool }) => pool).filter((pool) => isOf(family, pool))
  return pools.map((pool) => `-s ${pool} ! -o ${bridge} -j MASQUERADE`)
}
