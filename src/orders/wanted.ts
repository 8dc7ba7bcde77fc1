// What a pair is wanted to be, over its whole life: the wishes that it was made from, and what was
// drawn or ordered since. Pure; used by handlers.ts, and by state.ts to make it again after a restart.

import type { EndChange, EndWish, PairWish } from '../contract/ops.js'

/** A pair's wishes as they were sent, and where from: equal ones are the same order (PUT). */
export interface SentWish {
  wish: PairWish
  inode: number
  /** What was drawn at its creation or ordered since: goes over `wish` when it is made again. */
  since: Pick<PairWish, 'a' | 'b'>
}

/** The wishes with which the pair would be made as it is wanted now. */
export function withSince({ wish, since }: Pick<SentWish, 'wish' | 'since'>): PairWish {
  return { ...wish, a: { ...wish.a, ...since.a }, b: { ...wish.b, ...since.b } }
}

/**
 * An end's wishes after a change. Addresses are added; a move sets the end down and drops its
 * addresses, unless the change says otherwise (as End.move does).
 */
export function merged(wish: EndWish, change: Omit<EndChange, 'impair'>): EndWish {
  const before = change.netns === undefined ? wish : { ...wish, up: false, addresses: [] }
  const addresses = [...new Set([...(before.addresses ?? []), ...(change.addresses ?? [])])]
  return { ...before, ...change, ...(addresses.length > 0 && { addresses }) }
}

/** Of a pair whose end b is a tunnel, what it is one of. */
export interface Tunnelled {
  b?: Pick<NonNullable<PairWish['b']>, 'vxlan'>
}

export function tunnelOf({ b }: PairWish): Tunnelled {
  return b?.vxlan === undefined ? {} : { b: { vxlan: b.vxlan } }
}

/**
 * The end's wishes with the name that it got and, where it has one, the name of its namespace: what
 * `%d` or a process id meant once is not what it would mean later. Without impairment, schedule and rules, which the pair
 * itself knows best.
 */
export function pinned(
  wish: EndWish | undefined,
  end: { name: string; netns: string | null; ifindex: number },
): EndWish {
  const { name, netns, ifindex } = end
  if (ifindex === 0) return {} // a tunnel: it is as it was sent
  const { impair: _, schedule: __, rules: ___, ...settings } = wish ?? {}
  const durable = netns === null || !netns.startsWith('net:[')
  const path = typeof wish?.netns === 'string' && wish.netns.includes('/')
  return { ...settings, name, ...((durable || !path) && { netns }) }
}
