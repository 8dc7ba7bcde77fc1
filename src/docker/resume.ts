// Networks and links that were there before the daemon: what a pair that was made again lacks, since others had given it
// that. Called by driver.ts.

import type { Pair } from '../index.js'
import { isNamespace, showInode } from '../netns/names.js'
import type { Orders } from '../orders/handlers.js'
import { addRoutes, allowSix, hasBridge, makeBridge, plug } from './kernel.js'
import { type Endpoint, type Network, pairOf } from './records.js'

/** Its bridge is there, and its containers may be given IPv6 addresses again. */
export async function prepare(network: Network): Promise<void> {
  if (!(await hasBridge(network))) await makeBridge(network)
  const isSix = ({ addresses }: Endpoint) => addresses.some((address) => address.includes(':'))
  for (const { sandbox } of Object.values(network.endpoints).filter(isSix))
    if (sandbox) await allowSix(sandbox)
}

/** Of a pair: those whose containers live. */
export function livingEnds(
  networks: readonly Network[],
  pair: string,
): { network: Network; endpoint: Endpoint }[] {
  return networks.flatMap((network) =>
    Object.entries(network.endpoints)
      .filter(([id, { sandbox }]) => sandbox && pairOf(network, id) === pair && isNamespace(sandbox))
      .map(([, endpoint]) => ({ network, endpoint })),
  )
}

/** A container's end is in it again, with its addresses, and leads somewhere. */
export async function resumeEnd(
  orders: Orders,
  pair: Pair,
  network: Network,
  endpoint: Endpoint,
): Promise<void> {
  const { side = 'b', sandbox = '', gateway, mac, addresses } = endpoint
  const end = pair[side]
  if (end.netns === null) await orders.setEnd(end.name, { netns: sandbox, name: 'eth%d' })
  const ref = `${end.name}@${showInode(end.netnsInode)}`
  if (!end.isUp) {
    // The daemon before had not yet written down what the engine had given it.
    await orders.setEnd(ref, { address: mac, up: true })
    for (const address of addresses) await orders.setEnd(ref, { addresses: [address] }).catch(unlessThere)
  }
  if (network.p2p) return
  await plug(pair.a.name, network, endpoint)
  if (gateway) await addRoutes(sandbox, end.name, network.subnets)
}

/**
 * Where the engine's mounts are not to be seen, a link that is somewhere says that its container lives. One that has just
 * joined has its link at home, and no namespace yet: an engine starts the container afterwards.
 */
export function hasEnded({ sandbox, side = 'b' }: Endpoint, pair: Pair | undefined, isNew: boolean): boolean {
  if (sandbox === undefined || isNamespace(sandbox)) return false
  return pair === undefined || (!isNew && pair[side].netns === null)
}

function unlessThere(error: { code?: string }): void {
  if (error.code !== 'EEXIST') throw error
}
